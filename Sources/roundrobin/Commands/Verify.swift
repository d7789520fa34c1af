import Presentation
import ArgumentParser
import Client
import CoSigning
import Foundation
import Petitions
import Sodium
import TransparencyLog

struct TallyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tally", abstract: words("help.tally"), discussion: words("help.tallyMore"))

    @OptionGroup var petition: PetitionArgument
    @Flag(help: help("remarks"))
    var remarks = false
    @OptionGroup var disclosure: DisclosureOptions
    @OptionGroup var keystore: KeystoreOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try petition.rejectFile()
        let audited = try await keystore.withMember { member in
            try AuditedPetition(
                auditing: try await member.cosigner.bundle(
                    in: petition.scope(), choosing: petition.choosing(member.cosigner)))
        }
        if output.json {
            try Terminal.json(Verdict(audited))
            if let note = NoteText.closedEarly(audited.petition, at: Device.systemClock()) { Terminal.warning(note) }
        } else {
            show(audited)
        }
        if !audited.faults.isEmpty { throw ExitCode(1) }
    }

    private func show(_ audited: AuditedPetition) {
        let verdict = VerdictText(audited, at: Device.systemClock())
        verdict.begin()
        TallyText(disclosure: disclosure.disclosure).show(audited)
        if remarks, !audited.tally.remarks.isEmpty {
            Terminal.line("\n" + Terminal.bold(words("tally.remarks")))
            for remark in audited.tally.remarks { Terminal.line("· " + Terminal.harmless(remark)) }
        }
        verdict.end()
    }
}

struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: words("help.verify"), discussion: words("help.verifyMore"))

    @Argument(help: help("subject"))
    var subject: String
    @Option(help: help("onlyPetition", "id"))
    var petition: String?
    @Flag(help: help("named"))
    var named = false
    @Option(help: help("fromService", "url"))
    var service: String?
    @Option(help: help("verifyPolicy", "file"))
    var policy: String?
    @OptionGroup var disclosure: DisclosureOptions
    @OptionGroup var keystore: KeystoreOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        // Once: a pipe gives its bytes a single time.
        let bytes = service == nil ? try BundleFile.read(subject) : nil
        do {
            if let bytes, PromiseEvidence.isEvidence(bytes) { return try showPromise(bytes) }
            let wanted = petition.map(GivenID.clean)
            if let wanted, ID<Petition>(hex: wanted) == nil {
                throw ClientError.invalid(.wholePetitionID, ["count": "\(wanted.count)"])
            }
            let evidence = try await evidence(bytes)
            if let wanted, evidence.id.hex != wanted {
                if output.json { try Terminal.json(["unreadable": PetitionBundle.Unreadable.otherPetition.rawValue]) }
                throw OtherPetition(wanted: wanted, found: evidence.id.hex)
            }
            // Before the count, so that who reads along knows what is being counted.
            if !output.json { Terminal.note(words("verify.begins", ["id": evidence.id.hex])) }
            // Never in a pager: the verdict must be on the screen when the command has ended.
            let faults = try show(evidence)
            if !faults.isEmpty { throw ExitCode(1) }
        } catch let error as PetitionBundle.Unreadable {
            if output.json { try Terminal.json(["unreadable": error.rawValue]) }
            guard let bytes else { throw BundleFile.serviceError(error) }
            throw BundleFile.error(error, bytes)
        } catch let error as OtherPetition {
            throw error.error
        } catch let error as ClientError {
            if output.json { try Terminal.json(["unreadable": error.what]) }
            throw error
        }
    }

    /// What is verified: a petition alone, or with its negotiation.
    private enum Evidence {
        case petition(PetitionBundle)
        case history(NegotiationHistory)

        var id: ID<Petition> {
            switch self {
            case .petition(let bundle): bundle.petitionID
            case .history(let history): history.petition.petitionID
            }
        }
    }

    /// - Parameter bytes: of the file that `subject` names; nil where it names none.
    private func evidence(_ bytes: [UInt8]?) async throws -> Evidence {
        if let service {
            guard let id = ID<Petition>(hex: GivenID.clean(subject)) else {
                throw ClientError.invalid(.serviceNeedsID)
            }
            return .petition(try await PublicReader.bundle(of: id, at: service, proxy: keystore.parsedProxy()))
        }
        if let bytes {
            return NegotiationHistory.isHistory(bytes)
                ? .history(try NegotiationHistory(parsing: bytes)) : .petition(try PetitionBundle(parsing: bytes))
        }
        let id = GivenID.clean(subject)
        guard id.allSatisfy({ $0.isHexDigit }) else { throw ClientError.invalid(.fileMissing, ["file": subject]) }
        return .petition(
            try await keystore.withMember { member in
                try await member.cosigner.bundle(
                    in: PetitionArgument.scope(id),
                    choosing: PetitionArgument.choosing(id, member.cosigner) { $0.view != nil })
            })
    }

    /// A broken promise, from its file alone.
    private func showPromise(_ bytes: [UInt8]) throws {
        let evidence = try PromiseEvidence(parsing: bytes)
        do {
            let verdict = try evidence.verify()
            if output.json {
                return try Terminal.json([
                    "petition": evidence.petitionID.hex, "breach": verdict.breach.rawValue, "service": verdict.service,
                    "until": "\(verdict.until)",
                ])
            }
            PromiseText.show(verdict, of: evidence.petitionID)
        } catch let weakness as PromiseEvidence.Weakness {
            throw ClientError.invalid(.evidenceWeak, ["why": words("promiseWeak.\(weakness.rawValue)")])
        }
    }

    /// - Returns: the faults.
    private func show(_ evidence: Evidence) throws -> [Fault] {
        let policy = try policy.map { try PolicyFile.read($0).policy }
        let disclosure = disclosure.disclosure
        let origin: NotProven.Origin = service != nil ? .service : petition != nil ? .named : .file
        let now = Device.systemClock()
        let audited: AuditedPetition
        let text: VerifiedText
        switch evidence {
        case .petition(let bundle):
            audited = try AuditedPetition(auditing: bundle, policy: policy)
            text = VerifiedText(audited, disclosure, from: origin, at: now)
            if output.json { try json(audited, Verdict(audited)) }
        case .history(let history):
            let whole = try AuditedHistory(auditing: history, policy: policy)
            audited = whole.petition
            text = VerifiedText(whole, disclosure, from: origin, at: now)
            if output.json { try json(audited, HistoryVerdict(whole)) }
        }
        if output.json {
            text.notes()
            if let note = NoteText.closedEarly(audited.petition, at: now) { Terminal.warning(note) }
            if !named { NotProven(audited, from: origin).note() }
        } else {
            text.show(policy: PolicyFile.show)
        }
        return text.faults
    }

    private func json(_ audited: AuditedPetition, _ verdict: some Encodable) throws {
        if named { try Terminal.json(NamedVerdict(audited, verdict)) } else { try Terminal.json(verdict) }
    }
}

struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: words("help.export"))

    @OptionGroup var petition: PetitionArgument
    @Option(name: .shortAndLong, help: help("outputFile", "file"))
    var output = "petition.rrbundle"
    @Flag(help: help("overwrite"))
    var overwrite = false
    @Flag(help: help("withoutDocument"))
    var withoutDocument = false
    @OptionGroup var keystore: KeystoreOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        try PageOptions.check(output, overwrite)
        let bundle = try await keystore.withMember { member in
            var bundle = try await member.cosigner.bundle(
                in: petition.scope(), choosing: petition.choosing(member.cosigner))
            if withoutDocument { bundle.document = nil }
            return bundle
        }
        try PageOptions.write(bundle.serialized, to: output)
        if format.json { return try Terminal.json(["file": output, "petition": bundle.petitionID.hex]) }
        Terminal.line(
            words("negotiation.exported", ["file": ShellQuoting.file(output), "petition": bundle.petitionID.hex]))
    }
}
