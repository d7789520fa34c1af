import Presentation
import Client
import Foundation
import Petitions
import Sodium

/// Somebody whom a command is about: a member, somebody in the directory, or whoever holds an invite.
struct NamedPerson: Hashable {
    /// What organisers note about them; nil for whom the directory does not have, and for who may not read it.
    let entry: DirectoryEntry?
    /// The sign key, once they are or were a member.
    let key: Bytes32?
    /// The key of their newest invite, open or not.
    let invite: Bytes32?

    /// - Parameter name: as the person named them.
    func requireEntry(_ name: String) throws -> DirectoryEntry {
        guard let entry else { throw ClientError.invalid(.describeName, ["name": name]) }
        return entry
    }
}

extension Naming {
    /// How a person is named wherever a command takes one: by the number that lists show (a member's, or `p3` for the
    /// third in the directory), by the first characters of a key, an invite or an entry's id, by an invite's address,
    /// or by name. A name that several people have goes with the team: "Li Wei, Night desk".
    ///
    /// Numbers and longer keys come first, so that nobody can call themselves what another's key begins with.
    /// - Parameter asks: whether whoever named several people is asked which of them they mean.
    /// - Throws: `ClientError.invalid(.personUnknown)`, `.personAmbiguous` with what tells the people apart.
    static func person(
        _ name: String, in directory: Directory, asks: Bool = Terminal.canAsk
    ) throws -> NamedPerson {
        try person(name, directory.people, directory, asks: asks)
    }

    /// The same, with what this member may read: the directory for organisers, pseudonyms for everybody.
    static func person(_ name: String, _ session: Session) async throws -> NamedPerson {
        try person(name, in: try await Readable(session))
    }

    /// The same for several, in order.
    static func people(_ names: [String], _ session: Session) async throws -> [NamedPerson] {
        let readable = try await Readable(session)
        return try names.map { try person($0, in: readable) }
    }

    /// What a member may read about people, read once however many are named.
    private struct Readable {
        let people: People
        /// Nil for anyone who is not an organiser.
        let directory: Directory?

        init(_ session: Session) async throws {
            directory = session.roster.isOrganiser(session.signKey) ? try await session.directory() : nil
            if let directory { people = directory.people } else { people = try await session.people() }
        }
    }

    private static func person(_ name: String, in readable: Readable) throws -> NamedPerson {
        try person(name, readable.people, readable.directory, asks: Terminal.canAsk)
    }

    /// The sign key of a member, present or former.
    /// - Throws: `ClientError.invalid(.personNotJoined)` too.
    static func memberKey(_ name: String, _ session: Session) async throws -> Bytes32 {
        try await memberKeys([name], session)[0]
    }

    /// The sign keys of several members, in order.
    static func memberKeys(_ names: [String], _ session: Session) async throws -> [Bytes32] {
        var readable: Readable?
        var keys: [Bytes32] = []
        for name in names {
            // What the roster alone says is asked of nobody.
            if let key = try memberKey(name, session.roster) {
                keys.append(key)
                continue
            }
            if readable == nil { readable = try await Readable(session) }
            guard let key = try readable.flatMap({ try person(name, in: $0) })?.key else {
                throw ClientError.invalid(.personNotJoined, ["name": name])
            }
            keys.append(key)
        }
        return keys
    }

    private static func memberKey(_ name: String, _ roster: WorkplaceLog) throws -> Bytes32? {
        let text = plain(name)
        if let number = number(text) { return try member(number, roster, name) }
        guard isKey(text) else { return nil }
        let keys = roster.members.map(\.signKey).filter { $0.hex.hasPrefix(text) }
        return keys.count == 1 ? keys[0] : nil
    }

    /// A member as a question about them names them: by number, by pseudonym, and for organisers as the directory has
    /// them now.
    static func shown(_ key: Bytes32, _ session: Session) async throws -> String {
        let people = session.isOrganiser ? try await session.directory().people : try await session.people()
        return Words.whole(people.person(key))
    }

    // MARK: Finding

    private static func plain(_ name: String) -> String {
        name.precomposedStringWithCompatibilityMapping.trimmingCharacters(in: .whitespacesAndNewlines).lowercased()
    }

    /// Longer ones are keys.
    private static func number(_ text: String) -> Int? {
        text.count < 8 && text.allSatisfy { $0.isASCII && $0.isNumber } ? Int(text) : nil
    }

    /// Long enough that no other key begins with it by chance.
    private static func isKey(_ text: String) -> Bool { text.count >= 8 && isHexadecimal(text) }

    private static func isHexadecimal(_ text: String) -> Bool { text.allSatisfy { $0.isASCII && $0.isHexDigit } }

    private static func member(_ number: Int, _ roster: WorkplaceLog, _ name: String) throws -> Bytes32 {
        guard roster.members.indices.contains(number - 1) else {
            throw ClientError.invalid(.personUnknown, ["name": name])
        }
        return roster.members[number - 1].signKey
    }

    private static func person(
        _ name: String, _ people: People, _ directory: Directory?, asks: Bool
    ) throws -> NamedPerson {
        func one(_ found: [NamedPerson]) throws -> NamedPerson? {
            try Self.one(found, name, people, directory, asks: asks)
        }
        let text = plain(name)
        let all = everybody(people, directory)
        func unknown() -> ClientError { .invalid(.personUnknown, ["name": name]) }
        if let number = number(text) {
            let key = try member(number, people.roster, name)
            return all.first { $0.key == key } ?? NamedPerson(entry: nil, key: key, invite: nil)
        }
        if text.hasPrefix("p"), let number = number(String(text.dropFirst())), let directory {
            guard directory.entries.indices.contains(number - 1) else { throw unknown() }
            let entry = directory.entries[number - 1]
            return NamedPerson(entry: entry, key: directory.key(of: entry), invite: directory.invite(of: entry))
        }
        if let invite = try? Invite(parsing: name) {
            let key = invite.signingKey().publicKey
            guard let found = all.first(where: { $0.invite == key }) else { throw unknown() }
            return found
        }
        func byKey() -> [NamedPerson] {
            all.filter { person in
                [person.key?.hex, person.invite?.hex, person.entry?.id].contains { $0?.hasPrefix(text) == true }
            }
        }
        if isKey(text), let found = try one(byKey()) { return found }
        let exact =
            all.filter { isCalled(name, $0, people) }
            + (text.count >= 4 && isHexadecimal(text) ? byKey() : [])
        if let found = try one(exact) { return found }
        let beginning = Likeness.exact(name)
        let begun = all.filter { person in
            !beginning.isEmpty && names(of: person, people).contains { plain($0).hasPrefix(text) }
        }
        guard let found = try one(begun) else { throw unknown() }
        return found
    }

    /// Everybody once, in the directory's order and then the roster's, and at last invites that nobody noted.
    private static func everybody(_ people: People, _ directory: Directory?) -> [NamedPerson] {
        var all: [NamedPerson] = []
        var (keys, invites): (Set<Bytes32>, Set<Bytes32>) = ([], [])
        for entry in directory?.entries ?? [] {
            let (key, invite) = (directory?.key(of: entry), directory?.invite(of: entry))
            if let invite { invites.insert(invite) }
            if let key, !keys.insert(key).inserted { continue }
            all.append(NamedPerson(entry: entry, key: key, invite: invite))
        }
        for member in people.roster.members where !keys.contains(member.signKey) {
            all.append(NamedPerson(entry: nil, key: member.signKey, invite: nil))
        }
        for invite in people.roster.openInvites.sorted(by: { $0.hex < $1.hex }) where !invites.contains(invite) {
            all.append(NamedPerson(entry: nil, key: nil, invite: invite))
        }
        return all
    }

    private static func names(of person: NamedPerson, _ people: People) -> [String] {
        [person.entry?.name, person.key.flatMap { people.person($0).pseudonym }].compactMap { $0 }
    }

    /// By name, or by name and team with a comma between.
    private static func isCalled(_ name: String, _ person: NamedPerson, _ people: People) -> Bool {
        let asked = Likeness.exact(name)
        guard !asked.isEmpty else { return false }
        if names(of: person, people).contains(where: { Likeness.exact($0) == asked }) { return true }
        guard let entry = person.entry, !entry.team.isEmpty else { return false }
        return name.indices.contains { place in
            ",，".contains(name[place]) && Likeness.exact(String(name[..<place])) == Likeness.exact(entry.name)
                && Likeness.exact(String(name[name.index(after: place)...])) == Likeness.exact(entry.team)
        }
    }

    /// The only one; of several the one that the person chooses by what tells them apart. Nil for nobody.
    private static func one(
        _ found: [NamedPerson], _ name: String, _ people: People, _ directory: Directory?, asks: Bool
    ) throws -> NamedPerson? {
        var seen: Set<NamedPerson> = []
        let different = found.filter { seen.insert($0).inserted }
        guard different.count > 1 else { return different.first }
        let described = different.map { describe($0, people, directory) }
        guard asks else {
            let shown = Words.clauses(described.prefix(8)) + (different.count > 8 ? " …" : "")
            throw ClientError.invalid(.personAmbiguous, ["name": name, "people": shown])
        }
        for (i, description) in described.enumerated() { Terminal.note("  \(i + 1)  \(description)") }
        let question = words("ask.whichPerson", ["name": Terminal.harmless(name), "count": "\(different.count)"])
        return different[try Terminal.choosePlace(question, among: different.count)]
    }

    /// With all that tells a person from others of their name.
    private static func describe(_ person: NamedPerson, _ people: People, _ directory: Directory?) -> String {
        guard let entry = person.entry, let directory,
            let place = directory.entries.firstIndex(where: { $0.id == entry.id })
        else {
            return person.key.map { Words.name(people.person($0)) }
                ?? person.invite.map { String($0.hex.prefix(16)) } ?? ""
        }
        let parts = [DirectoryText.handle(place, in: directory), entry.name, entry.team, entry.note]
        return Words.list(
            parts.filter { !$0.isEmpty }.map(Terminal.harmless)
                + [DirectoryText.state(directory.state(of: entry), entry)])
    }
}
