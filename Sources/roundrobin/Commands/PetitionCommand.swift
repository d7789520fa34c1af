import ArgumentParser
import Client
import Foundation
import MembershipProofs
import Petitions
import Sodium
import Templates

struct PetitionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "petition", abstract: words("help.petition"),
        discussion: words("help.petitionMore"),
        subcommands: [
            Prepare.self, Discard.self, Offer.self, Assemble.self, Preview.self, CommentOn.self, Accept.self, Open.self,
            List.self,
            Show.self, Extend.self, Close.self,
        ])

    struct PlanOptions: ParsableArguments {
        @Argument(help: help("plan"))
        var plan: String?

        func find(_ member: Member) async throws -> ID<Object> {
            let all = try await member.plans()
            if let plan { return try Naming.object(plan, among: all.map(\.id), "plan") }
            // What is announced already is found as a petition.
            let announced = try await member.roster().announcements
            let plans = all.filter { $0.plan.petition.map { announced[$0] == nil } ?? true }.map(\.id)
            guard let only = plans.first else { throw ClientError.noSuch("plan") }
            guard plans.count == 1 else { throw ClientError.ambiguous("plan") }
            return only
        }
    }

    struct Prepare: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.prepare"))

        @Option(help: help("title"))
        var title: String
        @Option(help: help("preambleText"))
        var preamble = ""
        @Option(help: help("preambleFile", "file"))
        var preambleFile: String?
        @Option(help: help("pageLanguage"))
        var language = Words.language.rawValue
        @Option(
            name: .customLong("draft"),
            help: help("planDraft"))
        var drafts: [String]
        @Option(name: .customLong("trustee"), help: help("trustee"))
        var trustees: [String]
        @Option(help: help("threshold"))
        var threshold: UInt8
        @Option(help: help("quorum"))
        var quorum: UInt32
        @Option(
            name: .customLong("level"),
            help: help("planLevel"))
        var levels: [UInt32] = []
        @Option(help: help("deadline"))
        var deadline: String?
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let closes: UInt64
            if let deadline {
                guard let moment = Moment.parse(deadline) else {
                    throw ValidationError(words("usage.deadline"))
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
                words("cli.prepared", ["id": String(id.hex.prefix(16)), "plan": String(id.hex.prefix(8))]))
        }

        private static func read(_ file: String) throws -> String {
            guard let data = FileManager.default.contents(atPath: file), let text = String(data: data, encoding: .utf8)
            else { throw ClientError.invalid("notText", ["file": file]) }
            return text.trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    struct Discard: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.discard"))
        @OptionGroup var plan: PlanOptions
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withMember { try await $0.discard(try await plan.find($0)) }
            Terminal.line(words("petition.discarded"))
        }
    }

    struct Offer: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.offer"))
        @Flag(help: help("offerAgain"))
        var again = false
        @OptionGroup var plan: PlanOptions
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withMember { try await $0.offer(try await plan.find($0), again: again) }
            Terminal.line(words("cli.offered"))
        }
    }

    struct Assemble: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.assemble"))
        @Flag(help: help("assembleAgain"))
        var again = false
        @OptionGroup var plan: PlanOptions
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let id = try await keystore.withMember { try await $0.assemble(try await plan.find($0), again: again) }
            if output.json { return try Terminal.json(["petition": id.hex]) }
            Terminal.line(words("cli.assembled", ["id": id.hex]))
        }
    }

    struct Preview: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.preview"))
        @Flag(help: help("raw"))
        var raw = false
        @OptionGroup var plan: PlanOptions
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            var comments: [Comment] = []
            var people: People?
            let (id, manifest, document) = try await keystore.withMember { member in
                let planID = try await plan.find(member)
                let preview = try await member.preview(planID)
                comments = try await member.comments().filter { $0.topic == .plan(planID.hex) }
                if !comments.isEmpty { people = try await member.people() }
                return preview
            }
            if raw { return FileHandle.standardOutput.write(Data(document.bytes)) }
            try PetitionText.show(id, manifest, document, json: output.json)
            guard !output.json else { return }
            Terminal.line(
                words(
                    "petition.hashed",
                    ["digest": manifest.documentDigest.hex, "bytes": "\(document.bytes.count)"]))
            guard let people else { return }
            Terminal.line()
            for comment in comments {
                let place = comment.replyTo == nil ? comment.demand : nil
                CommentView.show(
                    comment, place: place.map { words("comment.demand", ["number": "\($0)"]) } ?? "", people: people)
            }
        }
    }

    struct CommentOn: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "comment", abstract: words("help.planComment"))
        @Option(help: help("planDemand"))
        var demand: Int?
        @OptionGroup var content: DraftCommand.CommentText
        @OptionGroup var plan: PlanOptions
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let id = try await keystore.withMember { member in
                try await member.comment(on: try await plan.find(member), demand: demand, content.read())
            }
            if output.json { return try Terminal.json(["comment": id.hex]) }
            Terminal.line(words("comment.made", ["id": String(id.hex.prefix(8))]))
        }
    }

    struct Accept: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.accept"))
        @OptionGroup var plan: PlanOptions
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let id = try await keystore.withMember { try await $0.accept(try await plan.find($0)) }
            if output.json { return try Terminal.json(["petition": id.hex]) }
            Terminal.line(words("cli.accepted", ["id": id.hex]))
        }
    }

    struct Open: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.petitionOpen"))
        @OptionGroup var plan: PlanOptions
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let id = try await keystore.withMember { try await $0.openPetition(try await plan.find($0)) }
            if output.json { return try Terminal.json(["petition": id.hex]) }
            Terminal.line(words("cli.opened", ["id": id.hex]))
            Terminal.line(words("cli.tellID"))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.petitionList"))
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
            let open = Set(summaries.map(\.id))
            let plans = prepared.filter { $0.plan.petition.map { !open.contains($0) } ?? true }.map {
                Plan(plan: $0.id.hex, title: $0.plan.title, assembled: $0.plan.manifest != nil)
            }
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
            abstract: words("help.petitionShow"))
        @Argument(help: help("petitionID"))
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
                    return Terminal.warning(
                        words("warning.wording", ["why": words("reason." + (view.documentFault ?? ""))]))
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
            abstract: words("help.extend"))
        @Argument(help: help("petitionID"))
        var petition: String
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            let count = try await keystore.withMember { member in
                try await member.extend(try Naming.petition(petition, in: try await member.roster()))
            }
            Terminal.line(words("cli.ringHas", ["count": "\(count)"]))
        }
    }

    struct Close: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.petitionClose"))
        @Argument(help: help("petitionID"))
        var petition: String
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            guard Terminal.confirms(words("petition.closeAsk", ["petition": petition])) else { return }
            try await keystore.withMember { member in
                try await member.closePetition(try Naming.petition(petition, in: try await member.roster()))
            }
            Terminal.line(words("cli.closedNow", ["petition": petition]))
        }
    }
}
