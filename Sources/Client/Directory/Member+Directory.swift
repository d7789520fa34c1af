import Foundation
import Petitions
import Sodium

/// The organisers' directory with what the roster says of each entry.
public struct Directory: Sendable {
    public enum State: Sendable, Hashable {
        case member(NamedMember)
        /// Admitted, and gone again.
        case left(NamedMember)
        case invited
        case expired
        /// Without an open invite.
        case none
    }

    public let entries: [DirectoryEntry]
    let people: People
    let now: UInt64

    /// The sign key of whom an entry is about, once they are or were a member.
    public func key(of entry: DirectoryEntry) -> Bytes32? {
        if let invite = entry.invite.flatMap({ Bytes32(hex: $0) }),
            let member = people.roster.members.first(where: { $0.inviteKey == invite })
        {
            return member.signKey
        }
        return entry.member.flatMap { Bytes32(hex: $0) }
    }

    public func state(of entry: DirectoryEntry) -> State {
        if let invite = entry.invite.flatMap({ Bytes32(hex: $0) }), people.roster.inviteIsOpen(invite) == true {
            return entry.expires.map { $0 <= now } == true ? .expired : .invited
        }
        guard let key = key(of: entry) else { return .none }
        let person = people.person(key)
        return people.roster.isMember(key) ? .member(person) : .left(person)
    }

    /// What the directory calls each member.
    public var names: [Bytes32: String] {
        Dictionary(
            entries.compactMap { entry in key(of: entry).map { ($0, entry.name) } }, uniquingKeysWith: { a, _ in a })
    }

    public func entry(ofInvite key: Bytes32) -> DirectoryEntry? { entries.first { $0.invite == key.hex } }

    /// Names that could be taken for one another, among these and the directory's.
    public func likenesses(with names: [String] = []) -> [(first: String, second: String, likeness: Likeness)] {
        let all = entries.map(\.name) + names
        return Likeness.pairs(all).map { (all[$0.first], all[$0.second], $0.likeness) }
    }
}

extension Member {
    /// As an organiser: the directory.
    public func directory() async throws -> Directory {
        let people = try await people()
        guard people.roster.isOrganiser(signKey) else { throw ClientError.notOrganiser }
        let entries = try await directories(in: people.roster).flatMap(\.entries)
        return Directory(entries: Self.once(entries), people: people, now: clock())
    }

    /// Two organisers who began one at the same moment have begun two: their entries belong together.
    private static func once(_ entries: [DirectoryEntry]) -> [DirectoryEntry] {
        var seen: Set<String> = []
        return entries.filter { seen.insert($0.id).inserted }
    }

    /// Directories that can be read, oldest first, each with the object to write after. What a present organiser wrote counts;
    /// where there is none of it, what somebody wrote who was one: organisers leave.
    private func directories(
        in roster: WorkplaceLog
    ) async throws -> [(newest: StoredObject, entries: [DirectoryEntry])] {
        func read(_ opened: Opened, by isAuthor: (Bytes32) -> Bool) -> [DirectoryEntry]? {
            guard isAuthor(opened.object.author),
                case .entries(let text)? = try? JSONDecoder().decode(
                    DirectoryContent.self, from: Data(opened.plaintext))
            else { return nil }
            return entries(text)
        }
        func newest(by isAuthor: @escaping (Bytes32) -> Bool) async throws -> [(StoredObject, [DirectoryEntry])] {
            try await self.newest(
                "directory", of: .directory, in: roster,
                isBegun: { opened in
                    let content = try? JSONDecoder().decode(DirectoryContent.self, from: Data(opened.plaintext))
                    return if case .pseudonym? = content { false } else { true }
                }, { read($0, by: isAuthor) }
            ).map { ($0.newest, $0.value) }
        }
        let found = try await newest(by: roster.isOrganiser)
        return try await found.isEmpty ? newest(by: roster.wasOrganiser) : found
    }

    private func entries(_ text: String) -> [DirectoryEntry]? {
        guard let bytes = Base64.decode(text),
            let sealed = try? JSONDecoder().decode(SealedDirectory.self, from: Data(bytes))
        else { return nil }
        return sealed.open(in: workplaceID, as: signKey, by: identity.seed.boxKey())
    }

    /// Changes the directory. When another organiser was quicker the change is made to theirs.
    public func changeDirectory(_ change: (inout [DirectoryEntry]) throws -> Void) async throws {
        for attempt in 0..<5 {
            let roster = try await roster()
            guard roster.isOrganiser(signKey) else { throw ClientError.notOrganiser }
            try await syncGroupKeys(roster)
            let directories = try await directories(in: roster)
            var entries = Self.once(directories.flatMap(\.entries))
            try change(&entries)
            let organisers = roster.members(at: roster.size).filter { roster.isOrganiser($0.signKey) }
            let sealed = try SealedDirectory(
                entries, in: workplaceID, for: organisers.map { ($0.signKey, $0.boxKey) })
            let content = DirectoryContent.entries(Base64.encode([UInt8](try JSONEncoder().encode(sealed))))
            do {
                try await put(
                    [UInt8](try JSONEncoder().encode(content)), kind: .directory,
                    id: directories.first?.newest.id ?? ID(Random.bytes32()), after: directories.first?.newest,
                    in: roster)
                return
            } catch ClientError.refused(let status, _, _, _) where status == 409 && attempt < 4 { continue }
        }
    }

    /// Seals the directory anew after `change` has made other people organisers. Read before, because what the one wrote who is
    /// none any more does not count afterwards.
    /// - Parameter leaving: whose office ends.
    func resealingDirectory(leaving: Bytes32? = nil, _ change: () async throws -> Void) async throws {
        let roster = try await roster()
        guard roster.isOrganiser(signKey) else { return try await change() }
        try await syncGroupKeys(roster)
        let directories = try await directories(in: roster)
        let entries = Self.once(directories.flatMap(\.entries))
        // Nobody can write it anew after they have left, and what they wrote would not count.
        if leaving == signKey, directories.contains(where: { $0.newest.author == signKey }) {
            throw ClientError.invalid("directoryYours")
        }
        try await change()
        guard !entries.isEmpty, try await self.roster().isOrganiser(signKey) else { return }
        try await changeDirectory { now in
            let known = Set(now.map(\.id))
            now += entries.filter { !known.contains($0.id) }
        }
    }
}
