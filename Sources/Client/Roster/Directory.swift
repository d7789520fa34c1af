// docs/objects.md, kind 4; docs/keystore.md, "The organisers' directory"

import CoSigning
import Foundation
import Petitions
import ServiceAPI
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

    init(entries: [DirectoryEntry], people: People, now: UInt64) {
        (self.entries, self.people, self.now) = (entries, people, now)
        var admitted: [Bytes32: Bytes32] = [:]
        for member in people.roster.members {
            if let invite = member.inviteKey { admitted[invite] = member.signKey }
        }
        self.admitted = admitted
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

    /// The entry whose newest invite has this key.
    public func entry(ofInvite key: Bytes32) -> DirectoryEntry? { entries.first { $0.invite == key.hex } }

    /// Pairs of names that could be mistaken for one another, among these and the directory's.
    public func likenesses(with names: [String] = []) -> [(first: String, second: String, likeness: Likeness)] {
        let all = entries.map(\.name) + names
        return Likeness.pairs(all).map { (all[$0.first], all[$0.second], $0.likeness) }
    }
}

extension Session {
    /// The name of the register: one object for the whole workplace, which no member owns. Only organisers write it.
    private var registerName: StoredObject.Name {
        StoredObject.Name(.directory, .directory(of: device.workplaceID.bytes))
    }

    /// As an organiser: reads the directory.
    public func directory() async throws -> Directory {
        let people = try await people()
        try requireOrganiser()
        return Directory(entries: try await register(), people: people, now: device.clock())
    }

    /// The entries, if this organiser can open them.
    private func register() async throws -> [DirectoryEntry] {
        let text: Text
        do { text = try await self.text(registerName) { self.entries($0) != nil } } catch
            ClientError.noSuch, ClientError.objectForged
        { return [] }
        // Another organiser's device may have seen it in time, and can rewrite it. Here it is neither believed nor
        // overwritten.
        guard !text.isByFormer else { throw ClientError.invalid(.directoryByFormer) }
        return entries(text.plaintext) ?? []
    }

    private func entries(_ plaintext: [UInt8]) -> [DirectoryEntry]? {
        read(DirectoryText.self, plaintext)?.register?.open(
            in: device.workplaceID, as: signKey, by: device.identity.seed.boxKey())
    }

    /// Changes the directory. If another organiser was faster, the change is applied to theirs.
    public func changeDirectory(_ change: (inout [DirectoryEntry]) throws -> Void) async throws {
        for attempt in 0..<5 {
            try requireOrganiser()
            let previous: StoredObject?
            do { previous = try await newestObject(registerName) } catch ClientError.noSuch { previous = nil }
            let before = previous == nil ? [] : try await register()
            var entries = before
            try change(&entries)
            let known = Set(before)
            for entry in entries where !known.contains(entry) { try entry.check() }
            let sealed = try seal(entries)
            guard entries.count <= before.count || ObjectSize.fits(sealed.count) else {
                throw try full(before, adding: entries.count - before.count, sealed.count)
            }
            do {
                try await put(sealed, registerName, after: previous)
                return
            } catch let error as ClientError {
                guard error.isRefusal(.conflict), attempt < 4 else { throw error }
            }
        }
    }

    private func seal(_ entries: [DirectoryEntry]) throws -> [UInt8] {
        let organisers = roster.members(at: roster.size).filter { roster.isOrganiser($0.signKey) }
        return try json(
            DirectoryText(
                register: SealedDirectory(
                    entries, in: device.workplaceID, for: organisers.map { ($0.signKey, $0.boxKey) })))
    }

    /// Checks that the directory, which is one object, has room for more entries. Called before anything is made for
    /// them.
    /// - Throws: `ClientError.invalid(.directoryFull)` with how many fit.
    func checkRoom(for entries: [DirectoryEntry], in directory: Directory) throws {
        let known = Set(directory.entries.map(\.id))
        let new = entries.filter { !known.contains($0.id) }
        guard !new.isEmpty else { return }
        let size = try seal(directory.entries + new).count
        guard !ObjectSize.fits(size) else { return }
        throw try full(directory.entries, adding: new.count, size)
    }

    private func full(_ entries: [DirectoryEntry], adding count: Int, _ size: Int) throws -> ClientError {
        let before = try seal(entries).count
        let each = max(1, (size - before + count - 1) / max(count, 1))
        let fitting = max(0, (ObjectSize.mostPlaintext - before) / each)
        return .invalid(
            .directoryFull, ["count": "\(count)", "fit": "\(fitting)", "known": "\(entries.count)"])
    }

    /// Seals the directory again after `change` has changed who the organisers are. Its entries are read first: once an
    /// organiser is dismissed, what they wrote last is believed only by devices that had seen it.
    /// - Parameter leaving: the organiser whose office ends.
    func resealingDirectory(leaving: Bytes32? = nil, _ change: () async throws -> Void) async throws {
        guard isOrganiser else { return try await change() }
        let entries = try await register()
        // A leaving organiser cannot rewrite it afterwards, and what they wrote would no longer count.
        if leaving == signKey, !entries.isEmpty, try await newestObject(registerName).author == signKey {
            throw ClientError.invalid(.directoryYours)
        }
        try await change()
        guard !entries.isEmpty, isOrganiser else { return }
        try await changeDirectory { now in
            let known = Set(now.map(\.id))
            now += entries.filter { !known.contains($0.id) }
        }
    }
}
