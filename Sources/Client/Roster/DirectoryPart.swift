// docs/keystore.md, "A directory in parts"

import Foundation
import Petitions
import Sodium

/// Some hundreds of the directory's entries, in an object of their own.
struct DirectoryPart {
    /// How the index names a part: exactly one revision, and the key that opens it.
    struct Reference: Codable, Equatable {
        /// Of the object, from 1; parts stand in the index in the order of their entries, not of their numbers.
        let number: UInt32
        let revision: UInt32
        /// Digest("object") of that revision. A service cannot show another one for it.
        let digest: String
        /// Of the group key that it is under.
        let epoch: UInt32
        /// Base64.
        let key: String
    }

    let number: UInt32
    var entries: [DirectoryEntry]
    /// What the index says of it; nil for a part that is not written yet, or differs from what was.
    var reference: Reference?

    /// Sizes from which a directory is divided. Tests divide small ones.
    struct Sizes: Sendable {
        /// Bytes of the plaintext that one object may have.
        var object = ObjectSize.mostPlaintext
        /// Bytes of entries, about, up to which a part is filled. One that has twice as many is divided.
        var part = 128 << 10

        @TaskLocal static var present = Sizes()
    }

    /// People that a directory may have: as many as a workplace.
    static let mostEntries = 16_384

    static func context(_ workplace: ID<Workplace>, _ number: UInt32) -> [UInt8] {
        workplace.bytes.bytes + (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
    }

    static func name(_ workplace: ID<Workplace>, _ number: UInt32) -> StoredObject.Name {
        StoredObject.Name(.directory, .directoryPart(number, of: workplace))
    }

    /// Divides entries. Each stays in the part where it was, and a part that did not change keeps its reference. New entries fill the last
    /// part, then new ones.
    static func arrange(_ entries: [DirectoryEntry], over former: [DirectoryPart], filling size: Int) -> [DirectoryPart]
    {
        var places: [String: Int] = [:]
        for (place, part) in former.enumerated() {
            for entry in part.entries where places[entry.id] == nil { places[entry.id] = place }
        }
        var kept = former.map { _ in [DirectoryEntry]() }
        var fresh: [DirectoryEntry] = []
        for entry in entries {
            if let place = places[entry.id] { kept[place].append(entry) } else { fresh.append(entry) }
        }
        var numbers = Set(former.map(\.number))
        var last: UInt32 = 0
        func unused() -> UInt32 {
            repeat { last += 1 } while !numbers.insert(last).inserted
            return last
        }
        var parts: [DirectoryPart] = []
        for (part, entries) in zip(former, kept) where !entries.isEmpty {
            if entries == part.entries {
                parts.append(part)
            } else if length(entries) < 2 * size {
                parts.append(DirectoryPart(number: part.number, entries: entries))
            } else {
                for (i, piece) in divided(entries, size).enumerated() {
                    parts.append(DirectoryPart(number: i == 0 ? part.number : unused(), entries: piece))
                }
            }
        }
        guard !fresh.isEmpty else { return parts }
        if let end = parts.last, case let room = size - length(end.entries), room > 0 {
            let count = fitting(fresh[...], room)
            if count > 0 {
                parts[parts.count - 1] = DirectoryPart(
                    number: end.number, entries: end.entries + fresh.prefix(count))
                fresh.removeFirst(count)
            }
        }
        for piece in divided(fresh, size) { parts.append(DirectoryPart(number: unused(), entries: piece)) }
        return parts
    }

    private static func divided(_ entries: [DirectoryEntry], _ size: Int) -> [[DirectoryEntry]] {
        var pieces: [[DirectoryEntry]] = []
        var rest = entries[...]
        while !rest.isEmpty {
            let count = max(1, fitting(rest, size))
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }

    /// How many of these, from the first, have no more bytes than there is room for.
    private static func fitting(_ entries: ArraySlice<DirectoryEntry>, _ room: Int) -> Int {
        var (count, length) = (0, 0)
        for entry in entries {
            length += Self.length([entry])
            guard length <= room else { break }
            count += 1
        }
        return count
    }

    /// Bytes of entries as JSON, about.
    private static func length(_ entries: [DirectoryEntry]) -> Int {
        entries.reduce(0) { sum, entry in
            let texts = [entry.name, entry.team, entry.note, entry.invite ?? "", entry.member ?? ""]
            return texts.reduce(sum + 140) { sum, text in
                text.utf8.reduce(sum) { $0 + ($1 < 0x20 ? 6 : [0x22, 0x2f, 0x5c].contains($1) ? 2 : 1) }
            }
        }
    }
}

/// A part as it is stored: under a key that the index has, and that is another one each time that the part is written.
struct SealedPart: Codable {
    let nonce: String
    let ciphertext: String
    let commitment: String

    /// - Returns: with the key, in base64.
    static func seal(
        _ entries: [DirectoryEntry], _ number: UInt32, in workplace: ID<Workplace>
    ) throws -> (part: SealedPart, key: String) {
        let key = SecretBytes.random(32)
        let sealed = try SealedJSON(entries, under: key, DirectoryPart.context(workplace, number))
        let part = SealedPart(nonce: sealed.nonce, ciphertext: sealed.ciphertext, commitment: sealed.commitment)
        return (part, Base64.encode(key.reveal()))
    }

    /// Nil when anything in it does not hold.
    func open(_ reference: DirectoryPart.Reference, in workplace: ID<Workplace>) -> [DirectoryEntry]? {
        guard var bytes = Base64.decode(reference.key) else { return nil }
        let key = SecretBytes(moving: &bytes)
        return SealedJSON(nonce: nonce, ciphertext: ciphertext, commitment: commitment)
            .open([DirectoryEntry].self, under: key, DirectoryPart.context(workplace, reference.number))
    }
}
