import Logging
import Petitions
import Sodium
import Synchronization
import TestSupport
import Testing
import TransparencyLog

@testable import Service
@testable import Storage

@Suite("Folded logs, and batches cut at random", .takingTurns)
struct FoldedLogsTests {
    /// Any drawn sequence can be drawn again.
    private struct Seeded: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    /// Statements in an order in which they are valid, with others in between that are not, or that were there before.
    private struct Script {
        let world: World
        let petition: PetitionWorld
        var statements: [Sequencer.Submission] = []
        /// The logs before the first statement.
        let start: Desk

        init(mix: ServiceConfiguration.Mix?, with random: inout Seeded) throws {
            world = try World(members: 5)
            petition = try PetitionWorld(world, levels: [2])
            start = Desk(world, petition, mix: mix)
            var rounds = 0
            for step in 0..<36 {
                switch Int.random(in: 0..<12, using: &random) {
                case 0..<6:
                    let person = world.people.randomElement(using: &random)!
                    guard let statement = try? petition.coSignature(by: person, choices: [UInt8(step % 3), 1]) else {
                        continue
                    }
                    try petition.append(statement)
                    statements.append(.petition(statement))
                    if mix != nil { statements.append(.mix(petition.log.id)) }
                case 6, 7: try organise(.eligibleDeclared(UInt32(step + 20)))
                case 8:
                    let (before, ring) = (world.leaves.count, petition.log.ringEpoch)
                    guard ring < 2 else { continue }
                    try world.admit()
                    for leaf in world.leaves[before...] {
                        statements.append(.workplace(try WorkplaceStatement(decoding: leaf)))
                    }
                    try petition.extend()
                    statements.append(.petition(try PetitionStatement(decoding: petition.leaves.last!)))
                case 9:
                    // A statement that was sent before.
                    if let one = statements.randomElement(using: &random) { statements.append(one) }
                case 10:
                    guard let coSigned = statements.last(where: { $0.coSigned != nil }) else { continue }
                    var bytes = coSigned.bytes
                    bytes[bytes.count - 32] ^= 1
                    statements.append(.petition(try PetitionStatement(decoding: bytes)))
                default:
                    rounds += 1
                    statements.append(
                        .workplace(try world.statement(.eligibleDeclared(1), sequence: UInt32(500 + rounds))))
                }
            }
            // Covers only the first leaf, which every order of the others has.
            let close = try PetitionStatement.close(
                petition.log.id, size: 1, root: try #require(petition.log.tree.root(at: 1)), roster: world.point,
                sequence: petition.log.nextSequence(of: world.founder.signKey), by: world.founder.seed.signingKey())
            try petition.append(close)
            statements.append(.petition(close))
        }

        private mutating func organise(_ body: WorkplaceStatement.Body) throws {
            let statement = try world.statement(body)
            try world.append(statement)
            statements.append(.workplace(statement))
        }
    }

    private func oneByOne(_ script: Script) -> (Desk, [Admission.Place?]) {
        var desk = script.start
        let places = script.statements.map { statement -> Admission.Place? in
            var batch = desk.admission()
            guard let place = try? batch.admit(statement) else { return nil }
            desk.commit(batch)
            return place
        }
        return (desk, places)
    }

    /// Cuts the script into batches. Some commits fail, or leave it uncertain whether they did; then the same
    /// statements are sent again.
    private func inBatches(_ script: Script, with random: inout Seeded) -> (Desk, [Admission.Place?]) {
        var (desk, places) = (script.start, [Admission.Place?]())
        var rest = script.statements[...]
        while !rest.isEmpty {
            let next = Array(rest.prefix(Int.random(in: 1...9, using: &random)))
            // The proofs are checked before the batch's turn.
            let verdicts = ProofWork(of: next, by: desk.admission()).verdicts()
            var batch = desk.admission()
            let answers = next.indices.map { try? batch.admit(next[$0], verdicts[$0]) }
            switch Int.random(in: 0..<5, using: &random) {
            case 0: continue
            case 1:
                // Nobody knows whether it was written; chance decides.
                if Bool.random(using: &random) { desk.write(batch) }
                desk.logs.forget(batch.logs.changes.names)
                #expect(
                    desk.read().values.allSatisfy { if case .sound = $0 { true } else { false } },
                    "the leaves of a batch are audited like anybody's")
            default:
                desk.commit(batch)
                places += answers
                rest = rest.dropFirst(next.count)
            }
        }
        return (desk, places)
    }

    @Test(
        "Statements in random batches, some of them lost, come to the same logs as one by one",
        arguments: 1...6 as ClosedRange<UInt64>)
    func anyCut(seed: UInt64) throws {
        var random = Seeded(state: seed)
        let script = try Script(mix: nil, with: &random)
        let (alone, places) = oneByOne(script)
        #expect(alone.disk[.petition(script.petition.log.id)] == script.petition.leaves)
        #expect(alone.disk[.workplace(script.world.log.id)] == script.world.leaves)
        for _ in 0..<4 {
            let (desk, cut) = inBatches(script, with: &random)
            #expect(desk.disk == alone.disk)
            #expect(cut == places, "and each has the same place")
            for name in desk.disk.keys { #expect(desk.logs.tree(of: name)?.root == alone.logs.tree(of: name)?.root) }
            let (own, other) = (
                try desk.logs.petition(script.petition.log.id), try alone.logs.petition(script.petition.log.id)
            )
            #expect(own.cosignatures == other.cosignatures && own.tags.keys == other.tags.keys)
            #expect(own.ringEpoch == other.ringEpoch && own.closure != nil)
        }
    }

    @Test("Mixed, they come to the same set of leaves", arguments: 11...13 as ClosedRange<UInt64>)
    func anyCutMixed(seed: UInt64) throws {
        var random = Seeded(state: seed)
        let script = try Script(mix: Desk.patient, with: &random)
        for _ in 0..<3 {
            let (desk, _) = inBatches(script, with: &random)
            let leaves = try #require(desk.disk[.petition(script.petition.log.id)])
            #expect(Set(leaves).count == leaves.count && Set(leaves).isSubset(of: script.petition.leaves))
            #expect(desk.held.values.allSatisfy { $0.isEmpty }, "the close brought in what waited")
            #expect(leaves.last == script.petition.leaves.last)
            let audited = try PetitionLog.audit(leaves, in: script.world.log)
            #expect(audited.faults.isEmpty)
        }
    }

    // MARK: What is in memory

    @Test("The longest unused half is dropped, with its petitions, and whoever asks for strangers leaves nothing")
    func idle() throws {
        let worlds = try (0..<4).map { _ in try World(members: 2) }
        let petition = try PetitionWorld(worlds[0], trusteeCount: 1, threshold: 1)
        var desk = Desk(worlds[0], petition)
        for world in worlds.dropFirst() { desk.add(world) }
        desk.logs.use([.workplace(worlds[0].log.id)])
        desk.logs.use([.workplace(worlds[3].log.id)])
        desk.logs.use([.workplace(ID(Random.bytes32()))])
        #expect(throws: Refusal.noSuchLog) { _ = try desk.logs.workplace(ID(Random.bytes32())) }
        desk.logs.forgetIdle(keeping: 4)
        #expect(desk.logs.count == 4)
        desk.logs.forgetIdle(keeping: 3)
        #expect(desk.logs.count == 2)
        #expect(try desk.logs.petition(petition.log.id).size == 1)
        #expect(try desk.logs.workplace(worlds[3].log.id).size == worlds[3].leaves.count)
        desk.logs.use([.workplace(worlds[3].log.id)])
        desk.logs.forgetIdle(keeping: 1)
        #expect(desk.logs.count == 1 && desk.logs.size(of: .petition(petition.log.id)) == 0)
        // Read again.
        desk.read()
        #expect(desk.logs.count == 4 && desk.logs.size(of: .petition(petition.log.id)) == 1)
    }

    @Test("A log with a changed leaf is not served, is counted, and is served again once its leaves are the right ones")
    func damaged() throws {
        let world = try World(members: 3)
        let petition = try PetitionWorld(world, trusteeCount: 1, threshold: 1)
        try petition.cosign(world.people[1])
        let name = LogName.petition(petition.log.id)
        func news(_ leaves: [[UInt8]], _ legacy: Int = 0) -> LogState.News {
            LogState.News(start: 0, leaves: leaves, legacy: legacy)
        }
        var logs = FoldedLogs()
        _ = logs.take([.workplace(world.log.id): news(world.leaves)])
        var changed = petition.leaves
        changed[1][200] ^= 1
        guard case .unreadable(.storage(.damaged))? = logs.take([name: news(changed)])[name] else { throw Absent() }
        #expect(throws: Refusal.storage(.damaged)) { _ = try logs.petition(petition.log.id) }
        #expect(logs.unreadableCount == 1 && logs.size(of: name) == 0)
        guard case .outdated(let leaves)? = logs.take([name: news(changed, 2)])[name] else { throw Absent() }
        #expect(leaves.count == 1 && leaves[0].hasPrefix("petition leaf 1: "))
        #expect(logs.unreadableCount == 0)
        logs.forget([name])
        guard case .sound? = logs.take([name: news(petition.leaves)])[name] else { throw Absent() }
        #expect(try logs.petition(petition.log.id).cosignatures == 1)
        // What somebody else has read meanwhile is not read again.
        #expect(logs.take([name: news(petition.leaves)]).isEmpty)
    }

    // MARK: Warnings

    @Test("A trouble is told when it begins, when its reason changes and when it is over, for each subject apart")
    func oncePerState() {
        let said = Said()
        let trouble = OncePerState(
            "it fails", over: "it works", level: .error, logger: Logger(label: "test") { _ in SaidLines(said: said) })
        trouble.ends()
        for _ in 0..<3 { trouble.begins("full") }
        trouble.begins("broken")
        trouble.begins("full", about: "a")
        trouble.begins("full", about: "b", metadata: ["log": "b"])
        trouble.ends(about: "a")
        for _ in 0..<2 { trouble.ends() }
        trouble.begins("full")
        #expect(
            said.lines == [
                "error it fails [why: full]", "error it fails [why: broken]", "error it fails [why: full]",
                "error it fails [log: b, why: full]", "notice it works", "notice it works",
                "error it fails [why: full]",
            ])
    }
}

/// Records a service's messages to its operator.
final class Said: Sendable {
    private let all = Mutex<[String]>([])
    var lines: [String] { all.withLock { $0 } }
    func add(_ line: String) { all.withLock { $0.append(line) } }
    func count(of text: String) -> Int { lines.count { $0.contains(text) } }
}

struct SaidLines: LogHandler {
    let said: Said
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .notice
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    init(said: Said) { self.said = said }

    func log(event: LogEvent) {
        let values = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        said.add("\(event.level) \(event.message)" + (values.isEmpty ? "" : " [\(values.joined(separator: ", "))]"))
    }
}
