import CoSigning
import Foundation
import Petitions
import Sodium
import Synchronization
import TestSupport
import Testing

@testable import Client

@Suite("The roster as people manage it, over the real service", .serialized, .takingTurns)
struct RosterTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func workplace(
        _ members: Int, clock: @escaping @Sendable () -> UInt64 = Device.systemClock
    ) async throws -> LiveWorkplace {
        try await LiveWorkplace(
            members: members, service: try await RunningService.start(database: directory("a.sqlite"), clock: clock),
            directory: directory, clock: clock)
    }

    private func refuses(_ code: ClientError.Code, _ body: () async throws -> Void) async {
        do {
            try await body()
            Issue.record("not refused: \(code)")
        } catch let error as ClientError { #expect(error.code == code) } catch { Issue.record("\(error)") }
    }

    @Test("Only present organisers read the directory, and nobody unmakes it by writing over it")
    func sealed() async throws {
        let workplace = try await workplace(4)
        let (founder, second, plain) = (workplace.members[0], workplace.members[1], workplace.members[2])
        try await founder.changeDirectory { $0.append(DirectoryEntry(name: "Marguerite Oyelaran", team: "Night desk")) }
        await refuses(.notOrganiser) { _ = try await plain.directory() }
        await refuses(.notOrganiser) { try await plain.changeDirectory { _ in } }
        try await founder.appoint(second.signKey)
        #expect(try await second.directory().entries.map(\.name) == ["Marguerite Oyelaran"])
        // Two organisers write at once, and neither loses what they wrote.
        nonisolated(unsafe) let (a, b) = (founder, second)
        async let one: Void = a.changeDirectory { $0.append(DirectoryEntry(name: "A")) }
        async let two: Void = b.changeDirectory { $0.append(DirectoryEntry(name: "B")) }
        _ = try await (one, two)
        #expect(Set(try await founder.directory().entries.map(\.name)) == ["Marguerite Oyelaran", "A", "B"])
        // A member cannot overwrite it, neither with junk nor with a directory of their own.
        let name = StoredObject.Name(.directory, .directory(of: founder.workplaceID.bytes))
        for own in [false, true] {
            await #expect(throws: ClientError.self) {
                try await plain.session { session in
                    let all = session.roster.members.map { ($0.signKey, $0.boxKey) }
                    let sealed = try SealedDirectory(.entries([]), in: session.roster.id, for: all)
                    let content = own ? try session.json(DirectoryText(register: sealed)) : Array("junk".utf8)
                    try await session.put(content, name, after: session.newestObject(name))
                }
            }
        }
        #expect(try await founder.directory().entries.count == 3)
        try await founder.changeDirectory { $0.removeAll { $0.name == "A" } }
        #expect(try await second.directory().entries.count == 2)
        try await founder.dismiss(second.signKey)
        await refuses(.notOrganiser) { _ = try await second.directory() }
        // Not even if they have the bytes: the newest revision is not sealed to them.
        let plaintext = try await second.session { try await $0.text(name).plaintext }
        let sealed = try #require(try JSONDecoder().decode(DirectoryText.self, from: Data(plaintext)).register)
        #expect(
            sealed.open(in: second.workplaceID, as: second.signKey, by: second.device.identity.seed.boxKey()) == nil)
        let opened = sealed.open(
            in: founder.workplaceID, as: founder.signKey, by: founder.device.identity.seed.boxKey())
        guard case .entries(let entries)? = opened else { throw Absent() }
        #expect(entries.count == 2)
        #expect(
            sealed.open(in: ID(Random.bytes32()), as: founder.signKey, by: founder.device.identity.seed.boxKey())
                == nil,
            "another workplace")
        await workplace.close()
        let file = try Data(contentsOf: URL(filePath: directory("a.sqlite")))
        #expect(file.range(of: Data("Oyelaran".utf8)) == nil && file.range(of: Data("Night desk".utf8)) == nil)
    }

    @Test("The directory outlives whoever wrote it last: dismissed, removed, or gone by themselves")
    func outlives() async throws {
        let workplace = try await workplace(5)
        let members = workplace.members
        for i in 1...3 { try await members[0].appoint(members[i].signKey) }
        func add(_ name: String, by member: Member) async throws {
            try await member.changeDirectory { $0.append(DirectoryEntry(name: name)) }
        }
        try await add("A", by: members[0])
        try await add("B", by: members[1])
        try await members[0].dismiss(members[1].signKey)
        #expect(try await members[2].directory().entries.map(\.name) == ["A", "B"])
        try await add("C", by: members[2])
        try await members[3].remove(members[2].signKey)
        #expect(try await members[0].directory().entries.map(\.name) == ["A", "B", "C"])
        try await add("D", by: members[0])
        await refuses(.invalid) { try await members[0].remove(members[0].signKey) }
        await refuses(.invalid) { try await members[0].dismiss(members[0].signKey) }
        try await add("E", by: members[3])
        #expect(try await members[0].remove(members[0].signKey) == nil)
        try await members[3].rotateGroupKey()
        #expect(try await members[3].directory().entries.map(\.name) == ["A", "B", "C", "D", "E"])
        await workplace.close()
    }

    @Test("Invites of a list: kept before they are issued, expired and revoked, issued anew, a lost device replaced")
    func invites() async throws {
        let time = Mutex(Device.systemClock())
        let workplace = try await workplace(1, clock: { time.withLock { $0 } })
        let founder = workplace.members[0]
        struct DiskFull: Error {}
        func reissue(_ entry: DirectoryEntry) async throws -> [IssuedInvite] {
            try await founder.session { try await $0.reissue([entry], expires: nil, InviteSteps { _ in }) }
        }
        await #expect(throws: DiskFull.self) {
            _ = try await founder.session {
                try await $0.invite(
                    [DirectoryEntry(name: "Li Wei")], expires: nil, InviteSteps { _ in throw DiskFull() })
            }
        }
        #expect(try await founder.roster().openInvites.isEmpty)
        #expect(try await founder.directory().entries.isEmpty)
        await refuses(.invalid) {
            _ = try await founder.session { try await $0.invite([], expires: nil, InviteSteps { _ in }) }
        }
        let names = ["Li Wei", "Ana Costa", "Noor Haddad"]
        let until = time.withLock { $0 + 86_400 }
        var kept: [String] = []
        let issued = try await founder.session { session in
            try await session.invite(
                names.map { DirectoryEntry(name: $0) }, expires: until, InviteSteps { kept = $0.map(\.url) })
        }
        #expect(issued.map(\.url) == kept && issued.map(\.entry.name) == names)
        let ana = try await workplace.join(issued[1].url)
        // Her invite again does nothing; another person's is not taken for hers, and stays open.
        ana.close()
        for (i, isRefused) in [(1, false), (0, true), (1, false)] {
            do {
                try await Enrolment.join(
                    .init(parsing: issued[i].url), in: ana.device.keystore.directory,
                    passphrase: LiveWorkplace.passphrase()
                ).close()
                #expect(!isRefused)
            } catch ClientError.keystoreExists { #expect(isRefused) }
        }
        #expect(try await founder.roster().openInvites.count == 2)
        var now = try await founder.directory()
        #expect(now.entries.map { now.state(of: $0) } == [.invited, .member(now.people.person(ana.signKey)), .invited])
        #expect(now.names == [ana.signKey: "Ana Costa"])
        #expect(try await founder.session { try await $0.revokeExpired() }.isEmpty)
        time.withLock { $0 = until }
        now = try await founder.directory()
        #expect(now.state(of: now.entries[0]) == .expired)
        #expect(try await founder.session { try await $0.revokeExpired() }.map(\.name) == ["Li Wei", "Noor Haddad"])
        await #expect(throws: ClientError.self) { _ = try await workplace.join(issued[0].url) }
        now = try await founder.directory()
        #expect(now.state(of: now.entries[2]) == .none)
        let again = try await reissue(now.entries[0])
        _ = try await workplace.join(again[0].url)
        await refuses(.invalid) { _ = try await reissue(now.entries[1]) }
        // Ana loses her device.
        try await founder.remove(ana.signKey)
        now = try await founder.directory()
        #expect(now.state(of: now.entries[1]) == .left(now.people.person(ana.signKey)))
        let replacement = try await reissue(now.entries[1])
        await refuses(.invalid) { _ = try await workplace.join(replacement[0].url) }
        let anew = try await workplace.join(replacement[0].url, as: ana.signKey)
        #expect(try await founder.roster().member(anew.signKey)?.replaces == ana.signKey)
        now = try await founder.directory()
        #expect(now.names[anew.signKey] == "Ana Costa" && now.entries.count == 3)
        #expect(now.likenesses(with: ["li wei", "Ana Costas"]).count == 2)
        await workplace.close()
    }

    @Test("A name that is not the directory's is flagged to organisers, and to nobody else")
    func mismatch() async throws {
        let workplace = try await workplace(11)
        let (founder, ann) = (workplace.members[0], workplace.members[1])
        try await founder.changeDirectory { entries in
            var entry = DirectoryEntry(name: "Ann Lee")
            entry.member = ann.signKey.hex
            entries.append(entry)
        }
        let id = try await workplace.openPetition(levels: [1]).id
        try await ann.cosign(id, choices: [1], name: .init("The CEO", when: 1))
        try await founder.release(id, level: 1)
        #expect(try await founder.names(id).claims.map(\.listedAs) == ["Ann Lee"])
        #expect(try await workplace.members[2].names(id).claims.map(\.listedAs) == [nil])
        try await ann.cosign(id, choices: [1], name: .init("lee, ANN", when: 1))
        #expect(try await founder.names(id).claims.map(\.listedAs) == [nil])
        await workplace.close()
    }

    @Test("The audit says who let whom in, carries questions, and names who was never seen")
    func audit() async throws {
        let workplace = try await workplace(3)
        let (founder, ann, ben) = (workplace.members[0], workplace.members[1], workplace.members[2])
        _ = try await ann.newDraft(language: "en", title: "T", text: "x")
        try await founder.declareEligible(21)
        let admitted = try #require(
            try await ann.audit().changes.first { if case .admitted = $0.kind { true } else { false } })
        #expect(admitted.kind == .admitted(ann.signKey, inviter: founder.signKey, replaces: nil))
        try await ben.challenge(leaf: admitted.leaf, "Who is this?")
        await #expect(throws: ClientError.self) { try await ben.challenge(leaf: 999, "?") }
        let audit = try await founder.audit()
        #expect(audit.questions[admitted.leaf]?.map(\.text) == ["Who is this?"])
        #expect(audit.eligible == 21 && audit.members == 3)
        #expect(audit.silent.isEmpty)
        let kinds = audit.changes.map(\.kind)
        #expect(kinds.first == .founded(eligible: 20) && kinds.contains(.invited(2, replacing: [])))
        #expect(kinds.contains(.eligible(21)) && kinds.contains(.groupKey(epoch: 0)))
        #expect(audit.changes.map(\.leaf) == Array(0..<(try await founder.roster().size)))
        guard let url = try await founder.invite(count: 1, note: nil).first else { throw Absent() }
        let late = try await workplace.join(url)
        #expect(try await founder.audit().silent.map(\.key) == [late.signKey])
        let readable = try await founder.remove(late.signKey)
        #expect(readable == StillReadable(drafts: 1, comments: 1, petitions: 0, records: 0, openInvites: 0))
        #expect(try await ann.audit().changes.map(\.kind).suffix(2) == [.removed(late.signKey), .groupKey(epoch: 1)])
        await workplace.close()
    }

    @Test(
        "Forgetting: refused while open; afterwards the device shows nothing of it, and what another petition needs stays"
    )
    func forgetting() async throws {
        let workplace = try await workplace(5)
        let (founder, ann) = (workplace.members[0], workplace.members[1])
        let first = try await workplace.openPetition().id
        try await ann.cosign(first, choices: [1])
        try await ann.cosign(first, choices: [1])
        await refuses(.invalid) { _ = try await ann.forget(first) }
        let second = try await workplace.openPetition().id
        try await ann.cosign(second, choices: [1])
        try await founder.closePetition(first)
        let report = try await ann.forget(first)
        #expect(report.before == Exposure(statements: 2, receipts: 2, hasSealedName: false, hasRingKey: true))
        #expect(report.hasRotated && report.waitingFor == [second])
        #expect(report.after == Exposure(hasRingKey: true), "the second petition needs the key")
        #expect(ann.ownStatus(first) == .forgotten && ann.ownStatus(second) == .signed)
        #expect(ann.device.identity.ringKeys.count == 2)
        // The member can still withdraw from the other petition.
        try await ann.withdraw(second)
        try await founder.closePetition(second)
        let last = try await ann.forget(second)
        #expect(last.after.isClean && !last.hasRotated && last.waitingFor.isEmpty)
        #expect(ann.device.identity.ringKeys.count == 1)
        #expect(ann.device.exposure(first, ring: try await ann.petition(first).ring).isClean)
        #expect(try await ann.forget(first).before.isClean)
        #expect(ann.device.state.memory.petitions.values.allSatisfy { $0.sent.isEmpty && $0.ringKey == nil })
        await workplace.close()
    }
}
