import ArgumentParser
import Client
import Foundation
import Petitions
import Sodium

/// A verdict as JSON, with exactly the members that docs/protocol.md, section 9 names.
struct Verdict: Encodable {
    struct Name: Encodable {
        let member: Int
        let name: String
    }

    let petition: String
    let ring: Int
    let eligible: UInt32
    let cosignatures: Int
    let withdrawn: Int
    let closed: Bool
    let spoiled: Int?
    let questions: [[Int]]?
    let names: [Name]
    let faults: [String]

    init(_ audited: AuditedPetition) {
        let tally = audited.tally
        petition = audited.petition.id.hex
        (ring, eligible, cosignatures) = (tally.ring, tally.eligible, tally.cosignatures)
        (withdrawn, closed, spoiled, questions) = (tally.withdrawn, tally.closed, tally.spoiled, tally.questions)
        names = audited.names.map { Name(member: $0.member, name: $0.name) }
        faults = audited.faults.map(\.description)
    }

    private enum Key: CodingKey {
        case petition, ring, eligible, cosignatures, withdrawn, closed, spoiled, questions, names, faults
    }

    /// By hand, because what is not known yet is null and not absent.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(petition, forKey: .petition)
        try container.encode(ring, forKey: .ring)
        try container.encode(eligible, forKey: .eligible)
        try container.encode(cosignatures, forKey: .cosignatures)
        try container.encode(withdrawn, forKey: .withdrawn)
        try container.encode(closed, forKey: .closed)
        try container.encode(spoiled, forKey: .spoiled)
        try container.encode(questions, forKey: .questions)
        try container.encode(names, forKey: .names)
        try container.encode(faults, forKey: .faults)
    }
}

/// The figures as a table with bars.
enum TallyText {
    static func show(_ audited: AuditedPetition) {
        let tally = audited.tally
        Terminal.line("Petition      \(audited.petition.id.hex)")
        Terminal.line(
            "Co-signatures \(Terminal.bar(tally.cosignatures, of: tally.ring)) \(tally.cosignatures) of \(tally.ring) in the ring"
        )
        Terminal.line(
            "Participation \(Terminal.bar(tally.cosignatures, of: Int(tally.eligible))) \(tally.cosignatures) of \(tally.eligible) people"
        )
        let quorum = Int(audited.petition.manifest.quorum)
        Terminal.line(
            "Quorum        \(Terminal.bar(tally.cosignatures, of: quorum)) \(tally.cosignatures) of \(quorum)")
        Terminal.line("Withdrawn     \(tally.withdrawn)")
        Terminal.line("State         \(tally.closed ? "closed" : "open")")
        guard let questions = tally.questions, let spoiled = tally.spoiled else {
            return Terminal.line(
                "Ballots       sealed: \(audited.petition.released[0].count) of \(audited.petition.manifest.threshold) keys released"
            )
        }
        Terminal.line("Spoiled       \(spoiled)")
        let words = audited.petition.manifest.kind == .petition ? ["support", "oppose"] : ["accept", "reject"]
        for (i, counts) in questions.enumerated() {
            let title = audited.document.map { Terminal.harmless($0.demands[i].title) } ?? "(the wording is not here)"
            Terminal.line()
            Terminal.line(Terminal.bold("Demand \(i + 1): \(title)"))
            for choice in Array(1..<counts.count) + [0] {
                let word = choice == 0 ? "abstain" : choice <= words.count ? words[choice - 1] : "choice \(choice)"
                let padded = word + String(repeating: " ", count: max(1, 10 - word.count))
                Terminal.line("   \(padded)\(Terminal.bar(counts[choice], of: tally.cosignatures)) \(counts[choice])")
            }
        }
        for name in audited.names {
            Terminal.line("Member \(name.member + 1) of the ring, calling themselves \(Terminal.harmless(name.name))")
        }
    }
}

extension TallyText {
    static func show(_ faults: [Fault]) {
        guard !faults.isEmpty else { return }
        for fault in faults { Terminal.line(Terminal.red("Fault: ") + Terminal.harmless(fault.description)) }
        Terminal.line(
            Terminal.red(Terminal.count(faults.count, "fault"))
                + ": do not believe this as it is. It was damaged or altered, or the service cheated.")
    }
}

struct TallyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tally", abstract: "Count a petition from its log, and show the figures.")

    @Argument(help: "The first characters of the petition's id.")
    var petition: String
    @Flag(help: "Show the remarks that came with the ballots too.")
    var remarks = false
    @OptionGroup var keystore: KeystoreOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let audited = try await keystore.withMember { member in
            let id = try Naming.petition(petition, in: try await member.roster())
            return try AuditedPetition(auditing: try await member.bundle(id))
        }
        if output.json { try Terminal.json(Verdict(audited)) } else { show(audited) }
        if !audited.faults.isEmpty { throw ExitCode(1) }
    }

    private func show(_ audited: AuditedPetition) {
        TallyText.show(audited)
        if remarks, !audited.tally.remarks.isEmpty {
            Terminal.line("\n" + Terminal.bold("Remarks"))
            for remark in audited.tally.remarks { Terminal.line("· " + Terminal.harmless(remark)) }
        }
        TallyText.show(audited.faults)
    }
}

struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Verify a petition's count: a bundle offline, or a petition on a service.",
        discussion: """
            Everything is recomputed: both logs, every proof, every ballot that can be opened. Nothing in the file is \
            believed. Compare the petition's id with the one you were told, or name it with --petition.
            Exit status 0 without faults, 1 with faults, 2 when it cannot be read or is another petition.
            """)

    @Argument(help: "A .rrbundle file, or a petition's id.")
    var subject: String
    @Option(help: ArgumentHelp("Refuse any petition but this.", valueName: "id"))
    var petition: String?
    @Option(help: ArgumentHelp("Fetch the petition from this service, without a keystore.", valueName: "url"))
    var service: String?
    @OptionGroup var keystore: KeystoreOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        do {
            let bundle = try await bundle()
            if let petition, ID<Petition>(hex: petition.lowercased()) == nil {
                throw ClientError.invalid("wholePetitionID", ["count": "\(petition.count)"])
            }
            if let petition, bundle.petitionID.hex != petition.lowercased() {
                throw PetitionBundle.Unreadable.otherPetition
            }
            // Before the count, so that who reads along knows what is being counted.
            if !output.json { Terminal.note("Verifying petition \(bundle.petitionID.hex)") }
            let audited = try AuditedPetition(auditing: bundle)
            try show(audited)
            if !audited.faults.isEmpty { throw ExitCode(1) }
        } catch let error as PetitionBundle.Unreadable {
            if output.json { try Terminal.json(["unreadable": error.rawValue]) }
            throw error == .format
                ? ClientError.invalid("bundleDamaged") : .invalid("bundleUnreadable", ["why": error.rawValue])
        } catch let error as ClientError {
            if output.json { try Terminal.json(["unreadable": error.what]) }
            throw error
        }
    }

    private func bundle() async throws -> PetitionBundle {
        if let service {
            guard let id = ID<Petition>(hex: subject) else {
                throw ClientError.invalid("serviceNeedsID")
            }
            return try await PublicReader.bundle(of: id, at: service, proxy: keystore.parsedProxy())
        }
        if let data = FileManager.default.contents(atPath: subject) {
            return try PetitionBundle(parsing: [UInt8](data))
        }
        guard subject.allSatisfy({ $0.isHexDigit }) else { throw ClientError.invalid("noFile", ["file": subject]) }
        return try await keystore.withMember { member in
            if let id = ID<Petition>(hex: subject) { return try await member.bundle(id) }
            return try await member.bundle(try Naming.petition(subject, in: try await member.anonymousRoster()))
        }
    }

    private func show(_ audited: AuditedPetition) throws {
        if output.json { return try Terminal.json(Verdict(audited)) }
        TallyText.show(audited)
        Terminal.line()
        TallyText.show(audited.faults)
        guard audited.faults.isEmpty else { return }
        Terminal.line(Terminal.green("Verified: every leaf, every proof and every figure."))
        Terminal.line("Not checked: times, because logs without witnesses prove none.")
        if audited.document == nil { Terminal.line("Not checked: the wording, because the document is not here.") }
    }
}

struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a petition as a bundle that anybody verifies offline.")

    @Argument(help: "The first characters of the petition's id.")
    var petition: String
    @Option(name: .shortAndLong, help: ArgumentHelp("The file; petition.rrbundle when not given.", valueName: "file"))
    var output = "petition.rrbundle"
    @Flag(help: "Leave the wording out.")
    var withoutDocument = false
    @OptionGroup var keystore: KeystoreOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        let bundle = try await keystore.withMember { member in
            let id = try Naming.petition(petition, in: try await member.roster())
            var bundle = try await member.bundle(id)
            if withoutDocument { bundle.document = nil }
            return bundle
        }
        do { try Data(bundle.serialized).write(to: URL(filePath: output), options: .atomic) } catch {
            throw ClientError.disk(output)
        }
        if format.json { return try Terminal.json(["file": output, "petition": bundle.petitionID.hex]) }
        Terminal.line(
            "Wrote \(output). Anybody verifies it with: roundrobin verify \(output) --petition \(bundle.petitionID.hex)"
        )
    }
}
