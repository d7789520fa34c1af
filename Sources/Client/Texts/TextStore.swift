// docs/protocol.md, section 7

import CoSigning
import Foundation
import Petitions
import ServiceAPI
import Sodium

/// An opened revision of a stored object.
struct Text {
    let object: StoredObject
    let plaintext: [UInt8]
    /// Whether its author is no longer entitled to write it, and this device had not seen it while they were: it is
    /// marked, and nothing is done on its authority.
    let isByFormer: Bool
    /// The author of a newer revision that is left out, because they were never entitled, or because it cannot be
    /// opened or parsed.
    var overwrittenBy: Bytes32?
}

/// The workplace's texts as this device believes them. The service stores them and is not trusted: who may write what,
/// the chain of revisions and the epochs are checked here too.
extension Session {
    private static let mostTexts = 100_000
    /// How many revisions back to look for a text behind revisions that are left out.
    private static let mostSteps: UInt32 = 64
    /// How long a chain of revisions to follow.
    private static let mostLinks: UInt32 = 1_000

    /// A revision's bytes, decoded. Nil if the service has none.
    private func fetch(_ name: StoredObject.Name, _ revision: UInt32?) async throws -> StoredObject? {
        let bytes: [UInt8]
        do { bytes = try await send(.text(name, revision: revision)) } catch let error as ClientError {
            guard error.isRefusal(.notFound) else { throw error }
            return nil
        }
        guard let object = try? StoredObject(decoding: bytes), object.workplace == device.workplaceID,
            object.name == name, revision == nil || object.revision == revision
        else { throw ClientError.objectForged }
        return object
    }

    /// The newest revision of a text that can be believed.
    /// - Parameter accepts: whether a plaintext can be read as this kind of text.
    func text(_ name: StoredObject.Name, accepts: ([UInt8]) -> Bool = { _ in true }) async throws -> Text {
        guard let newest = try await fetch(name, nil) else {
            // Only a text that this device has seen can have been taken away.
            guard device.state.objects[name] == nil else { throw rolledBack() }
            throw ClientError.noSuch(.text)
        }
        guard let text = try await believed(newest, accepts) else { throw ClientError.objectForged }
        return text
    }

    /// The newest revision as it is, readable or not, which the next one must follow.
    func newestObject(_ name: StoredObject.Name) async throws -> StoredObject {
        guard let newest = try await fetch(name, nil) else { throw ClientError.noSuch(.text) }
        try await checkPin(newest)
        return newest
    }

    func object(_ name: StoredObject.Name, _ revision: UInt32) async throws -> StoredObject {
        guard let object = try await fetch(name, revision) else { throw ClientError.noSuch(.text) }
        return object
    }

    /// One revision, whether it is the newest or not.
    /// - Parameter digest: the digest by which another text refers to it; nil to check it against the newest, along the
    ///   chain.
    func text(_ name: StoredObject.Name, revision: UInt32, digest: Bytes32? = nil) async throws -> Text {
        guard let object = try await fetch(name, revision) else { throw ClientError.noSuch(.text) }
        if let digest {
            guard object.digest == digest else { throw ClientError.objectForged }
        } else if let pin = device.state.objects[name], revision <= pin.revision {
            try await checkChain(from: object, to: pin, name)
        }
        return try open(object, founder: try await founder(of: object))
    }

    /// Checks that the pinned revision descends from this one.
    private func checkChain(from object: StoredObject, to pin: DeviceState.ObjectPin, _ name: StoredObject.Name)
        async throws
    {
        guard pin.revision - object.revision <= Self.mostLinks else { throw ClientError.objectForged }
        var current = object
        while current.revision < pin.revision {
            guard let next = try await fetch(name, current.revision + 1), (try? next.follows(current)) != nil else {
                throw ClientError.objectForged
            }
            current = next
        }
        guard current.digest == pin.digest else { throw rolledBack() }
    }

    /// The author of an object's first revision. Only they may write further revisions of a comment.
    private func founder(of object: StoredObject) async throws -> Bytes32? {
        guard object.kind == .comment, object.revision > 1 else { return object.author }
        if let known = device.state.objects[object.name]?.founder { return known }
        return try await fetch(object.name, 1)?.author
    }

    private func open(_ object: StoredObject, founder: Bytes32?) throws -> Text {
        let standing = object.standing(in: roster, founder: founder)
        guard standing != .never else { throw ClientError.objectForged }
        guard let key = device.identity.groupKeys.key(epoch: object.epoch) else { throw ClientError.noGroupKey }
        let plaintext = try ClientError.rules { () throws(RuleViolation) in try object.open(under: key) }
        let wasBelieved = device.state.objects[object.name]?.entitled == object.digest
        return Text(object: object, plaintext: plaintext, isByFormer: standing == .former && !wasBelieved)
    }

    /// The newest revision if it can be believed, otherwise the newest earlier one that can.
    private func believed(_ newest: StoredObject, _ accepts: ([UInt8]) -> Bool) async throws -> Text? {
        try await checkPin(newest)
        var current = newest
        var steps: UInt32 = 0
        while true {
            let founder = try await founder(of: current)
            if let text = try? open(current, founder: founder), accepts(text.plaintext) {
                pin(newest, orElse: current, founder: founder, entitled: text.isByFormer ? nil : text.object.digest)
                var found = text
                if current.revision < newest.revision { found.overwrittenBy = newest.author }
                return found
            }
            guard current.revision > 1, steps < Self.mostSteps,
                let parent = try await fetch(current.name, current.revision - 1), (try? current.follows(parent)) != nil
            else { return nil }
            current = parent
            steps += 1
        }
    }

    /// Checks that the newest revision descends from the one that was seen last, and is not older.
    private func checkPin(_ object: StoredObject) async throws {
        guard let pin = device.state.objects[object.name] else { return }
        guard object.revision >= pin.revision else { throw rolledBack() }
        if object.revision == pin.revision {
            guard object.digest == pin.digest else { throw rolledBack() }
            return
        }
        guard object.revision - pin.revision <= Self.mostLinks else { return }
        var current = object
        while current.revision > pin.revision + 1 {
            guard let parent = try await fetch(object.name, current.revision - 1), (try? current.follows(parent)) != nil
            else { throw ClientError.objectForged }
            current = parent
        }
        guard current.parent == pin.digest else { throw rolledBack() }
    }

    /// Pins a revision. An honest service does not accept a revision by somebody who was never entitled; if it were
    /// pinned, it would keep the right one out for good.
    private func pin(_ newest: StoredObject, orElse believed: StoredObject, founder: Bytes32?, entitled: Bytes32?) {
        let shown = newest.standing(in: roster, founder: founder) == .never ? believed : newest
        guard shown.revision >= device.state.objects[newest.name]?.revision ?? 0 else { return }
        pin(shown, founder: founder, entitled: entitled)
    }

    /// Pins in memory only; a caller that reads many texts writes to the disk once.
    private func pin(_ object: StoredObject, founder: Bytes32?, entitled: Bytes32?) {
        let former = device.state.objects[object.name]
        device.state.objects[object.name] = .init(
            revision: object.revision, digest: object.digest, founder: former?.founder ?? founder,
            entitled: entitled ?? former?.entitled)
    }

    /// Writes the next revision of a text; the first revision if there is no previous one.
    @discardableResult
    func put(_ plaintext: [UInt8], _ name: StoredObject.Name, after previous: StoredObject?) async throws
        -> StoredObject
    {
        let key = try writingKey()
        let object = try ClientError.rules { () throws(RuleViolation) in
            try StoredObject.seal(
                plaintext, kind: name.kind, id: name.id, after: previous, in: device.workplaceID, under: key,
                by: device.identity.seed.signingKey())
        }
        _ = try await send(.putText(object))
        pin(object, founder: previous == nil ? signKey : nil, entitled: object.digest)
        try device.save()
        return object
    }

    /// Every text of a kind that can be believed, in the order of their ids. Texts that cannot, whoever stored them,
    /// are counted, and do not keep the others from being read. A service that rolls back still stops everything.
    func texts(of kind: StoredObject.Kind, accepts: ([UInt8]) -> Bool = { _ in true }) async throws -> [Text] {
        unreadableTexts = 0
        var listed: [StoredObject.Name: StoredObject] = [:]
        var after = 0
        while true {
            let page = try await page(of: kind, after: after)
            for entry in page.objects {
                guard let bytes = Base64.decode(entry.bytes), let id = ID<Object>(hex: entry.id),
                    entry.kind == kind.rawValue
                else { throw ClientError.badAnswer(.texts) }
                guard let object = try? StoredObject(decoding: bytes), object.name == .init(kind, id),
                    object.workplace == device.workplaceID
                else {
                    unreadableTexts += 1
                    continue
                }
                guard listed.updateValue(object, forKey: object.name) == nil, listed.count <= Self.mostTexts else {
                    throw ClientError.badAnswer(.texts)
                }
            }
            guard let next = page.next else { break }
            guard next > after, next <= Self.mostTexts, !page.objects.isEmpty else {
                throw ClientError.badAnswer(.texts)
            }
            after = next
        }
        // A text that was seen once cannot disappear.
        guard device.state.objects.keys.allSatisfy({ $0.kind != kind || listed[$0] != nil }) else {
            throw rolledBack()
        }
        var texts: [Text] = []
        // Nothing depends on the order in which the service lists them.
        for object in listed.values.sorted(by: { $0.id.hex < $1.id.hex }) {
            if let text = try await believed(object, accepts) { texts.append(text) } else { unreadableTexts += 1 }
        }
        try device.save()
        return texts
    }

    private func page(of kind: StoredObject.Kind, after: Int) async throws -> Answers.Objects {
        let answer = try await send(.texts(kind, after: after))
        guard let page = try? JSONDecoder().decode(Answers.Objects.self, from: Data(answer)) else {
            throw ClientError.badAnswer(.texts)
        }
        return page
    }

    /// Reports that a text is older than before: raises an alarm, as for a log.
    private func rolledBack() -> ClientError {
        let workplace = LogName.workplace(device.workplaceID)
        device.state.memory.raise(Alarm(.text, workplace, in: .member, at: device.clock()))
        do { try device.save() } catch { return .disk("state") }
        return .objectRolledBack
    }

    // MARK: JSON inside

    func read<T: Decodable>(_ type: T.Type, _ plaintext: [UInt8]) -> T? {
        try? JSONDecoder().decode(T.self, from: Data(plaintext))
    }

    func json(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(value))
    }
}
