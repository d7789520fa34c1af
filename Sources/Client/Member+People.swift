import Foundation
import Petitions
import Sodium

/// The roster with the names that the workplace uses. The service sees neither.
public struct People: Sendable {
    public let roster: WorkplaceLog
    let pseudonyms: [Bytes32: String]

    public func person(_ key: Bytes32) -> NamedMember { roster.person(key, pseudonym: pseudonyms[key]) }

    /// Everybody who was ever admitted, in that order.
    public var all: [NamedMember] { roster.members.map { person($0.signKey) } }
}

/// What an object of kind 4 holds.
enum DirectoryContent: Codable {
    case pseudonym(member: String, name: String)
    /// Base64 of a `SealedDirectory`, which only organisers open.
    case entries(String)
}

extension Member {
    /// Characters of a pseudonym.
    public static let pseudonymLengths = 1...40

    public func people() async throws -> People {
        let roster = try await roster()
        try await syncGroupKeys(roster)
        // A member's own word, or an organiser's; the last one stands.
        let said = try await newest(
            "name", of: .directory, in: roster,
            isBegun: { opened in
                let content = try? JSONDecoder().decode(DirectoryContent.self, from: Data(opened.plaintext))
                return if case .entries? = content { false } else { true }
            }
        ) { (opened) -> (Bytes32, String)? in
            guard
                case .pseudonym(let member, let name)? = try? JSONDecoder().decode(
                    DirectoryContent.self, from: Data(opened.plaintext)),
                let key = Bytes32(hex: member), roster.member(key) != nil, Self.pseudonymLengths.contains(name.count),
                opened.object.author == key || roster.isOrganiser(opened.object.author)
            else { return nil }
            return (key, name)
        }
        return People(
            roster: roster, pseudonyms: Dictionary(said.map(\.value), uniquingKeysWith: { _, last in last }))
    }

    /// Says what the workplace calls a member: oneself, or as an organiser anybody.
    public func setPseudonym(_ name: String, of member: Bytes32) async throws {
        let people = try await people()
        guard people.roster.isMember(member) else { throw ClientError.noSuch("member") }
        guard member == signKey || people.roster.isOrganiser(signKey) else { throw ClientError.notOrganiser }
        let name = name.trimmingCharacters(in: .whitespacesAndNewlines)
        guard Self.pseudonymLengths.contains(name.count), Likeness.plain(name).isEmpty == false else {
            throw ClientError.invalid("pseudonym")
        }
        // Two who look the same on the screen could speak for one another.
        let others = people.pseudonyms.filter { $0.key != member }.sorted { $0.value < $1.value }
        let pairs = Likeness.pairs([name] + others.map(\.value))
        if let pair = pairs.first(where: { $0.first == 0 }) {
            throw ClientError.invalidPerson("pseudonymTaken", people.person(others[pair.second - 1].key))
        }
        let content = DirectoryContent.pseudonym(member: member.hex, name: name)
        try await put(
            [UInt8](try JSONEncoder().encode(content)), kind: .directory, id: ID(Random.bytes32()), after: nil,
            in: people.roster)
    }
}
