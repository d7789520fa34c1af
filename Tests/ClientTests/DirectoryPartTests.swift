import Foundation
import Petitions
import Sodium
import Testing

@testable import Client

@Suite("A directory in parts")
struct DirectoryPartTests {
    private func people(_ count: Int, from first: Int = 0) -> [DirectoryEntry] {
        (first..<first + count).map { DirectoryEntry(name: "Person \($0)", team: "Team \($0 % 17)") }
    }

    /// As it is after each part was written.
    private func written(_ parts: [DirectoryPart]) -> [DirectoryPart] {
        parts.map { part in
            var part = part
            part.reference = .init(
                number: part.number, revision: 1, digest: Random.bytes32().hex, epoch: 0, key: "")
            return part
        }
    }

    @Test("Sixteen thousand people: every entry once and in order, no part too long, and at once")
    func many() {
        let people = people(DirectoryPart.mostEntries)
        let start = ContinuousClock.now
        let parts = DirectoryPart.arrange(people, over: [], filling: 128 << 10)
        #expect(parts.flatMap(\.entries) == people)
        #expect((10...60).contains(parts.count) && parts.map(\.number) == (1...UInt32(parts.count)).map { $0 })
        for part in parts {
            let bytes = try? JSONEncoder().encode(part.entries)
            #expect((bytes?.count ?? 0) < 160 << 10)
        }
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test("Texts of the greatest length, and characters that JSON escapes, fit into the objects of parts")
    func longest() throws {
        let texts = [String(repeating: "\u{1f600}", count: 200), String(repeating: "/", count: 200)]
        for text in texts {
            let people = (0..<700).map { _ in DirectoryEntry(name: text, team: text, note: text) }
            for part in DirectoryPart.arrange(people, over: [], filling: DirectoryPart.Sizes().part) {
                let sealed = try SealedPart.seal(part.entries, part.number, in: ID(Random.bytes32())).part
                let text = try JSONEncoder().encode(DirectoryText(part: sealed))
                #expect(ObjectSize.fits(text.count))
            }
        }
    }

    @Test("Whatever changes, entries stay in their part, and parts without a change are not written again")
    func stays() {
        let size = 3000
        var entries = people(100)
        var parts = written(DirectoryPart.arrange(entries, over: [], filling: size))
        var number = 100
        for round in 0..<300 {
            var touched: Set<String> = []
            switch Random.number(below: 4) {
            case 0:
                let new = people(Int(Random.number(below: 30)) + 1, from: number)
                number += new.count
                entries += new
                touched.formUnion(new.map(\.id))
            case 1:
                for _ in 0..<min(10, entries.count) {
                    touched.insert(entries.remove(at: Int(Random.number(below: UInt32(entries.count)))).id)
                }
            default:
                let place = Int(Random.number(below: UInt32(entries.count)))
                entries[place].note = String(repeating: "x", count: Int(Random.number(below: 200)))
                touched.insert(entries[place].id)
            }
            if entries.isEmpty { entries = people(5, from: 100_000 + round) }
            let former = Dictionary(uniqueKeysWithValues: parts.map { ($0.number, $0) })
            let next = DirectoryPart.arrange(entries, over: parts, filling: size)
            #expect(next.flatMap(\.entries) == entries)
            #expect(Set(next.map(\.number)).count == next.count && next.allSatisfy { !$0.entries.isEmpty })
            let rewritten = next.filter { $0.reference == nil }
            for part in next where part.reference != nil { #expect(part.entries == former[part.number]?.entries) }
            // A part is written again only for an entry of it, and besides the last for nobody new.
            for part in rewritten.dropLast() where former[part.number] != nil {
                let before = Set(former[part.number]?.entries.map(\.id) ?? [])
                #expect(!before.isDisjoint(with: touched) || part.number == parts.last?.number)
            }
            #expect(rewritten.count <= 2 * touched.count + 12)
            parts = written(next)
        }
    }

    @Test("A directory that fits into one object has the form that it always had, and each form opens as what it is")
    func forms() throws {
        let pair = BoxKeyPair(seed: .random(32))
        let (workplace, organiser) = (ID<Workplace>(Random.bytes32()), Random.bytes32())
        let people = people(3)
        func open(_ contents: DirectoryContents) throws -> DirectoryContents? {
            let sealed = try SealedDirectory(contents, in: workplace, for: [(organiser, pair.publicKey)])
            let text = try JSONEncoder().encode(DirectoryText(register: sealed))
            let members = try #require(
                (try JSONSerialization.jsonObject(with: text) as? [String: [String: Any]])?["register"])
            #expect(Set(members.keys) == ["ciphertext", "commitment", "keys", "nonce"])
            return try JSONDecoder().decode(DirectoryText.self, from: text).register?
                .open(in: workplace, as: organiser, by: pair)
        }
        guard case .entries(people)? = try open(.entries(people)), case .entries([])? = try open(.entries([])) else {
            Issue.record("entries")
            return
        }
        let plain = try JSONEncoder().encode(DirectoryContents.entries(people))
        #expect(try JSONDecoder().decode([DirectoryEntry].self, from: plain) == people, "as earlier programs read it")
        let (part, key) = try SealedPart.seal(people, 7, in: workplace)
        let reference = DirectoryPart.Reference(
            number: 7, revision: 2, digest: Random.bytes32().hex, epoch: 1, key: key)
        guard case .parts([reference])? = try open(.parts([reference])), case .parts([])? = try open(.parts([])) else {
            Issue.record("parts")
            return
        }
        #expect(part.open(reference, in: workplace) == people)
        #expect(part.open(reference, in: ID(Random.bytes32())) == nil, "another workplace")
        func changed(number: UInt32 = 7, key: String) -> DirectoryPart.Reference {
            .init(number: number, revision: 2, digest: reference.digest, epoch: 1, key: key)
        }
        #expect(part.open(changed(number: 8, key: key), in: workplace) == nil, "another place")
        for other in ["", "?", Base64.encode(Random.bytes(32)), Base64.encode(Random.bytes(31))] {
            #expect(part.open(changed(key: other), in: workplace) == nil)
        }
        #expect(
            ID<Object>.directoryPart(1, of: workplace) != .directoryPart(2, of: workplace)
                && .directoryPart(1, of: workplace) != ID<Object>.directory(of: workplace.bytes))
    }
}
