import CoSigning
import Foundation
import GRDB
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Client

@Suite("Two members who compare catch a service that shows them different logs", .serialized, .takingTurns)
struct GossipTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("Members who are shown the same find the same, at different times and whatever they signed")
    func same() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let (a, b) = (workplace.members[0], workplace.members[1])
        let petition = try await workplace.openPetition()
        let before = try await a.gossip()
        #expect(before.checkpoints.map(\.log) == [.workplace, .petition(petition.id)])
        let phrase = try await a.phrase()
        _ = try await b.cosign(petition.id, choices: [1])
        _ = try await a.cosign(petition.id, choices: [1])
        try await a.declareEligible(30)
        for member in [a, b] {
            let comparison = try await member.compare(before)
            #expect(comparison.holds && comparison.evidence == nil && comparison.findings.count == 2)
            #expect(try await member.compare(phrase) == .same(absent: []))
        }
        // As somebody types it who has heard it.
        let heard = try GossipPhrase(parsing: "  " + phrase.text.uppercased().replacing("-", with: " ") + "\n")
        #expect(heard == phrase)
        #expect(try await b.compare(heard) == .same(absent: []))
        // A member who has signed and one who has not show the same.
        let (fromSigner, fromOther) = (try await b.gossip(), try await workplace.members[3].gossip())
        #expect(fromSigner == fromOther && fromSigner != before)
        #expect(try await b.phrase() == workplace.members[3].phrase())
        // More is shown there than here.
        let more = try GossipPhrase(
            parsing: phrase.text.replacing("\(phrase.sizes[0])-", with: "\(phrase.sizes[0] + 900)-"))
        #expect(try await b.compare(more) == .withheld)
        let file = fromSigner.serialized
        #expect(try GossipFile(parsing: file) == fromSigner && GossipFile.isGossip(file))
        await workplace.close()
    }

    @Test("A fork between two members is named by both ways, and the evidence convinces a third without the service")
    func fork() async throws {
        var service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 3, service: service, directory: directory)
        let (a, b) = (workplace.members[0], workplace.members[1])
        await service.stop()
        try DatabaseCopy.make(of: directory("a.sqlite"), as: directory("b.sqlite"))
        // One face for the founder, a different one for everybody else.
        service = try await RunningService.start(database: directory("a.sqlite"), port: service.port)
        try await a.declareEligible(30)
        let (shownToA, phraseOfA) = (try await a.gossip(), try await a.phrase())
        await service.stop()
        service = try await RunningService.start(database: directory("b.sqlite"), port: service.port)
        _ = try await b.rotateRingKey()
        _ = try await b.rotateRingKey()
        let comparison = try await b.compare(shownToA)
        let size = UInt64(phraseOfA.sizes[0])
        #expect(comparison.findings == [.forked(.workplace, size: size)] && !comparison.holds)
        if case .different(let ours?) = try await b.compare(phraseOfA) {
            #expect(ours.sizes == phraseOfA.sizes && ours != phraseOfA)
        } else {
            Issue.record("the phrases do not differ")
        }
        let evidence = try #require(comparison.evidence)
        let read = try ForkEvidence(parsing: evidence.serialized)
        #expect(read == evidence && ForkEvidence.isEvidence(evidence.serialized))
        #expect(read.proof()?.shorter == size && read.proof()?.longer == size + 1)
        // Evidence that was made up, or that consists of two checkpoints that agree, proves nothing.
        let lines = evidence.serialized.split(separator: 0x0a, omittingEmptySubsequences: false).map { Array($0) }
        func joined(_ order: [Int]) -> [UInt8] { Array(order.map { lines[$0] }.joined(separator: [0x0a])) }
        #expect(try ForkEvidence(parsing: joined([0, 1, 3, 2, 4, 5])).proof() == nil)
        #expect(try ForkEvidence(parsing: joined([0, 1, 2, 2, 4, 5])).proof() == nil)
        for line in 0..<5 {
            for place in stride(from: 0, to: min(lines[line].count, 400), by: 7) {
                var bad = lines
                bad[line][place] ^= 2
                let file = try? ForkEvidence(parsing: Array(bad.joined(separator: [0x0a])))
                #expect(file?.proof() == nil, "line \(line), byte \(place)")
            }
        }
        await workplace.close()
        await service.stop()
    }

    @Test(
        "What the service holds back from one of two is named, and a file that was made up is no fault of the service's"
    )
    func withheld() async throws {
        var service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let (a, b) = (workplace.members[0], workplace.members[1])
        let petition = try await workplace.openPetition()
        _ = try await b.roster()
        await service.stop()
        try DatabaseCopy.make(of: directory("a.sqlite"), as: directory("old.sqlite"))
        service = try await RunningService.start(database: directory("a.sqlite"), port: service.port)
        _ = try await a.cosign(petition.id, choices: [1])
        let (shown, phrase) = (try await a.gossip(), try await a.phrase())
        await service.stop()
        service = try await RunningService.start(database: directory("old.sqlite"), port: service.port)
        let comparison = try await b.compare(shown)
        #expect(
            !comparison.holds && comparison.findings.contains(.withheld(.petition(petition.id), theirs: 2, ours: 1)))
        #expect(try await b.compare(phrase) == .withheld)
        // Changed by the person who passed it on.
        let text = String(decoding: shown.serialized, as: UTF8.self)
        let forged = try GossipFile(parsing: Array(text.replacing("\\n2\\n", with: "\\n1\\n").utf8))
        #expect(try await b.compare(forged).findings.contains(.foreign(.petition(petition.id))))
        let strange = try GossipFile(
            parsing: Array(text.replacing(petition.id.hex, with: String(repeating: "a", count: 64)).utf8))
        #expect(
            try await b.compare(strange).findings.contains(
                .foreign(.petition(ID(hex: String(repeating: "a", count: 64))!))))
        let elsewhere = try GossipFile(
            parsing: Array(text.replacing(b.workplaceID.hex, with: String(repeating: "b", count: 64)).utf8))
        await #expect {
            _ = try await b.compare(elsewhere)
        } throws: { ($0 as? ClientError)?.code == .otherWorkplace }
        await workplace.close()
        await service.stop()
    }

    @Test("Files and phrases that are not whole are refused")
    func malformed() throws {
        for text in [
            "", "\n", "{}\n", "12", "12 lusab", "lusab-babad-gutih-tugad-mudof-sakat",
            "12 lusab-babad-gutih-tugad-mudof-saka", "12 lusab-babad-gutih-tugad-mudof-sakax",
            "12 lusab-babad-gutih-tugad-mudof-sakat-lusab", "99999999999999999999 lusab-babad-gutih-tugad-mudof-sakat",
            "1.5 lusab-babad-gutih-tugad-mudof-sakat", "-- lusab-babad-gutih-tugad-mudof-sakat",
        ] {
            #expect(throws: ClientError.self, "\(text)") { try GossipPhrase(parsing: text) }
            #expect(throws: ClientError.self, "\(text)") { try GossipFile(parsing: Array(text.utf8)) }
            #expect(throws: ClientError.self, "\(text)") { try ForkEvidence(parsing: Array(text.utf8)) }
        }
        #expect(try GossipPhrase(parsing: "48 3 lusab-babad-gutih-tugad-mudof-sakat").sizes == [48, 3])
    }
}

@Suite("A monitor shouts on every fault, by name", .serialized, .takingTurns)
struct MonitorTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func faults(_ events: [MonitorEvent]) -> [MonitorFault] {
        events.compactMap { if case .fault(let fault) = $0 { fault } else { nil } }
    }

    @Test("It follows an honest service leaf by leaf, and finds nothing")
    func honest() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 11, service: service, directory: directory)
        let id = workplace.members[0].workplaceID
        let monitor = try Monitor(of: id, at: service.url + "/", state: directory("state.json"))
        let first = try await monitor.look()
        let size = try await workplace.members[0].roster().size
        #expect(first == [.grew(.workplace, from: 0, to: size)])
        #expect(try await monitor.look().isEmpty)
        let petition = try await workplace.openPetition(levels: [2])
        #expect(
            try await monitor.look() == [
                .grew(.workplace, from: size, to: size + 1), .announced(petition.id),
                .grew(.petition(petition.id), from: 0, to: 1),
            ])
        for (i, member) in workplace.members.prefix(3).enumerated() {
            try await member.cosign(petition.id, choices: [1], name: .init("Name \(i)", when: 2))
            #expect(
                try await monitor.look() == [
                    .grew(.petition(petition.id), from: i + 1, to: i + 2),
                    .counts(petition.id, cosignatures: i + 1, ring: 11),
                ])
        }
        try await workplace.members[0].release(petition.id, level: 2)
        #expect(try await faults(monitor.look()).isEmpty)
        try await workplace.members[0].closePetition(petition.id)
        #expect(try await monitor.look().contains(.closed(petition.id, cosignatures: 3)))
        // Beyond one tile, and again from the file after a restart.
        try await workplace.members[0].session { session in
            for count in 31..<300 { try await session.declareEligible(UInt32(count)) }
        }
        let end = try await workplace.members[0].roster().size
        #expect(end > 256)
        #expect(try await monitor.look() == [.grew(.workplace, from: size + 1, to: end)])
        let second = try Monitor(of: id, at: service.url, state: directory("state.json"))
        #expect(try await faults(second.look()).isEmpty && second.workplaceLog?.size == end)
        // A sealed name that the service withholds.
        try await DatabaseQueue(path: directory("a.sqlite")).write { db in
            try db.execute(sql: "DELETE FROM names WHERE id = (SELECT min(id) FROM names)")
        }
        #expect(try await faults(second.look()) == [.namesMissing(petition.id, 1)])
        #expect(try await faults(second.look()).isEmpty, "told once")
        await workplace.close()
    }

    @Test("A log that is rewound, forked, gone, unsigned or not witnessed is named, within one run and across runs")
    func faults() async throws {
        var service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 3, service: service, directory: directory)
        let id = workplace.members[0].workplaceID
        let stranger = NoteKey(name: "w.example", kind: .witness, key: Random.bytes32()).text
        let policy = try WitnessPolicy(parsing: Array("witness w \(stranger)\nquorum w\n".utf8))
        let strict = try Monitor(of: id, at: service.url, policy: policy)
        #expect(try await faults(strict.look()) == [.notWitnessed(.workplace, missing: ["w"])])
        await service.stop()
        try DatabaseCopy.make(of: directory("a.sqlite"), as: directory("old.sqlite"))
        service = try await RunningService.start(database: directory("a.sqlite"), port: service.port)
        try await workplace.members[0].declareEligible(21)
        let size = UInt64(try await workplace.members[0].roster().size)
        let running = try Monitor(of: id, at: service.url, state: directory("state.json"))
        #expect(try await faults(running.look()).isEmpty)
        await service.stop()
        service = try await RunningService.start(database: directory("old.sqlite"), port: service.port)
        let rewound = MonitorFault.rewound(.workplace, seen: size, served: size - 1)
        #expect(try await faults(running.look()) == [rewound])
        let restarted = try Monitor(of: id, at: service.url, state: directory("state.json"))
        #expect(try await faults(restarted.look()) == [rewound])
        _ = try await workplace.members[1].rotateRingKey()
        for monitor in [running, try Monitor(of: id, at: service.url, state: directory("state.json"))] {
            #expect(try await faults(monitor.look()) == [.forked(.workplace, size: size)])
        }
        _ = try await workplace.members[1].rotateRingKey()
        for monitor in [running, try Monitor(of: id, at: service.url, state: directory("state.json"))] {
            let found = try await faults(monitor.look())
            #expect(found.isEmpty || found == [.forked(.workplace, size: size)])
        }
        await service.stop()
        service = try await RunningService.start(database: directory("new.sqlite"), port: service.port)
        #expect(try await faults(running.look()) == [.gone(.workplace)])
        await #expect(throws: ClientError.self) { try await Monitor(of: id, at: service.url).look() }
        await service.stop()
        // A state that belongs to another workplace, or is damaged, must not be treated as if there were none.
        #expect(throws: ClientError.self) {
            try Monitor(of: ID(.zero), at: service.url, state: directory("state.json"))
        }
        try Data("{".utf8).write(to: URL(filePath: directory("state.json")))
        #expect(throws: ClientError.self) { try Monitor(of: id, at: service.url, state: directory("state.json")) }
        await workplace.close()
    }

    @Test("A leaf that breaks a rule is named, though its checkpoint is signed")
    func brokenLeaf() async throws {
        var service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 2, service: service, directory: directory)
        let (id, roster) = (workplace.members[0].workplaceID, try await workplace.members[0].roster())
        await service.stop()
        // As an operator could, with the key from the file.
        let leaf: [UInt8] = [8] + id.bytes.bytes + [0, 0, 0, 9]
        let path = directory("a.sqlite")
        try await DatabaseQueue(path: path).write { db in
            let seed = try Data.fetchOne(db, sql: "SELECT log_seed FROM service")!
            var tree = roster.tree
            let nodes = tree.append(leaf)
            let size = tree.count
            let checkpoint = Checkpoint(origin: roster.verifier.origin, size: UInt64(size), root: tree.root)
            let note = checkpoint.signed(by: SigningKey(seed: SecretBytes(Bytes32(seed)!))).serialized
            try db.execute(sql: "UPDATE logs SET size = ?", arguments: [size])
            try db.execute(
                sql: "INSERT INTO leaves (log, place, hash, bytes) VALUES (1, ?, ?, ?)",
                arguments: [size - 1, Data(nodes[0].hash.bytes), Data(leaf)])
            for node in nodes {
                try db.execute(
                    sql: "INSERT INTO nodes (log, level, place, hash) VALUES (1, ?, ?, ?)",
                    arguments: [node.level, node.index, Data(node.hash.bytes)])
            }
            try db.execute(
                sql: "INSERT INTO checkpoints (log, size, note) VALUES (1, ?, ?)", arguments: [size, note])
        }
        service = try await RunningService.start(database: path, port: service.port)
        let monitor = try Monitor(of: id, at: service.url)
        #expect(
            try await faults(monitor.look()) == [
                .leaf(.workplace, "workplace leaf \(roster.size): \(RuleViolation.encoding.rawValue)")
            ])
        #expect(try await faults(monitor.look()).isEmpty)
        await workplace.close()
        await service.stop()
    }

    @Test("Deadlines are held against the monitor's own clock")
    func deadlines() async throws {
        let closes = (Device.systemClock() / 3600 + 2) * 3600
        let service = try await RunningService.start(database: directory("a.sqlite"), clock: { Device.systemClock() })
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let petition = try await workplace.openPetition(closes: closes)
        let id = workplace.members[0].workplaceID
        // The service's clock stands still; the monitor's does not.
        let late = try Monitor(of: id, at: service.url, clock: { closes + 301 })
        #expect(try await faults(late.look()) == [.closesLate(petition.id)])
        let punctual = try Monitor(of: id, at: service.url, clock: { closes + 299 })
        #expect(try await faults(punctual.look()).isEmpty)
        await service.stop()
        let early = try await RunningService.start(
            database: directory("a.sqlite"), port: service.port, clock: { closes + 1 })
        for _ in 0..<200 {
            let page = try await early.send("GET", "/petition/\(petition.id.hex)/checkpoint")
            if String(decoding: page.body, as: UTF8.self).split(separator: "\n")[1] == "2" { break }
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(try await faults(Monitor(of: id, at: early.url).look()) == [.closedEarly(petition.id)])
        #expect(try await faults(Monitor(of: id, at: early.url, clock: { closes - 299 }).look()).isEmpty)
        await workplace.close()
        await early.stop()
    }
}
