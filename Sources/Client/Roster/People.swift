// docs/objects.md, kind 4

import Foundation
import Petitions
import Sodium

/// The roster with the workplace's pseudonyms for its members, which the service cannot see.
public struct People: Sendable {
    /// The roster, folded from the workplace's log.
    public let roster: WorkplaceLog
    let pseudonyms: [Bytes32: String]
    /// Members whose pseudonym could be mistaken for another's.
    public let confusable: Set<Bytes32>

    init(roster: WorkplaceLog, pseudonyms: [Bytes32: String]) {
        (self.roster, self.pseudonyms) = (roster, pseudonyms)
        // Pseudonyms are checked when they are written, but a member's own program need not do that, so they are
        // checked again.
        let said = pseudonyms.filter { roster.isMember($0.key) }.sorted { $0.key.hex < $1.key.hex }
        confusable = Set(
            Likeness.pairs(said.map(\.value)).flatMap { [said[$0.first].key, said[$0.second].key] })
    }

    /// A member with their number and pseudonym.
    public func person(_ key: Bytes32) -> NamedMember {
        roster.person(key, pseudonym: pseudonyms[key], isConfusable: confusable.contains(key))
    }

    /// Everybody who was ever admitted, in the order of admission.
    public var all: [NamedMember] { roster.members.map { person($0.signKey) } }
}

/// The content of an object of kind 4: a member's pseudonym or, in the workplace's own entry, the organisers' register.
struct DirectoryText: Codable {
    var name: String?
    var register: SealedDirectory?
    var part: SealedPart?
}

extension Session {
    /// Length of a pseudonym, in characters.
    public static let pseudonymLengths = 1...40
    /// The greatest length of a pseudonym, in bytes. One character may have any number of marks.
    public static let pseudonymBytes = 256

    /// Whether a pseudonym, whoever wrote it, has an allowed length.
    static func isPseudonym(_ name: String) -> Bool {
        pseudonymLengths.contains(name.count) && name.utf8.count <= pseudonymBytes
    }

    /// The roster with all pseudonyms that this device can read.
    public func people() async throws -> People {
        let texts = try await texts(of: .directory) { self.read(DirectoryText.self, $0) != nil }
        var pseudonyms: [Bytes32: String] = [:]
        let byID = Dictionary(texts.map { ($0.object.id, $0) }, uniquingKeysWith: { a, _ in a })
        for member in roster.members {
            guard let text = byID[.directory(of: member.signKey)], !text.isByFormer,
                let name = read(DirectoryText.self, text.plaintext)?.name, Self.isPseudonym(name)
            else { continue }
            pseudonyms[member.signKey] = name
        }
        // They came with the list, so an organiser need not ask for each.
        if isOrganiser {
            for text in texts {
                if let part = read(DirectoryText.self, text.plaintext)?.part { listedParts[text.object.digest] = part }
            }
        }
        return People(roster: roster, pseudonyms: pseudonyms)
    }

    /// Sets a member's pseudonym: one's own or, as an organiser, anybody's.
    public func setPseudonym(_ name: String, of member: Bytes32) async throws {
        let people = try await people()
        guard roster.isMember(member) else { throw ClientError.noSuch(.member) }
        guard member == signKey || isOrganiser else { throw ClientError.notOrganiser }
        let name = name.trimmingCharacters(in: .whitespacesAndNewlines)
        guard Self.isPseudonym(name), Likeness.plain(name).isEmpty == false else {
            throw ClientError.invalid(.pseudonym)
        }
        try DirectoryEntry.checkShown(name)
        // Two members whose pseudonyms look the same could speak for one another.
        let others = people.pseudonyms.filter { $0.key != member }.sorted { $0.value < $1.value }
        let pairs = Likeness.pairs([name] + others.map(\.value))
        if let pair = pairs.first(where: { $0.first == 0 }) {
            throw ClientError.invalidPerson(.pseudonymTaken, people.person(others[pair.second - 1].key))
        }
        let object = StoredObject.Name(.directory, .directory(of: member))
        let previous: StoredObject?
        do { previous = try await newestObject(object) } catch ClientError.noSuch { previous = nil }
        try await put(try json(DirectoryText(name: name)), object, after: previous)
    }
}
