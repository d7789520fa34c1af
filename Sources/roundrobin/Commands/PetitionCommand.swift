import ArgumentParser
import Client
import Foundation
import MembershipProofs
import Petitions
import Sodium

struct PetitionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "petition", abstract: "Prepare, open, show, extend and close petitions.",
        discussion: """
            The way to an open petition: an organiser prepares it; each trustee offers fresh seal keys; the organiser \
            assembles it, which fixes its id; each trustee reads and accepts it; the organiser opens it.
            """,
        subcommands: [
            Prepare.self, Offer.self, Assemble.self, Preview.self, Accept.self, Open.self, List.self, Show.self,
            Extend.self, Close.self,
        ])

    struct PlanOptions: ParsableArguments {
        @Argument(help: "The first characters of the prepared petition's id; the only one when not given.")
        var plan: String?

        func find(_ member: Member) async throws -> ID<Object> {
            let plans = try await member.plans().map(\.id)
            if let plan { return try Naming.object(plan, among: plans, "plan") }
            guard let only = plans.first else { throw ClientError.noSuch("plan") }
            guard plans.count == 1 else { throw ClientError.ambiguous("plan") }
            return only
        }
    }

    struct Prepare: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put up what a petition will be: demands, trustees, threshold, quorum, deadline.")

        @Option(help: "The petition's title.")
        var title: String
        @Option(help: "What stands before the demands.")
        var preamble = ""
        @Option(help: ArgumentHelp("Read the preamble from this file.", valueName: "file"))
        var preambleFile: String?
        @Option(help: "en or zh-Hans.")
        var language = "en"
        @Option(
            name: .customLong("draft"),
            help: "An adopted draft, by number or the first characters of its id; once for each demand, in order.")
        var drafts: [String]
        @Option(name: .customLong("trustee"), help: "A trustee, by member number or key; once for each.")
        var trustees: [String]
        @Option(help: "How many trustees it takes to open the ballots.")
        var threshold: UInt8
        @Option(help: "How many co-signatures to wait for before delivering.")
        var quorum: UInt32
        @Option(
            name: .customLong("level"),
            help: "A count of co-signatures at which names open that were given on that condition; up to eight.")
        var levels: [UInt32] = []
        @Option(help: "When it closes by itself: a whole hour in UTC, such as 2026-12-01T17:00Z.")
        var deadline: String?
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let closes: UInt64
            if let deadline {
                guard let moment = Moment.parse(deadline) else {
                    throw ValidationError("--deadline takes a whole hour, such as 2026-12-01T17:00Z.")
                }
                closes = moment
            } else {
                closes = 0
            }
            let id = try await keystore.withMember { member in
                let roster = try await member.roster()
                let all = try await member.drafts()
                let adopted = try await member.adoptions()
                let chosen = try drafts.map { name in
                    let id = try Naming.object(name, among: all.map(\.id), "draft")
                    guard let revision = adopted[id] else {
                        throw ClientError.invalid("draftNotAdopted", ["draft": name])
                    }
                    return (id: id, revision: revision)
                }
                return try await member.prepare(
                    PetitionPlan(
                        language: language, title: title, preamble: try preambleFile.map(Self.read) ?? preamble,
                        drafts: chosen,
                        trustees: trustees.map { try Naming.member($0, in: roster) }, threshold: threshold,
                        quorum: quorum, closes: closes, levels: levels))
            }
            if output.json { return try Terminal.json(["plan": id.hex]) }
            Terminal.line(
                "Prepared \(id.hex.prefix(16)). Next, each trustee: roundrobin petition offer \(id.hex.prefix(8))")
        }

        private static func read(_ file: String) throws -> String {
            guard let data = FileManager.default.contents(atPath: file), let text = String(data: data, encoding: .utf8)
            else { throw ClientError.invalid("notText", ["file": file]) }
            return text.trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    struct Offer: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "As a trustee: offer fresh seal keys for a prepared petition.")
        @Flag(help: "Also when it has been assembled; then it must be assembled again.")
        var again = false
        @OptionGroup var plan: PlanOptions
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withMember { try await $0.offer(try await plan.find($0), again: again) }
            Terminal.line("Offered. You will be asked to accept when the petition is assembled.")
        }
    }

    struct Assemble: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fix the wording, the ring and the seal keys: the petition gets its id.")
        @Flag(help: "Also when it was assembled before. Trustees who accepted that must offer anew first.")
        var again = false
        @OptionGroup var plan: PlanOptions
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let id = try await keystore.withMember { try await $0.assemble(try await plan.find($0), again: again) }
            if output.json { return try Terminal.json(["petition": id.hex]) }
            Terminal.line("Petition \(id.hex). Next, each trustee: roundrobin petition preview, then petition accept.")
        }
    }

    struct Preview: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a prepared petition exactly as it will be hashed.")
        @Flag(help: "Print the document's very bytes and nothing else: their digest is what the petition's id covers.")
        var raw = false
        @OptionGroup var plan: PlanOptions
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let (id, manifest, document) = try await keystore.withMember {
                try await $0.preview(try await plan.find($0))
            }
            if raw { return FileHandle.standardOutput.write(Data(document.bytes)) }
            try PetitionText.show(id, manifest, document, json: output.json)
            guard !output.json else { return }
            Terminal.line(
                words(
                    "petition.hashed",
                    ["digest": manifest.documentDigest.hex, "bytes": "\(document.bytes.count)"]))
        }
    }

    struct Accept: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "As a trustee: sign this very petition, after reading it with petition preview.")
        @OptionGroup var plan: PlanOptions
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let id = try await keystore.withMember { try await $0.accept(try await plan.find($0)) }
            if output.json { return try Terminal.json(["petition": id.hex]) }
            Terminal.line("Accepted petition \(id.hex).")
        }
    }

    struct Open: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Announce the petition to the workplace, then open it for co-signatures.")
        @OptionGroup var plan: PlanOptions
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let id = try await keystore.withMember { try await $0.openPetition(try await plan.find($0)) }
            if output.json { return try Terminal.json(["petition": id.hex]) }
            Terminal.line("Open: \(id.hex)")
            Terminal.line("Tell everybody this id by another channel; who verifies the count must know it.")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the workplace's petitions.")
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        private struct Entry: Encodable {
            let petition: String
            let state: String
            let cosignatures: Int?
            let ring: Int?
            let quorum: UInt32?
            let you: String
        }

        func run() async throws {
            let (summaries, prepared) = try await keystore.withMember { member in
                (try await member.petitions(), try await member.plans())
            }
            let plans = prepared.map { Plan(plan: $0.id.hex, title: $0.plan.title, assembled: $0.plan.manifest != nil) }
            let entries = summaries.map { summary in
                Entry(
                    petition: summary.id.hex,
                    state: summary.log.map { $0.closure == nil ? "open" : "closed" } ?? "announced",
                    cosignatures: summary.tally?.cosignatures, ring: summary.tally?.ring,
                    quorum: summary.log?.manifest.quorum, you: summary.own.fact)
            }
            if output.json { return try Terminal.json(Facts(petitions: entries, prepared: plans)) }
            for summary in summaries { Terminal.line(PetitionText.line(summary)) }
            for plan in plans {
                let state = plan.assembled ? words("petition.assembled") : words("petition.prepared")
                Terminal.line("\(plan.plan.prefix(16))  \(state)  \(Terminal.harmless(plan.title))")
            }
            if entries.isEmpty { Terminal.note(words("petition.none")) }
        }

        private struct Plan: Encodable {
            let plan: String
            let title: String
            let assembled: Bool
        }

        private struct Facts: Encodable {
            let petitions: [Entry]
            let prepared: [Plan]
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a petition, read over an anonymous connection.")
        @Argument(help: "The first characters of its id.")
        var petition: String
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await keystore.withMember { member in
                let id = try Naming.petition(petition, in: try await member.roster())
                let view = try await member.view(id)
                let tally = view.petition.tally(in: view.workplace)
                if output.json {
                    return try Terminal.json(
                        Facts(
                            petition: id.hex, closed: tally.closed, cosignatures: tally.cosignatures,
                            withdrawn: tally.withdrawn, ring: tally.ring, eligible: tally.eligible,
                            you: member.ownStatus(id).fact, receipts: try member.verifyReceipts(view),
                            wording: view.document.map { .init(id, view.petition.manifest, $0) }))
                }
                PetitionText.state(view.petition, tally, member.ownStatus(id))
                let receipts = try member.verifyReceipts(view)
                if receipts > 0 { Terminal.line(words("petition.receipts", count: receipts)) }
                guard let document = view.document else {
                    return Terminal.warning(words("warning.wording", ["why": view.documentFault ?? ""]))
                }
                Terminal.line()
                try PetitionText.show(id, view.petition.manifest, document, json: false)
            }
        }

        private struct Facts: Encodable {
            let petition: String
            let closed: Bool
            let cosignatures: Int
            let withdrawn: Int
            let ring: Int
            let eligible: UInt32
            let you: String
            let receipts: Int
            let wording: PetitionText.Facts?
        }
    }

    struct Extend: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let in those who joined since the petition opened.")
        @Argument(help: "The first characters of its id.")
        var petition: String
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            let count = try await keystore.withMember { member in
                try await member.extend(try Naming.petition(petition, in: try await member.roster()))
            }
            Terminal.line("The ring has \(count) keys now.")
        }
    }

    struct Close: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Close a petition to further co-signatures.")
        @Argument(help: "The first characters of its id.")
        var petition: String
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withMember { member in
                try await member.closePetition(try Naming.petition(petition, in: try await member.roster()))
            }
            Terminal.line("Closed. Next, the trustees: roundrobin release \(petition)")
        }
    }
}
