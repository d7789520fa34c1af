import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import CoSigning

@Suite("Memory as bytes")
struct MemoryCodingTests {
    private let workplace: ServedWorkplace

    init() throws { workplace = try ServedWorkplace() }

    /// A memory with something in every field.
    private func full() throws -> Memory {
        let now = ServedWorkplace.now
        var memory = try settled()
        memory.presentRingKey = Random.bytes32()
        memory.witnessesSeen = 7
        for kind in Alarm.Kind.allCases {
            memory.raise(
                Alarm(
                    kind, kind.rawValue % 2 == 0 ? workplace.roster : .petition(ID(Random.bytes32())),
                    in: kind.rawValue % 3 == 0 ? .member : .anonymous, seen: UInt64.max - UInt64(kind.rawValue),
                    served: 3,
                    at: now, evidence: kind == .policy ? [] : Random.bytes(70_000)))
        }
        for view in View.allCases {
            for name in [workplace.roster] + (0..<4).map({ _ in LogName.petition(ID(Random.bytes32())) }) {
                memory.pins[view]?.read[name] = Pin(size: .max, root: Random.bytes32(), note: "Ä\n\u{1f642}")
                memory.pins[view]?.promised[name] = [
                    Pin(size: 0, root: .zero, note: ""), Pin(size: 9, root: Random.bytes32(), note: "x"),
                ]
            }
        }
        return memory
    }

    /// Petitions with a statement in every state.
    private func settled() throws -> Memory {
        let now = ServedWorkplace.now
        let petitions = try (0..<4).map { _ in try workplace.open(levels: [3]) }
        var device = Device(workplace.world.people[1])
        try device.send(.support, workplace, petitions[0])
        try device.send(.withdraw, workplace, petitions[0])
        _ = try device.make(
            .support(name: "Anna", at: 3), workplace, petitions[1], seen: [.nameOpens(count: 3)])
        for petition in petitions[2...] {
            let sending = try device.make(.support, workplace, petition)
            _ = try device.memory.take(
                workplace.promise(petition, sending.statement, until: now + 3600), to: sending, at: now)
        }
        try petitions[3].close()
        workplace.serve()
        for petition in petitions {
            device.settle(workplace, petition)
            device.compare(workplace, petition)
        }
        let states = petitions.compactMap { device.memory.petitions[$0.log.id]?.sent.last?.state }
        guard case .receipt = states[0], states[1] == .live, case .promised = states[2], states[3] == .void else {
            throw RuleViolation.encoding
        }
        return device.memory
    }

    @Test("What is decoded is what was encoded")
    func roundTrip() throws {
        for memory in [Memory(), try settled(), try full(), try full().withoutStatements()] {
            let bytes = memory.encoding
            let again = try Memory(decoding: bytes)
            #expect(again == memory && again.encoding == bytes)
        }
        #expect(Memory().encoding == [1] + [UInt8](repeating: 0, count: 4 * 6 + 2))
    }

    @Test(
        "Whatever decodes is what encoding it again gives: bent, cut or lengthened bytes are refused or another memory's"
    )
    func canonical() throws {
        var memory = try full()
        // Short evidence, so that most altered bytes are meaningful.
        memory.alarms = memory.alarms.map {
            Alarm($0.kind, $0.log, in: $0.view, seen: $0.seen, served: $0.served, at: $0.time, evidence: [1, 2])
        }
        let bytes = memory.encoding
        var decoded = 0
        func check(_ changed: [UInt8]) {
            do throws(CoSigningError) {
                let other = try Memory(decoding: changed)
                decoded += 1
                #expect(other.encoding == changed && other != memory)
            } catch { #expect(error == .memoryDamaged) }
        }
        // Most of the rest is notes and statements, in which one byte is like the next.
        for place in bytes.indices where place < 1500 || place % 31 == 0 || place > bytes.count - 500 {
            var changed = bytes
            changed[place] ^= 1 << UInt8(place % 8)
            check(changed)
            changed[place] = bytes[place] &+ 1
            check(changed)
        }
        #expect(decoded > 100, "bytes that may be anything")
        for length in stride(from: 0, to: bytes.count, by: 7) {
            #expect(throws: CoSigningError.memoryDamaged) { try Memory(decoding: Array(bytes.prefix(length))) }
        }
        for tail in [[0], [1], bytes] as [[UInt8]] {
            #expect(throws: CoSigningError.memoryDamaged) { try Memory(decoding: bytes + tail) }
        }
    }

    @Test("Counts and lengths beyond the bytes that are there are refused at once")
    func counts() {
        let empty = Memory().encoding
        for place in stride(from: 1, to: empty.count - 2, by: 4) {
            for count in [[0, 0, 0, 1], [0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff]] as [[UInt8]] {
                var changed = empty
                changed.replaceSubrange(place..<place + 4, with: count)
                #expect(throws: CoSigningError.memoryDamaged) { try Memory(decoding: changed) }
            }
        }
        for version in [0, 2, 255] as [UInt8] {
            #expect(throws: CoSigningError.memoryDamaged) { try Memory(decoding: [version] + empty.dropFirst()) }
        }
    }

    @Test("Petitions and logs that stand twice, or out of order, are refused")
    func order() throws {
        var memory = Memory()
        let ids = [ID<Petition>(.zero), ID<Petition>(Bytes32([UInt8](repeating: 1, count: 32)) ?? .zero)]
        for id in ids { memory.petitions[id] = PetitionMemory() }
        let bytes = memory.encoding
        // The list of petitions comes before the last two flags; an empty entry has 32 + 1 + 4 + 1 + 2 bytes.
        let start = bytes.count - 2 - 2 * 40
        let (first, second, end) = (bytes[start..<start + 40], bytes[start + 40..<start + 80], bytes.suffix(2))
        let head = bytes.prefix(start)
        #expect(try Memory(decoding: Array(head + first + second + end)) == memory)
        for wrong in [head + second + first + end, head + first + first + end] {
            #expect(throws: CoSigningError.memoryDamaged) { try Memory(decoding: Array(wrong)) }
        }
    }

    @Test("Only the last statement of a petition may be unsettled, and each is of that petition")
    func statements() throws {
        let memory = try settled()
        let (id, own) = try #require(memory.petitions.first { $0.value.sent.count == 2 })
        var changed = memory
        changed.petitions[id]?.sent[0].state = .live
        #expect(throws: CoSigningError.memoryDamaged) { try Memory(decoding: changed.encoding) }
        changed = memory
        changed.petitions[id]?.sent[1].state = .live
        #expect(try Memory(decoding: changed.encoding) == changed)
        changed.petitions[ID(.zero)] = own
        #expect(throws: CoSigningError.memoryDamaged) { try Memory(decoding: changed.encoding) }
    }
}
