// docs/objects.md, kind 4

import Petitions
import Sodium

/// The organisers' directory, with what the roster says about each entry.
public struct Directory: Sendable {
    /// Where a person stands.
    public enum State: Sendable, Hashable {
        /// Is a member.
        case member(NamedMember)
        /// Was admitted, and has left or was removed.
        case left(NamedMember)
        /// Has an open invite.
        case invited
        /// Has an open invite whose time is over.
        case expired
        /// Has no open invite.
        case none
    }

    /// The people in the directory.
    public let entries: [DirectoryEntry]
    /// The roster with its pseudonyms.
    public let people: People
    let now: UInt64
    /// The sign key of each member, by the invite that admitted them.
    private let admitted: [Bytes32: Bytes32]
    /// Places in the entries by the key of the newest invite.
    private let invited: [String: Int]

    init(entries: [DirectoryEntry], people: People, now: UInt64) {
        (self.entries, self.people, self.now) = (entries, people, now)
        var admitted: [Bytes32: Bytes32] = [:]
        for member in people.roster.members {
            if let invite = member.inviteKey { admitted[invite] = member.signKey }
        }
        self.admitted = admitted
        invited = Dictionary(
            entries.enumerated().compactMap { place, entry in entry.invite.map { ($0, place) } },
            uniquingKeysWith: { first, _ in first })
    }

    /// The key of an entry's newest invite.
    public func invite(of entry: DirectoryEntry) -> Bytes32? { entry.invite.flatMap { Bytes32(hex: $0) } }

    /// The sign key of the person in an entry, if they are or were a member.
    public func key(of entry: DirectoryEntry) -> Bytes32? {
        invite(of: entry).flatMap { admitted[$0] } ?? entry.member.flatMap { Bytes32(hex: $0) }
    }

    /// Where the person in an entry stands.
    public func state(of entry: DirectoryEntry) -> State {
        if let invite = entry.invite.flatMap({ Bytes32(hex: $0) }), people.roster.inviteIsOpen(invite) == true {
            return entry.expires.map { $0 <= now } == true ? .expired : .invited
        }
        guard let key = key(of: entry) else { return .none }
        let person = people.person(key)
        return people.roster.isMember(key) ? .member(person) : .left(person)
    }

    /// Each member's name in the directory.
    public var names: [Bytes32: String] {
        Dictionary(
            entries.compactMap { entry in key(of: entry).map { ($0, entry.name) } }, uniquingKeysWith: { a, _ in a })
    }

    public func entry(ofInvite key: Bytes32) -> DirectoryEntry? { invited[key.hex].map { entries[$0] } }

    /// Pairs of names that could be mistaken for one another, among these and the directory's.
    public func likenesses(with names: [String] = []) -> [(first: String, second: String, likeness: Likeness)] {
        let all = entries.map(\.name) + names
        return Likeness.pairs(all).map { (all[$0.first], all[$0.second], $0.likeness) }
    }
}
