import Presentation
import ArgumentParser
import Client
import CoSigning
import Foundation
import Petitions
import Sodium
import Templates
import TextDiff

struct NegotiationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "negotiation", abstract: words("help.negotiation"), discussion: words("help.negotiationMore"),
        subcommands: [
            Deliver.self, Respond.self, Agree.self, Ratify.self, Show.self, Timeline.self, Export.self,
        ])

    struct Options: ParsableArguments {
        @OptionGroup var petition: PetitionArgument
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        /// Looked up in an anonymous reading: a negotiation is read before anything is asked for under the member's name.
        func find(_ member: Member) async throws -> ID<Petition> {
            try await petition.find(member) { !$0.isOpen && $0.view != nil && !$0.isRatification }
        }
    }

    /// What the three records share.
    struct Record: ParsableArguments {
        @Option(help: help("recordFile", "file"))
        var file: String?
        @Flag(help: help("recordForm"))
        var form = false
        @OptionGroup var options: Options

        func run(_ what: PetitionStatement.Record.What) async throws {
            try await options.keystore.withMember { member in
                let id = try await options.find(member)
                let current = try await member.negotiation(id)
                // Before anybody writes anything.
                guard current.view.petition.closure != nil else { throw ClientError.notClosed }
                guard current.view.workplace.isOrganiser(member.signKey) else { throw ClientError.notOrganiser }
                let language = current.view.document?.language ?? Words.language.rawValue
                let blank = RecordForm.blank(
                    what, current.negotiation, date: Moment.today(),
                    isFirst: what == .delivered && current.negotiation.entries.isEmpty,
                    lost: Set(current.ratifications.filter { $0.outcome == .lost }.map(\.response)))
                if form { return Terminal.raw(blank.hasSuffix("\n") ? String(blank.dropLast()) : blank) }
                let filled = try file.map { try Editor.write(file: $0) } ?? Editor.fill(blank)
                let document = try await Editor.keeping(file == nil && filled != blank ? filled : nil) {
                    let document = try RecordForm.read(filled, what, language: language)
                    try RecordForm.checkReadable(document, current.negotiation)
                    return document
                }
                // The form as it was is somebody who closed the editor; an answer without answers is none.
                let says = !document.demands.isEmpty || what == .delivered && !(document.party + document.note).isEmpty
                guard filled != blank, says else {
                    throw ClientError.invalid(.formUnchanged)
                }
                for line in RecordForm.summary(document, current.negotiation) { Terminal.line(line) }
                // Somebody who leaves at the question keeps what they wrote, as after a no.
                let agrees = try await Editor.keeping(file == nil ? filled : nil) {
                    try Terminal.confirms(words("negotiation.ask"))
                }
                guard agrees else {
                    return Editor.keep(file == nil ? filled : nil)
                }
                try await Editor.keeping(file == nil ? filled : nil) {
                    try await member.session { try await $0.record(document, in: id) }
                }
                if options.output.json { return try Terminal.json(["record": document.digest.hex]) }
                Terminal.line(words("negotiation.recorded", ["digest": String(document.digest.hex.prefix(16))]))
                if what == .response, !Negotiation.countered(by: document).isEmpty {
                    Terminal.line(words("negotiation.nextRatify", ["petition": String(id.hex.prefix(8))]))
                }
            }
        }
    }

    struct Deliver: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.deliver"), discussion: words("help.deliverMore"))
        @OptionGroup var record: Record

        func run() async throws { try await record.run(.delivered) }
    }

    struct Respond: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.respond"), discussion: words("help.respondMore"))
        @OptionGroup var record: Record

        func run() async throws { try await record.run(.response) }
    }

    struct Agree: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.agree"))
        @OptionGroup var record: Record

        func run() async throws { try await record.run(.agreement) }
    }

    struct Ratify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.ratify"), discussion: words("help.ratifyMore"))

        @Option(help: help("majority", "majority"))
        var majority = Majority.half.text
        @Option(name: .customLong("trustee"), help: help("trustee", "member"))
        var trustees: [String]
        @Option(help: help("threshold"))
        var threshold: UInt8
        @Option(help: help("voteQuorum"))
        var quorum: UInt32
        @Option(help: help("deadline"))
        var deadline: String?
        @Option(help: help("preamble"))
        var preamble: String?
        @OptionGroup var options: Options

        func run() async throws {
            guard let majority = Majority(majority) else { throw ValidationError(words("usage.majority")) }
            let closes = try deadline.map { try Moment.deadline($0) } ?? 0
            let plan = try await options.keystore.withMember { member in
                let draft = try await member.negotiation(try await options.find(member))
                    .ratificationDraft(majority: majority)
                // In the language of the petition, which need not be this person's.
                let language = Language(tag: draft.language) ?? .english
                let texts = try Messages(language, directory: TemplateLibrary.standardDirectory())
                return try await member.session { session in
                    try await session.prepare(
                        PetitionPlan(
                            ratifying: draft, title: texts(Self.titleKey, ["title": draft.title]),
                            preamble: preamble ?? texts(Self.preambleKey),
                            trustees: try await Naming.memberKeys(trustees, session), threshold: threshold,
                            quorum: quorum, closes: closes))
                }
            }
            if closes > 0 { Terminal.note(words("petition.deadlineIs", ["time": Moment.describe(closes)])) }
            if options.output.json { return try Terminal.json(["plan": plan.hex]) }
            Terminal.line(words("negotiation.prepared"))
        }

        private static let titleKey = Words.key("vote.title")
        private static let preambleKey = Words.key("vote.preamble")
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.negotiationShow"))
        @OptionGroup var disclosure: DisclosureOptions
        @OptionGroup var options: Options

        func run() async throws {
            let current = try await options.keystore.withMember { member in
                try await member.negotiation(try await options.find(member))
            }
            if options.output.json { return try Terminal.json(NegotiationText.Facts(current)) }
            try Terminal.paged { NegotiationText(disclosure: disclosure.disclosure).show(current) }
        }
    }

    struct Timeline: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.timeline"))
        @OptionGroup var disclosure: DisclosureOptions
        @OptionGroup var options: Options

        func run() async throws {
            let current = try await options.keystore.withMember { member in
                try await member.negotiation(try await options.find(member))
            }
            if options.output.json { return try Terminal.json(NegotiationText.Facts(current)) }
            let text = NegotiationText(disclosure: disclosure.disclosure)
            try Terminal.paged {
                for line in text.timeline(
                    current.negotiation, current.ratifications, in: current.view.workplace)
                {
                    Terminal.line(line)
                }
                for note in PetitionText.notes(current.view, at: Device.systemClock()) { Terminal.warning(note) }
            }
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.negotiationExport"), discussion: words("help.negotiationExportMore"))
        @Option(name: [.customShort("o"), .customLong("output")], help: help("outputFile", "file"))
        var file = "negotiation.rrhistory"
        @Flag(help: help("overwrite"))
        var overwrite = false
        @OptionGroup var options: Options

        func run() async throws {
            try PageOptions.check(file, overwrite)
            let history = try await options.keystore.withMember { member in
                try await member.history(try await options.find(member))
            }
            try PageOptions.write(history.serialized, to: file)
            let id = history.petition.petitionID.hex
            if options.output.json { return try Terminal.json(["file": file, "petition": id]) }
            Terminal.line(words("negotiation.exported", ["file": ShellQuoting.file(file), "petition": id]))
        }
    }
}
