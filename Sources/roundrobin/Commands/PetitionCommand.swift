import Presentation
import ArgumentParser
import Client
import CoSigning
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

    /// Assembles, unless the ring would be so small that nobody's client signs in it.
    private static func assemble(
        _ plan: ID<Object>, _ session: Session, again: Bool = false
    ) async throws -> ID<Petition> {
        let (count, least) = (session.roster.members(at: session.roster.size).count, PetitionView.leastSeats)
        guard count >= least else {
            throw ClientError.invalid(.ringTooSmall, ["count": "\(count)", "least": "\(least)"])
        }
        return try await session.assemble(plan, again: again)
    }

    struct PlanOptions: ParsableArguments {
        @Argument(help: help("plan"))
        var plan: String?

        /// The id of a petition in preparation, which once assembled can be named by the petition's own id as well.
        func find(_ session: Session, fits: (PetitionPlan) -> Bool = { _ in true }) async throws -> ID<Object> {
            let all = try await session.plans()
            func nameable(_ plans: [(id: ID<Object>, plan: PetitionPlan)]) -> [Nameable<(ID<Object>, PetitionPlan)>] {
                plans.map { id, plan in
                    Nameable(
                        ids: [id.hex] + (plan.petition.map { [$0.hex] } ?? []), title: plan.title, value: (id, plan))
                }
            }
            // What is open already is found as a petition, and here only by who names it.
            let waiting = nameable(all.filter { $0.plan.petition.map { !session.wasOpened($0) } ?? true })
            do { return try Naming.choose(plan, among: waiting, .plan) { fits($0.1) }.0 } catch ClientError.noSuch {
                guard plan != nil else { throw ClientError.noSuch(.plan) }
                return try Naming.choose(plan, among: nameable(all), .plan).0
            }
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
            // What may be refused without the service is refused before a passphrase is asked for.
            let closes = try deadline.map { try Moment.deadline($0) } ?? 0
            let preamble = try preambleFile.map(Self.read) ?? preamble
            if !output.json, let weak = PetitionText.weakThreshold(Int(threshold), of: trustees.count) {
                Terminal.warning(weak)
            }
            if let doubtful = DraftCommand.doubtfulMark(in: preamble) {
                Terminal.warning(Words.pair(words("sitting.needsPreamble"), doubtful))
            }
            let (id, petition): (ID<Object>, ID<Petition>?) = try await keystore.withSession { session in
                let members = session.roster.members(at: session.roster.size).count
                if !output.json, let far = PetitionText.farQuorum(Int(quorum), members: members) {
                    Terminal.warning(far)
                }
                let all = try await session.drafts()
                let adopted = try await session.adoptions()
                let chosen = try drafts.map { name in
                    let draft = try DraftCommand.choose(name, among: all)
                    guard let revision = adopted[draft.id]?.revision else {
                        throw ClientError.invalid(.draftNotAdopted, ["draft": name])
                    }
                    return (id: draft.id, revision: revision)
                }
                let id = try await session.prepare(
                    PetitionPlan(
                        language: language, title: title, preamble: preamble,
                        drafts: chosen,
                        trustees: try await Naming.memberKeys(trustees, session), threshold: threshold,
                        quorum: quorum, closes: closes, levels: levels))
                // With an offer from each trustee at hand there is nothing to wait for.
                do { return (id, try await PetitionCommand.assemble(id, session)) } catch ClientError.offersMissing(
                    let people)
                {
                    if !output.json { Terminal.note(words("petition.offersWanted", ["people": Self.names(people)])) }
                } catch let error as ClientError {
                    guard case .invalid(.ringTooSmall, _) = error else { throw error }
                    if !output.json { Terminal.note(error.what) }
                }
                return (id, nil)
            }
            if closes > 0 { Terminal.note(words("petition.deadlineIs", ["time": Moment.describe(closes)])) }
            if output.json {
                var facts = ["plan": id.hex]
                facts["petition"] = petition?.hex
                return try Terminal.json(facts)
            }
            if let petition { return Terminal.line(words("cli.assembled", ["id": petition.hex])) }
            Terminal.line(
                words("cli.prepared", ["title": Terminal.harmless(title)]))
        }

        private static func names(_ people: [NamedMember]) -> String {
            Words.list(people.map(Words.name))
        }

        private static func read(_ file: String) throws -> String {
            try OutsideFile.text(file).trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    struct Discard: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.discard"))
        @OptionGroup var plan: PlanOptions
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withSession { try await $0.discard(try await plan.find($0)) }
            Terminal.line(words("petition.discarded"))
        }
    }

    struct Offer: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.offer"))
        @Flag(help: help("offerAgain"))
        var again = false
        @Flag(help: help("offerAhead"))
        var ahead = false
        @Flag(help: help("offerNothingAhead"))
        var nothingAhead = false
        @OptionGroup var plan: PlanOptions
        @OptionGroup var keystore: KeystoreOptions

        mutating func validate() throws {
            guard !ahead || (!nothingAhead && plan.plan == nil) else { throw ValidationError(words("usage.ahead")) }
        }

        func run() async throws {
            if ahead {
                let ready = try await keystore.withSession { try await $0.offerAhead() }
                return Terminal.line(words("petition.offeredAhead", count: ready))
            }
            if nothingAhead {
                try await keystore.withSession { try await $0.offerNothingAhead() }
                return Terminal.line(words("petition.offersTakenBack"))
            }
            try await keystore.withSession { session in
                let own = session.signKey
                let id = try await plan.find(session) { $0.petition == nil && $0.trustees.contains(own) }
                try await session.offer(id, again: again)
            }
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
            let id = try await keystore.withSession { session in
                try await PetitionCommand.assemble(plan.find(session) { $0.petition == nil }, session, again: again)
            }
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
            let (preview, people) = try await keystore.withSession { session in
                let planID = try await plan.find(session) { $0.petition != nil }
                let preview = try await session.preview(planID)
                comments = try await session.comments().filter { $0.topic == .plan(planID) }
                return (preview, try await session.people())
            }
            let (id, manifest, document) = (preview.petition, preview.manifest, preview.document)
            if raw { return FileHandle.standardOutput.write(Data(document.bytes)) }
            let trustees = preview.trustees.map { people.person($0) }
            try PetitionText.show(id, manifest, document, trustees: trustees, json: output.json)
            guard !output.json else { return }
            Terminal.line(
                words(
                    "petition.hashed",
                    ["digest": manifest.documentDigest.hex, "bytes": "\(document.bytes.count)"]))
            if !comments.isEmpty { Terminal.line() }
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
            // Read before anything is asked of the service.
            let text = try content.read()
            let id = try await keystore.withSession { session in
                try await session.comment(on: try await plan.find(session), demand: demand, text)
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
            let id = try await keystore.withSession { session in
                let own = session.signKey
                return try await session.accept(
                    try await plan.find(session) { $0.petition != nil && $0.trustees.contains(own) })
            }
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
            let id = try await keystore.withSession { session in
                try await session.openPetition(try await plan.find(session) { $0.petition != nil })
            }
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
            // Anonymously first; what is asked for under the member's name comes after.
            let (summaries, (prepared, discarded)) = try await keystore.withMember { member in
                let petitions = try await member.cosigner.summaries().petitions
                return (petitions, try await member.session { try await $0.plansAndDiscarded() })
            }
            func isDiscarded(_ summary: PetitionSummary) -> Bool {
                summary.isOnlyAnnounced && discarded[summary.id] != nil
            }
            let open = Set(summaries.filter { $0.log != nil }.map(\.id))
            let plans = prepared.filter { $0.plan.petition.map { !open.contains($0) } ?? true }.map {
                Plan(
                    plan: $0.id.hex, petition: $0.plan.petition?.hex, title: $0.plan.title,
                    assembled: $0.plan.petition != nil)
            }
            let entries = summaries.map { summary in
                Entry(
                    petition: summary.id.hex,
                    state: summary.log.map { $0.closure == nil ? "open" : "closed" }
                        ?? (isDiscarded(summary) ? "discarded" : "announced"),
                    cosignatures: summary.tally?.cosignatures, ring: summary.tally?.ring,
                    quorum: summary.log?.manifest.quorum, you: summary.own.fact)
            }
            if output.json { return try Terminal.json(Facts(petitions: entries, prepared: plans)) }
            // What is announced and not open yet stands below, by its title, if its preparation is known.
            let known = Set(prepared.compactMap(\.plan.petition))
            for summary in summaries where !(summary.isOnlyAnnounced && known.contains(summary.id)) {
                guard isDiscarded(summary) else {
                    Terminal.line(PetitionText.line(summary))
                    continue
                }
                Self.line(summary.id.hex, words("petition.wasDiscarded"), discarded[summary.id] ?? "")
            }
            for plan in plans {
                let state = plan.assembled ? words("petition.assembled") : words("petition.prepared")
                Self.line(plan.petition ?? plan.plan, state, plan.title)
            }
            if entries.isEmpty { Terminal.note(words("petition.none")) }
        }

        private static func line(_ id: String, _ state: String, _ title: String) {
            Terminal.line("\(id.prefix(16))  \(state)  \(Terminal.harmless(title))")
        }

        private struct Plan: Encodable {
            let plan: String
            /// Its own id, once it is assembled.
            let petition: String?
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
        @OptionGroup var petition: PetitionArgument
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws { try await Terminal.paged { try await show() } }

        private func show() async throws {
            try await keystore.withMember { member in
                let view = try await member.cosigner.view(
                    in: petition.scope(), choosing: petition.choosing(member.cosigner))
                let id = view.petition.id
                let tally = view.petition.tally(in: view.workplace)
                let own = member.device.ownStatus(in: view)
                let receipts = member.cosigner.verifiedReceipts(view)
                if output.json {
                    return try Terminal.json(
                        Facts(
                            petition: id.hex, closed: tally.closed, cosignatures: tally.cosignatures,
                            withdrawn: tally.withdrawn, ring: tally.ring, eligible: tally.eligible,
                            live_seats: view.seats.count, you: own.fact, receipts: receipts,
                            wording: view.document.map { .init(id, view.petition.manifest, $0) }))
                }
                PetitionText.state(view, tally, own, standing: view.standing(of: member.device.identity))
                if receipts > 0 { Terminal.line(words("petition.receipts", count: receipts)) }
                for line in PetitionText.notes(view, at: Device.systemClock()) { Terminal.warning(line) }
                guard let document = view.document else {
                    return Terminal.warning(
                        words(
                            "warning.wording",
                            ["why": words("wording.\((view.documentFault ?? .missing).rawValue)")]))
                }
                Terminal.line()
                try PetitionText.show(
                    id, view.petition.manifest, document, trustees: PetitionText.trustees(view), json: false)
            }
        }

        private struct Facts: Encodable {
            let petition: String
            let closed: Bool
            let cosignatures: Int
            let withdrawn: Int
            let ring: Int
            let eligible: UInt32
            let live_seats: Int
            let you: String
            let receipts: Int
            let wording: PetitionText.Facts?
        }
    }

    struct Extend: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.extend"))
        @OptionGroup var petition: PetitionArgument
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            let count = try await keystore.withMember { member in
                let id = try await petition.find(member) { $0.isOpen }
                return try await member.session { try await $0.extend(id) }
            }
            Terminal.line(words("cli.ringHas", ["count": "\(count)"]))
        }
    }

    struct Close: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.petitionClose"))
        @OptionGroup var petition: PetitionArgument
        @OptionGroup var consent: Consent
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withMember { member in
                let view = try await member.cosigner.view(
                    in: petition.scope(), choosing: petition.choosing(member.cosigner) { $0.isOpen })
                guard view.petition.closure == nil else { throw ClientError.coSigning(.closed) }
                guard view.workplace.isOrganiser(member.signKey) else { throw ClientError.notOrganiser }
                guard try confirms(view) else { return }
                let id = view.petition.id
                try await member.session { try await $0.closePetition(id) }
                Terminal.line(words("cli.closedNow", ["petition": String(id.hex.prefix(8))]))
                // What everybody may read needs no keystore, and so nobody's passphrase.
                let threshold = Int(view.petition.manifest.threshold)
                Terminal.line(words("petition.closedCount", count: threshold))
                var command = ["roundrobin", "verify", id.hex, "--service", member.device.serviceURL]
                if let proxy = keystore.proxy { command += ["--proxy", proxy] }
                Terminal.line("    " + Terminal.command(command))
            }
        }

        /// Shows the count against the quorum, and who has had no say yet. Short of the quorum a yes is not enough.
        private func confirms(_ view: PetitionView) throws -> Bool {
            let log = view.petition
            let (count, quorum) = (log.cosignatures, Int(log.manifest.quorum))
            let title = Terminal.harmless(view.document?.title ?? words("tally.noWording"))
            Terminal.note(Terminal.bold(title))
            Terminal.note(words("petition.closeCount", ["count": "\(count)", "quorum": "\(quorum)"]))
            let grown = (try? log.extendedRing(in: view.workplace, to: view.workplace.size).count) ?? log.ring.count
            if grown > log.ring.count {
                Terminal.note(words("petition.closeOutside", count: grown - log.ring.count))
            }
            if count < quorum { Terminal.warning(words("petition.closeShort", count: quorum - count)) }
            guard !consent.yes else { return true }
            guard count < quorum else { return try consent.given(words("petition.closeAsk")) }
            guard Terminal.canAsk else { throw ClientError.invalid(.consentMissing) }
            Terminal.dropTypedAhead()
            let answer = try Terminal.ask(words("petition.closeType", ["title": title])) ?? ""
            if answer.trimmingCharacters(in: .whitespaces) == title { return true }
            Terminal.line(words("petition.notClosed"))
            return false
        }
    }
}
