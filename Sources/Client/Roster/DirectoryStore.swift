// docs/keystore.md, "The organisers' directory"

import CoSigning
import Foundation
import Petitions
import ServiceAPI
import Sodium

/// The directory as the service has it.
private struct Register {
    var entries: [DirectoryEntry] = []
    /// Nil while all of it is in one object.
    var parts: [DirectoryPart]?
    /// The sign keys, in hexadecimal, of the organisers whom it is sealed to.
    var readers: Set<String> = []
}

extension Session {
    /// The register is an object of the whole workplace and of no member: only organisers write it.
    private var registerName: StoredObject.Name {
        StoredObject.Name(.directory, .directory(of: device.workplaceID.bytes))
    }

    /// As an organiser: the directory.
    public func directory() async throws -> Directory {
        let people = try await people()
        try requireOrganiser()
        let entries = try await register().entries
        try device.note(entries)
        return Directory(entries: entries, people: people, now: device.clock())
    }

    // MARK: Reading

    /// The directory, as far as this organiser can open it. The index names one revision of each part, and revisions stay: whoever else
    /// writes meanwhile, this is what the directory was at one moment.
    private func register() async throws -> Register {
        let text: Text
        do { text = try await self.text(registerName) { self.contents($0) != nil } } catch
            ClientError.noSuch, ClientError.objectForged
        { return Register() }
        // Another organiser's device may have seen it in time, and can write it again: it is neither followed nor overwritten.
        guard !text.isByFormer else { throw ClientError.invalid(.directoryByFormer) }
        let readers = Set(read(DirectoryText.self, text.plaintext)?.register?.keys.map(\.organiser) ?? [])
        switch contents(text.plaintext) {
        case nil: return Register()
        case .entries(let entries)?: return Register(entries: entries, readers: readers)
        case .parts(let references)?:
            var parts: [DirectoryPart] = []
            for reference in references {
                parts.append(
                    DirectoryPart(
                        number: reference.number, entries: try await entries(of: reference), reference: reference))
            }
            return Register(entries: parts.flatMap(\.entries), parts: parts, readers: readers)
        }
    }

    private func contents(_ plaintext: [UInt8]) -> DirectoryContents? {
        read(DirectoryText.self, plaintext)?.register?.open(
            in: device.workplaceID, as: signKey, by: device.identity.seed.boxKey())
    }

    /// The entries of a part, in exactly the revision that the index names. Who wrote it is the index's business: its author is believed
    /// for all parts.
    /// - Throws: `ClientError.invalid(.directoryPart)` when the service does not show that revision.
    private func entries(of reference: DirectoryPart.Reference) async throws -> [DirectoryEntry] {
        guard let digest = Bytes32(hex: reference.digest) else { throw Self.missing(reference) }
        if let known = openedParts[digest] { return known }
        let part: SealedPart?
        if let listed = listedParts.removeValue(forKey: digest) {
            part = listed
        } else {
            let name = DirectoryPart.name(device.workplaceID, reference.number)
            do {
                let text = try await patiently {
                    try await self.text(name, revision: reference.revision, digest: digest)
                }
                part = read(DirectoryText.self, text.plaintext)?.part
            } catch ClientError.noSuch, ClientError.objectForged { throw Self.missing(reference) }
        }
        guard let entries = part?.open(reference, in: device.workplaceID) else { throw Self.missing(reference) }
        openedParts[digest] = entries
        return entries
    }

    private static func missing(_ reference: DirectoryPart.Reference) -> ClientError {
        .invalid(.directoryPart, ["part": "\(reference.number)"])
    }

    // MARK: Writing

    /// Changes the directory. If another organiser was quicker, the change is made to their version.
    public func changeDirectory(_ change: (inout [DirectoryEntry]) throws -> Void) async throws {
        try await changeDirectory(resealing: false, change)
    }

    /// - Parameters:
    ///   - resealing: whether it is written even if nothing in it changes, for the present organisers.
    ///   - renewing: whether parts under an older group key are written again too, for organisers who may not have that key.
    private func changeDirectory(
        resealing: Bool, renewing: Bool = false, _ change: (inout [DirectoryEntry]) throws -> Void
    ) async throws {
        for attempt in 0..<5 {
            try requireOrganiser()
            let previous: StoredObject?
            do { previous = try await newestObject(registerName) } catch ClientError.noSuch { previous = nil }
            if let previous { try await checkReads(previous) }
            let before = previous == nil ? Register() : try await register()
            // An organiser may have been appointed by somebody who was cut off before the directory was sealed again.
            let isLate = previous != nil && presentOrganisers.contains { !before.readers.contains($0.signKey.hex) }
            var entries = before.entries
            try change(&entries)
            let known = Set(before.entries)
            for entry in entries where !known.contains(entry) { try entry.check() }
            try checkRoom(adding: entries.count - before.entries.count, to: before.entries.count)
            guard resealing || isLate || entries != before.entries else { return }
            do {
                try await write(entries, over: before.parts, after: previous, renewing || isLate)
                return try device.note(entries)
            } catch let error as ClientError {
                guard error.isRefusal(.conflict), attempt < 4 else { throw error }
            }
        }
    }

    /// The parts first, then the index that names them: until it is there, the directory is the old one, whose revisions stay. One that
    /// fits into one object has no parts, unless it had them before.
    private func write(
        _ entries: [DirectoryEntry], over former: [DirectoryPart]?, after previous: StoredObject?, _ renewing: Bool
    ) async throws {
        let sizes = DirectoryPart.Sizes.present
        if former == nil {
            let whole = try seal(.entries(entries))
            if whole.count <= sizes.object {
                try await put(whole, registerName, after: previous)
                return
            }
        }
        var references: [DirectoryPart.Reference] = []
        for part in DirectoryPart.arrange(entries, over: former ?? [], filling: sizes.part) {
            if let reference = part.reference, !renewing || Int(reference.epoch) + 1 == roster.groupKeys.count {
                references.append(reference)
            } else {
                references.append(try await write(part))
            }
        }
        let index = try seal(.parts(references))
        _ = try await patiently { try await put(index, registerName, after: previous) }
    }

    private func write(_ part: DirectoryPart) async throws -> DirectoryPart.Reference {
        let name = DirectoryPart.name(device.workplaceID, part.number)
        let previous: StoredObject?
        do { previous = try await patiently { try await newestObject(name) } } catch ClientError.noSuch {
            previous = nil
        }
        let (sealed, key) = try SealedPart.seal(part.entries, part.number, in: device.workplaceID)
        let text = try json(DirectoryText(part: sealed))
        let object = try await patiently { try await put(text, name, after: previous) }
        openedParts[object.digest] = part.entries
        return DirectoryPart.Reference(
            number: part.number, revision: object.revision, digest: object.digest.hex, epoch: object.epoch, key: key)
    }

    /// That this organiser writes over nothing that another one can read and they cannot.
    /// - Throws: `ClientError.invalid(.directoryClosed)`.
    private func checkReads(_ newest: StoredObject) async throws {
        guard roster.isOrganiser(newest.author), let text = try? await text(registerName),
            text.object.digest == newest.digest, contents(text.plaintext) == nil,
            let sealed = read(DirectoryText.self, text.plaintext)?.register
        else { return }
        let others = Set(presentOrganisers.map(\.signKey.hex)).subtracting([signKey.hex])
        guard others.isDisjoint(with: sealed.keys.map(\.organiser)) else {
            throw ClientError.invalid(.directoryClosed)
        }
    }

    private var presentOrganisers: [WorkplaceLog.Member] {
        roster.members(at: roster.size).filter { roster.isOrganiser($0.signKey) }
    }

    private func seal(_ contents: DirectoryContents) throws -> [UInt8] {
        try json(
            DirectoryText(
                register: SealedDirectory(
                    contents, in: device.workplaceID, for: presentOrganisers.map { ($0.signKey, $0.boxKey) })))
    }

    /// That the directory does not become longer than a workplace is. Asked before anything is made for new people.
    /// - Throws: `ClientError.invalid(.directoryFull)`.
    public func checkRoom(adding count: Int, to known: Int) throws {
        guard count <= 0 || known + count <= DirectoryPart.mostEntries else {
            throw ClientError.invalid(
                .directoryFull,
                ["count": "\(count)", "known": "\(known)", "most": "\(DirectoryPart.mostEntries)"])
        }
    }

    /// Seals the directory again after `change` has made other people organisers. Its entries are read first: once an organiser is
    /// dismissed, what they wrote last is believed only by devices that had seen it.
    /// - Parameters:
    ///   - leaving: whose office ends.
    ///   - renewing: whether somebody comes who may lack older group keys.
    func resealingDirectory(
        leaving: Bytes32? = nil, renewing: Bool = false, _ change: () async throws -> Void
    ) async throws {
        guard isOrganiser else { return try await change() }
        let entries = try await register().entries
        // Nobody can write it again after they have left, and what they wrote would not count.
        if leaving == signKey, !entries.isEmpty, try await newestObject(registerName).author == signKey {
            throw ClientError.invalid(.directoryYours)
        }
        try await change()
        guard !entries.isEmpty, isOrganiser else { return }
        try await changeDirectory(resealing: true, renewing: renewing) { now in
            let known = Set(now.map(\.id))
            now += entries.filter { !known.contains($0.id) }
        }
    }
}
