import Presentation
import Client
import CoSigning
import Foundation
import Logging
import Petitions
import Service
import Sodium
import Templates

/// The story that the demo plays. Every part is the real one: the service over loopback HTTP, SQLite on the disk, a
/// keystore with a passphrase for each member.
final class Story {
    static let serviceName = "demo.example"
    private static let passphrase = "correct horse battery staple"
    private static let memberCount = 40
    /// Co-signatures at which names open.
    private static let level: UInt32 = 30
    /// By member, from 0: who gives a name on that condition.
    private static let names = [4: "Li Wei", 17: "Ana Costa"]

    private let directory: String
    private(set) var port = 0
    private var members: [Member] = []
    private var petition: ID<Petition>?
    private let started = ContinuousClock.now

    init(directory: String) { self.directory = directory }

    func play() async throws {
        let (ports, portFound) = AsyncStream.makeStream(of: Int.self)
        var logger = Logger(label: "demo") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .error
        let service = try await PetitionService(
            ServiceConfiguration(
                host: "127.0.0.1", port: 0, database: directory + "/service.sqlite", name: Self.serviceName),
            logger: logger, onListening: { portFound.yield($0) })
        let serving = Task { try await service.run() }
        do {
            guard let port = await ports.first(where: { _ in true }) else { return }
            self.port = port
            try await tell()
        } catch {
            await stop(serving)
            throw error
        }
        await stop(serving)
        finish()
    }

    private func stop(_ serving: Task<Void, any Error>) async {
        for member in members { member.close() }
        serving.cancel()
        _ = await serving.result
    }

    private func step(_ text: String) {
        let elapsed = (ContinuousClock.now - started).components.seconds
        Terminal.line(Terminal.faint("[\(elapsed) s] ") + text)
    }

    private func secret() -> SecretBytes {
        var bytes = Array(Self.passphrase.utf8)
        return SecretBytes(moving: &bytes)
    }

    private func home(_ number: Int) -> String { "\(directory)/member-\(number < 10 ? "0" : "")\(number)" }

    private func tell() async throws {
        try Data((Self.passphrase + "\n").utf8).write(to: URL(filePath: directory + "/passphrase"))
        step("A service runs on 127.0.0.1:\(port), its database is \(directory)/service.sqlite.")
        try await gather()
        let drafts = try await writeTogether()
        let petition = try await open(drafts)
        self.petition = petition
        try await cosign(petition)
        try await letOneMoreIn(petition)
        try await count(petition)
        try await verify(petition)
        try await negotiate(petition, drafts)
        try await tellAll(petition)
    }

    /// 40 members: the founder and 39 who join by invite.
    private func gather() async throws {
        let founder = try await Enrolment.found(
            at: "http://127.0.0.1:\(port)", eligible: 45, in: home(1), passphrase: secret())
        members = [founder]
        step("Member 1 founds a workplace of 45 people and makes \(Self.memberCount - 1) invites.")
        for (i, url) in try await founder.session({ try await $0.invite(count: Self.memberCount - 1, note: "demo") })
            .enumerated()
        {
            members.append(try await join(url, number: i + 2))
        }
        step("\(members.count) members have joined, each with a keystore of their own.")
    }

    private func join(_ url: String, number: Int) async throws -> Member {
        try await Enrolment.join(Invite(parsing: url), in: home(number), passphrase: secret())
    }

    /// Three demands from templates, each revised by somebody else than who began it.
    private func writeTogether() async throws -> [Draft] {
        let library = try TemplateLibrary(directory: TemplateLibrary.standardDirectory())
        let plans: [(template: String, values: [String: String], writer: Int, reviser: Int, addition: String)] = [
            ("informed-consent", ["notice_days": "14"], 2, 5, "This applies to works council members alike."),
            ("benefit-sharing", [:], 3, 6, "The statement is handed over with the payslip."),
            ("sunset-redeployment", [:], 4, 7, "Part-time staff count as full positions."),
        ]
        var drafts: [Draft] = []
        for plan in plans {
            let (title, text) = try library.template(plan.template, language: "en").render(plan.values)
            let first = try await members[plan.writer].session {
                try await $0.newDraft(language: "en", title: title, text: text)
            }
            let revised = try await members[plan.reviser].session {
                try await $0.revise(first, title: title, text: text + "\n\n" + plan.addition) { _ in }
            }
            guard case .written(let second, _) = revised else { throw ClientError.invalid(.conflict) }
            try await members[0].session { try await $0.adopt(second.id, revision: second.revision) }
            drafts.append(second)
            step(
                "Member \(plan.writer + 1) drafts \"\(title)\"; member \(plan.reviser + 1) revises it to revision \(second.revision)."
            )
        }
        return drafts
    }

    /// A petition with three trustees, two of whom open the ballots.
    private func open(_ drafts: [Draft]) async throws -> ID<Petition> {
        let trustees = [members[7], members[8], members[9]]
        let petition = try await open(
            PetitionPlan(
                language: "en", title: "Guardrails for our AI doubles",
                preamble: "We are asked to train software that imitates us. Before that, we ask for the following.",
                drafts: drafts.map { ($0.id, $0.revision) }, trustees: trustees.map(\.signKey), threshold: 2,
                quorum: 30, closes: 0, levels: [Self.level]), trustees)
        step("Members 8, 9 and 10 are its trustees; petition \(petition.hex.prefix(16)) is announced and open.")
        return petition
    }

    private func open(_ plan: PetitionPlan, _ trustees: [Member]) async throws -> ID<Petition> {
        let id = try await members[0].session { try await $0.prepare(plan) }
        for trustee in trustees { try await trustee.session { try await $0.offer(id) } }
        let assembled = try await members[0].session { try await $0.assemble(id) }
        for trustee in trustees {
            let accepted = try await trustee.session { session in
                _ = try await session.preview(id)
                return try await session.accept(id)
            }
            guard accepted == assembled else { throw ClientError.foreignSealKey }
        }
        return try await members[0].session { try await $0.openPetition(id) }
    }

    /// 38 co-signatures; one is taken back, another changed.
    private func cosign(_ petition: ID<Petition>) async throws {
        for (i, member) in members.prefix(38).enumerated() {
            // Everybody stands behind one demand at least: a co-signature that supports nothing is refused, and would be spoiled.
            let choices = [UInt8(i % 9 == 0 ? 2 : 1), UInt8(i % 5 == 0 ? 0 : 1), UInt8(i % 4 == 1 ? 2 : 1)]
            let name = Self.names[i].map { ConditionalName($0, when: Self.level) }
            try await member.cosigner.cosign(
                petition, choices: choices, remark: i == 3 ? "About time." : "", name: name)
        }
        step(
            "38 members co-sign over anonymous connections, with different choices. Two say: name me once \(Self.level) have signed."
        )
        try await members[11].cosigner.withdraw(petition)
        step("One of them withdraws.")
        try await members[12].cosigner.cosign(petition, choices: [1, 1, 2])
        step("Another changes what they said.")
    }

    private func letOneMoreIn(_ petition: ID<Petition>) async throws {
        let urls = try await members[0].session { try await $0.invite(count: 1, note: "late") }
        guard let url = urls.first else { return }
        members.append(try await join(url, number: members.count + 1))
        let ring = try await members[0].session { try await $0.extend(petition) }
        try await members[members.count - 1].cosigner.cosign(petition, choices: [1, 1, 1])
        step("Member 41 joins, the ring is extended to \(ring) keys, and member 41 co-signs too.")
    }

    private func count(_ petition: ID<Petition>) async throws {
        try await members[0].session { try await $0.closePetition(petition) }
        step("The petition is closed.")
        for i in [7, 9] { try await members[i].session { try await $0.release(petition) } }
        for i in [7, 8] { try await members[i].session { try await $0.release(petition, level: Self.level) } }
        step(
            "Two of the three trustees release the ballots, and the names: their clients counted \(Self.level) co-signatures first."
        )
    }

    private func verify(_ petition: ID<Petition>) async throws {
        let view = try await members[20].cosigner.view(petition)
        let audited = try AuditedPetition(auditing: view.bundle)
        Terminal.line()
        TallyText(disclosure: .standard).show(audited)
        Terminal.line()
        var receipts = 0
        for member in members { receipts += member.cosigner.verifiedReceipts(view) }
        step("All \(receipts) receipts verify against the log.")
        let path = directory + "/petition.rrbundle"
        let bytes = view.bundle.serialized
        try Data(bytes).write(to: URL(filePath: path))
        step("Exported as petition.rrbundle, \(bytes.count / 1000) kB.")
        try check(path, audited)
    }

    private func check(_ path: String, _ audited: AuditedPetition) throws {
        let bundle = try PetitionBundle(parsing: [UInt8](Data(contentsOf: URL(filePath: path))))
        let offline = try AuditedPetition(auditing: bundle)
        let tally = offline.tally
        guard offline.faults.isEmpty, tally.cosignatures == 38, tally.withdrawn == 1, tally.ring == 41,
            tally == audited.tally, Set(offline.names.map(\.name)) == Set(Self.names.values)
        else {
            throw ClientError.coSigning(
                .serviceFaults(offline.faults.map(\.description) + ["the offline count differs"]))
        }
        step(Terminal.green("Verified offline: ") + "38 co-signatures stand, 1 withdrawn, ring 41, no faults.")
        var tampered = bundle
        tampered.petition.leaves[5][200] ^= 1
        let caught = try AuditedPetition(auditing: tampered).faults
        guard let first = caught.first else { throw ClientError.invalid(.tamperedNotCaught) }
        step(Terminal.green("A copy with one bit changed is caught: ") + "\(caught.count) faults, first \"\(first)\".")
    }

    // MARK: Negotiating

    private func record(
        _ what: PetitionStatement.Record.What, date: String, note: String = "", _ demands: [RecordDocument.Demand] = [],
        in petition: ID<Petition>
    ) async throws {
        let document = try RecordDocument(
            what, language: "en", date: date, party: "Ms Vance of HR", note: note, demands: demands)
        try await members[0].session { try await $0.record(document, in: petition) }
    }

    /// Delivered, answered, voted on, agreed: one round of it.
    private func negotiate(_ petition: ID<Petition>, _ drafts: [Draft]) async throws {
        Terminal.line()
        try await record(.delivered, date: "2026-12-01", note: "With the letter and the file.", in: petition)
        let offer =
            "For every calendar year in which doubles are used, the employer pays 8 percent of the benefit to the employees "
            + "concerned, in proportion to the hours of use. An auditor of the works council may inspect the books."
        try await record(
            .response, date: "2026-12-09",
            [
                .init(number: 1, answer: .accepted, text: ""), .init(number: 2, answer: .countered, text: offer),
                .init(number: 3, answer: .refused, text: "Not this year."),
            ], in: petition)
        step(
            "Delivered. The employer accepts demand 1, refuses 3, and answers 2 with other words; all of it is on record, encrypted."
        )
        let draft = try await members[0].negotiation(petition).ratificationDraft(majority: .half)
        let trustees = [members[7], members[8], members[9]]
        let vote = try await open(
            PetitionPlan(
                ratifying: draft, title: "Do we accept the answer to demand 2?", preamble: "",
                trustees: trustees.map(\.signKey), threshold: 2, quorum: 15, closes: 0), trustees)
        for (i, member) in members.prefix(24).enumerated() {
            try await member.cosigner.cosign(vote, choices: [i % 4 == 3 ? 2 : 1])
        }
        try await members[0].session { try await $0.closePetition(vote) }
        for trustee in trustees.prefix(2) { try await trustee.session { try await $0.release(vote) } }
        step("24 members vote on the employer's wording, as anonymously as they signed.")
        try await record(
            .agreement, date: "2026-12-18", note: "Demand 3 is left for next year.",
            [.init(number: 1, text: drafts[0].text), .init(number: 2, text: offer)], in: petition)
        Terminal.line()
        let current = try await members[20].negotiation(petition)
        let timeline = NegotiationText().timeline(
            current.negotiation, current.ratifications, in: current.view.workplace)
        for line in timeline { Terminal.line(line) }
        Terminal.line()
    }

    /// The whole history as one file and one page.
    private func tellAll(_ petition: ID<Petition>) async throws {
        let bytes = try await members[20].history(petition).serialized
        let path = directory + "/negotiation.rrhistory"
        try Data(bytes).write(to: URL(filePath: path))
        let history = try AuditedHistory(auditing: NegotiationHistory(parsing: bytes))
        guard history.faults.isEmpty, history.ratifications.map(\.outcome) == [.carried],
            history.negotiation.threads.map(\.status) == [.agreed, .agreed, .refused]
        else {
            throw ClientError.coSigning(.serviceFaults(history.faults.map(\.description) + ["the negotiation differs"]))
        }
        let templates = TemplateLibrary.standardDirectory()
        let page = try Report(
            history: history, isHistory: true, disclosure: .standard,
            texts: Messages(.english, directory: templates), file: "negotiation.rrhistory"
        ).html(PageTemplates(directory: templates))
        try Data(page.utf8).write(to: URL(filePath: directory + "/report.html"))
        step(
            Terminal.green("The whole history verified: ")
                + "negotiation.rrhistory, \(bytes.count / 1000) kB, and report.html, one page for the notice board.")
        let report = try await members[5].session { try await $0.forget(petition) }
        step(
            "Member 6 forgets: \(report.before.receipts) receipt and the ring key before, "
                + (report.after.isClean ? "nothing" : "still something") + " on the device now.")
    }

    /// Takes away the keystores and the service, and leaves what members hand to others.
    func leaveOnlyWhatAnybodyMayHave() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: directory)
        where !["petition.rrbundle", "negotiation.rrhistory", "report.html"].contains(name) {
            try FileManager.default.removeItem(atPath: directory + "/" + name)
        }
    }

    /// Puts the page for browsers beside the bundle, and says where.
    func showPage() throws {
        Terminal.line()
        guard let page = try BrowserPage.find(besideTemplates: TemplateLibrary.standardDirectory()) else {
            return Terminal.line("The page that verifies in a browser has not been made here: make web makes it.")
        }
        let path = URL(filePath: directory).appending(path: BrowserPage.name)
        try Data(page.bytes).write(to: path)
        Terminal.line(
            "Verify it in your browser: open the address below, choose \(directory)/petition.rrbundle, and enter the id \(petition?.hex ?? "")"
        )
        Terminal.line(path.standardizedFileURL.absoluteString)
    }

    private func finish() {
        Terminal.line()
        Terminal.line(Terminal.bold("The same for a real workplace:"))
        Terminal.line(
            "1. roundrobin-service serve --database rr.sqlite --name petitions.example, behind TLS or as an onion service."
        )
        Terminal.line(
            "2. roundrobin workplace found https://petitions.example --eligible 45; roundrobin invite create --count 39."
        )
        Terminal.line(
            "3. Each coworker: roundrobin join. Then draft new --template informed-consent, and edit each other's drafts."
        )
        Terminal.line(
            "4. roundrobin petition prepare, offer, assemble, accept, open; then each: roundrobin cosign --proxy 127.0.0.1:8118."
        )
        Terminal.line(
            "5. roundrobin petition close, release, tally, export; anybody: roundrobin verify petition.rrbundle --petition ID."
        )
        Terminal.line(
            "6. roundrobin negotiation deliver, respond, ratify, agree; then negotiation export and report. Each member: status, forget."
        )
    }
}
