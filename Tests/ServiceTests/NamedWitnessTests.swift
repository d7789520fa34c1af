import Foundation
import GRDB
import Petitions
import Service
import ServiceAPI
import Sodium
import TestSupport
import Testing
import TransparencyLog

@Suite("Nothing is shown without the witnesses that a workplace's log names", .serialized, .takingTurns)
struct NamedWitnessTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// The service's key, from a database that this makes.
    private func key() async throws -> NoteKey {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let answer = try await service.send("GET", Route.service.path())
        await service.stop()
        return try NoteKey(parsing: try JSONDecoder().decode(Answers.Service.self, from: Data(answer.body)).service_key)
    }

    private func witness(
        _ name: String, of key: NoteKey, port: Int = 0, clock: TestClock? = nil
    ) async throws -> RunningWitness {
        let system: @Sendable () -> UInt64 = { UInt64(Date().timeIntervalSince1970) }
        let time = if let clock { clock.read } else { system }
        return try await RunningWitness.start(
            database: directory(name + ".sqlite"), name: name + ".example/w", port: port, services: [key], clock: time)
    }

    private func start(
        _ witnesses: [RunningWitness], port: Int = 0, refresh: (age: Duration, look: Duration)? = nil,
        clock: (@Sendable () -> UInt64)? = nil, mix: ServiceConfiguration.Mix? = nil
    ) async throws -> RunningService {
        let lines = witnesses.enumerated().map { "witness w\($0) \($1.key.text) \($1.url)\n" }.joined()
        return try await RunningService.start(
            database: directory("a.sqlite"), port: port, witnesses: lines + "quorum none\n", mix: mix,
            refresh: refresh, clock: clock ?? { UInt64(Date().timeIntervalSince1970) })
    }

    private func quorum(_ threshold: UInt8, _ witnesses: RunningWitness...) -> WitnessQuorum {
        WitnessQuorum(
            threshold: threshold,
            witnesses: witnesses.map { WitnessVerifier(name: $0.key.name, key: $0.key.key) })
    }

    @Test("A naming is taken once enough of those named have signed every log, and each of them is one that is asked")
    func naming() async throws {
        let key = try await key()
        let (one, two) = (try await witness("one", of: key), try await witness("two", of: key))
        let service = try await start([one, two])
        let kept = try await KeptWorld(members: 4, service: service)
        let before = try await kept.shownRoster().checkpoint
        // Other keys, other names, and witnesses that nobody asks.
        let stranger = WitnessVerifier(name: "three.example/w", key: TestWitness().verifier.key)
        for named in [
            [WitnessVerifier(name: one.key.name, key: stranger.key)],
            [WitnessVerifier(name: stranger.name, key: one.key.key)], [stranger],
            quorum(1, one).witnesses + [stranger],
        ] {
            let answer = try await kept.organise(.witnessesNamed(.init(threshold: 1, witnesses: named)))
            #expect(answer.status == 422 && KeptWorld.code(answer) == .witnessUnknown)
        }
        // Not by a member who is not an organiser, nor out of sequence.
        let member = try await kept.organise(.witnessesNamed(quorum(1, one)), by: kept.world.people[1])
        #expect(member.status == 403 && KeptWorld.code(member) == .rule)
        let replayed = try kept.world.statement(.witnessesNamed(quorum(1, one)), sequence: 0)
        #expect(try await kept.post(replayed).status == 409)
        #expect(try await kept.shownRoster().checkpoint == before, "nothing was changed")
        // One witness is down, so two signatures cannot be had, but one can.
        await two.stop()
        #expect(try await kept.organise(.eligibleDeclared(49)).status == 200)
        let present = try await kept.shownRoster().checkpoint
        let silent = try await kept.organise(.witnessesNamed(quorum(2, one, two)))
        #expect(silent.status == 409 && KeptWorld.code(silent) == .witnessesSilent)
        #expect(try await kept.shownRoster().checkpoint == present, "nothing was changed")
        let named = quorum(1, one, two)
        let answer = try await kept.organise(.witnessesNamed(named))
        try kept.check(
            answer, of: try #require(kept.world.leaves.last), by: named, in: kept.world.log.verifier)
        #expect(named.judge(try await kept.shown()).isSatisfied)
        #expect(named.judge(try await kept.shownRoster()).isSatisfied)
        let statement = try kept.petition.coSignature(by: kept.world.people[1])
        try kept.check(try await kept.cosign(statement), of: statement.bytes, by: named)
        // An earlier leaf also has its receipt by them.
        let opened = try await service.send("POST", Route.petitions.path(), body: kept.petition.leaves[0])
        try kept.check((opened.status, opened.body), of: kept.petition.leaves[0], by: named)
        // No witness is required any more.
        #expect(try await kept.organise(.witnessesNamed(.empty)).status == 200)
        await service.stop()
        await one.stop()
    }

    @Test(
        "Where nobody is named, the same bytes again get a receipt that witnesses have signed, however it has grown"
    )
    func again() async throws {
        let key = try await key()
        let (one, two) = (try await witness("one", of: key), try await witness("two", of: key))
        let service = try await start([one, two])
        let kept = try await KeptWorld(members: 6, service: service)
        let statements = try kept.world.people[1...3].map { try kept.petition.coSignature(by: $0) }
        for _ in 0..<2 {
            for statement in statements {
                try kept.check(try await kept.cosign(statement), of: statement.bytes, by: quorum(2, one, two))
            }
        }
        let declared = try kept.world.statement(.eligibleDeclared(45))
        #expect(try await kept.organise(.eligibleDeclared(45)).status == 200)
        #expect(try await kept.organise(.eligibleDeclared(46)).status == 200)
        try kept.check(
            try await kept.post(declared), of: declared.bytes, by: quorum(2, one, two), in: kept.world.log.verifier)
        // A silent witness is missing from it, and the receipt is valid nevertheless.
        await two.stop()
        let last = try kept.petition.coSignature(by: kept.world.people[4])
        for statement in [last, statements[0], last] {
            try kept.check(try await kept.cosign(statement), of: statement.bytes, by: quorum(1, one))
        }
        await service.stop()
        await one.stop()
    }

    @Test("Where no witness is asked, naming nobody is taken and naming somebody is not")
    func nobodyAsked() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let kept = try await KeptWorld(members: 3, service: service)
        #expect(try await kept.organise(.witnessesNamed(.empty)).status == 200)
        let answer = try await kept.organise(
            .witnessesNamed(.init(threshold: 1, witnesses: [TestWitness().verifier])))
        #expect(answer.status == 422 && KeptWorld.code(answer) == .witnessUnknown)
        await service.stop()
    }

    @Test("While they are silent statements are taken and promised, nothing is shown, and receipts come once they sign")
    func silent() async throws {
        let key = try await key()
        var one = try await witness("one", of: key)
        let port = one.port
        var service = try await start([one])
        let kept = try await KeptWorld(members: 5, service: service)
        let named = quorum(1, one)
        #expect(try await kept.organise(.witnessesNamed(named)).status == 200)
        let (petition, roster) = (try await kept.note(LogPath.petition(kept.id)), try await kept.shownRoster())
        await one.stop()
        let statement = try kept.petition.coSignature(by: kept.world.people[1])
        let first = try await kept.cosign(statement)
        let now = UInt64(Date().timeIntervalSince1970)
        let promise = try kept.promise(first, of: statement)
        #expect(promise.until % 3600 == 0 && promise.until >= now + 3600 && promise.until <= now + 2 * 3600 + 5)
        // Accepted, but not shown.
        let declared = try kept.world.statement(.eligibleDeclared(60))
        for _ in 0..<2 {
            let answer = try await kept.post(declared)
            #expect(answer.status == 202)
            let accepted = try JSONDecoder().decode(Answers.Accepted.self, from: Data(answer.body))
            #expect(accepted.index == kept.world.leaves.count)
        }
        try kept.world.append(declared)
        #expect(try await kept.cosign(statement).body == first.body)
        #expect(try await kept.note(LogPath.petition(kept.id)) == petition)
        #expect(try await kept.shownRoster() == roster)
        // The rules apply to the log as it is, shown or not.
        let other = try await kept.cosign(try kept.petition.coSignature(by: kept.world.people[1], choices: [2, 1]))
        #expect(other.status == 409)
        try kept.petition.append(statement)
        let next = try kept.petition.coSignature(by: kept.world.people[1], choices: [2, 2])
        let second = try kept.promise(try await kept.cosign(next), of: next)
        // After a restart the service does not show it either, and promises the same.
        await service.stop()
        service = try await start([one], port: service.port)
        #expect(try await kept.cosign(statement).body == first.body)
        #expect(try await kept.note(LogPath.petition(kept.id)) == petition)
        one = try await witness("one", of: key, port: port)
        try await kept.wait(for: 3)
        let shown = try await kept.shown()
        #expect(named.judge(shown).isSatisfied)
        for statement in [statement, next] {
            try kept.check(try await kept.cosign(statement), of: statement.bytes, by: named)
        }
        let leaves = try await kept.leaves()
        let reading = Promise.Reading(
            leaves: leaves, audited: try PetitionLog.audit(leaves, in: kept.world.log),
            witnessTimes: named.judge(shown).times.map(\.time))
        #expect(promise.broken(try #require(statement.coSigned), in: reading, witnesses: named, clock: nil) == nil)
        #expect(second.broken(try #require(next.coSigned), in: reading, witnesses: named, clock: nil) == nil)
        #expect(try await eventually { try await kept.shownRoster().size >= UInt64(kept.world.log.size) })
        try kept.check(try await kept.post(declared), of: declared.bytes, by: named, in: kept.world.log.verifier)
        await service.stop()
        await one.stop()
    }

    @Test("An organiser replaces witnesses that fell silent, and what waited for them is shown by the new ones")
    func replaced() async throws {
        let key = try await key()
        let (one, two) = (try await witness("one", of: key), try await witness("two", of: key))
        let service = try await start([one, two])
        let kept = try await KeptWorld(members: 4, service: service)
        let (former, latter) = (quorum(1, one), quorum(1, two))
        #expect(try await kept.organise(.witnessesNamed(former)).status == 200)
        await one.stop()
        let statement = try kept.petition.coSignature(by: kept.world.people[1])
        let promise = try kept.promise(try await kept.cosign(statement), of: statement)
        let size = try await kept.size()
        #expect(try await kept.organise(.eligibleDeclared(51)).status == 202)
        // Its sequence does not depend on leaves that nobody shows.
        let answer = try await kept.organise(.witnessesNamed(latter))
        #expect(size == 1)
        try kept.check(
            answer, of: try #require(kept.world.leaves.last), by: latter, "two signs", in: kept.world.log.verifier)
        try await kept.wait(for: 2)
        #expect(latter.judge(try await kept.shown()).isSatisfied)
        #expect(!former.judge(try await kept.shown()).isSatisfied)
        try kept.check(try await kept.cosign(statement), of: statement.bytes, by: latter)
        #expect(promise.until > 0)
        await service.stop()
        await two.stop()
    }

    @Test("A mixed co-signature keeps its promise while witnesses are silent too")
    func mixed() async throws {
        let key = try await key()
        var one = try await witness("one", of: key)
        let port = one.port
        let mix = ServiceConfiguration.Mix(every: .milliseconds(100), atLeast: 2)
        let service = try await start([one], mix: mix)
        let kept = try await KeptWorld(members: 5, service: service)
        #expect(try await kept.organise(.witnessesNamed(quorum(1, one))).status == 200)
        await one.stop()
        let statements = try kept.world.people[1...2].map { try kept.petition.coSignature(by: $0) }
        var answers: [KeptWorld.Answer] = []
        for statement in statements { answers.append(try await kept.cosign(statement)) }
        let promise = try kept.promise(answers[0], of: statements[0])
        #expect(promise.until > UInt64(Date().timeIntervalSince1970) + 20 * 3600)
        // It is in the log by now, but under a checkpoint that is not shown.
        #expect(
            try await eventually {
                try await DatabaseQueue(path: directory("a.sqlite")).read { db in
                    try Int.fetchOne(db, sql: "SELECT size FROM logs WHERE kind = 2")
                } == 3
            })
        for (statement, answer) in zip(statements, answers) {
            #expect(try await kept.cosign(statement).body == answer.body)
        }
        #expect(try await kept.size() == 1)
        one = try await witness("one", of: key, port: port)
        try await kept.wait(for: 3)
        for statement in statements {
            try kept.check(try await kept.cosign(statement), of: statement.bytes, by: quorum(1, one))
        }
        await service.stop()
        await one.stop()
    }

    @Test("Signatures that grow old are made anew, of open petitions and the workplace, and of no others")
    func fresh() async throws {
        let key = try await key()
        let clock = TestClock(1_900_000_000)
        let one = try await witness("one", of: key, clock: clock)
        let service = try await start(
            [one], refresh: (age: .seconds(11 * 3600), look: .milliseconds(50)), clock: clock.read)
        let kept = try await KeptWorld(members: 4, service: service, clock: clock.read)
        let named = quorum(1, one)
        #expect(try await kept.organise(.witnessesNamed(named)).status == 200)
        func times() async throws -> [UInt64?] {
            [named.judge(try await kept.shown()).time, named.judge(try await kept.shownRoster()).time]
        }
        clock.now += 10 * 3600
        try await clock.wait(forReadings: 8)
        #expect(try await times() == [1_900_000_000, 1_900_000_000])
        let size = try await kept.size()
        clock.now += 3600
        #expect(try await eventually { try await times() == [clock.now, clock.now] })
        #expect(try await kept.size() == size)
        #expect(try await kept.shown().note.signatures.count == 2, "in place of the old one, not beside it")
        let closed = clock.now
        let close = try PetitionStatement.close(
            kept.id, size: 1, root: kept.petition.log.tree.root, roster: kept.world.point, sequence: 1,
            by: kept.world.founder.seed.signingKey())
        try kept.check(try await kept.post(close), of: close.bytes, by: named)
        clock.now += 12 * 3600
        #expect(try await eventually { try await times()[1] == clock.now })
        #expect(try await times() == [closed, clock.now])
        await service.stop()
        await one.stop()
    }

    @Test("Where a level's names wait for trustees the petition's signatures stay young, after the close too")
    func release() async throws {
        let key = try await key()
        let clock = TestClock(1_900_000_000)
        let one = try await witness("one", of: key, clock: clock)
        let service = try await start(
            [one], refresh: (age: .seconds(11 * 3600), look: .milliseconds(50)), clock: clock.read)
        let kept = try await KeptWorld(members: 4, service: service, levels: [2], clock: clock.read)
        let named = quorum(1, one)
        #expect(try await kept.organise(.witnessesNamed(named)).status == 200)
        let began = clock.now
        func times() async throws -> [UInt64?] {
            [named.judge(try await kept.shown()).time, named.judge(try await kept.shownRoster()).time]
        }
        // A witness that was slow signs later: the clock may move only when both logs show their first signatures.
        #expect(try await eventually { try await times() == [began, began] })
        func wait(for time: UInt64) async throws {
            #expect(try await eventually { try await times()[0] == time })
            let shown = try await times()
            #expect(shown == [time, began])
        }
        func stays(at time: UInt64) async throws {
            try await clock.wait(forReadings: 8)
            let shown = try await times()
            #expect(shown == [time, began])
        }
        func append(_ statement: PetitionStatement) async throws {
            let answer = try await statement.coSigned == nil ? kept.post(statement) : kept.cosign(statement)
            try kept.check(answer, of: statement.bytes, by: named)
            try kept.petition.append(statement)
        }
        clock.now += 60
        try await append(kept.petition.coSignature(by: kept.world.people[1]))
        let first = clock.now
        // The count has not been reached yet.
        clock.now += 3600
        try await stays(at: first)
        try await append(kept.petition.coSignature(by: kept.world.people[2]))
        let reached = clock.now
        // A look that began before the count was reached may still ask the witness; it must not find a later clock.
        try await stays(at: reached)
        clock.now += 1799
        try await stays(at: reached)
        clock.now += 1
        try await wait(for: clock.now)
        try await append(kept.petition.closing())
        clock.now += 1800
        try await wait(for: clock.now)
        // One trustee is not enough.
        try await append(kept.petition.releasing(0, set: 1))
        clock.now += 1800
        try await wait(for: clock.now)
        try await append(kept.petition.releasing(1, set: 1))
        let released = clock.now
        try await stays(at: released)
        clock.now += 3600
        try await stays(at: released)
        await service.stop()
        await one.stop()
    }
}
