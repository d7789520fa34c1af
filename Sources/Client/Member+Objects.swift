// docs/protocol.md, section 7

import Foundation
import Petitions
import Sodium

extension Member {
    /// A revision of a stored object, opened.
    struct Opened {
        let object: StoredObject
        let plaintext: [UInt8]
    }

    private func objectPath(_ id: ID<Object>, _ revision: UInt32? = nil) -> String {
        "/v1/workplaces/\(workplaceID.hex)/objects/\(id.hex)" + (revision.map { "/\($0)" } ?? "")
    }

    /// The newest revision, or the one named: signed by somebody who is or was a member, no older than this device has
    /// seen, and decrypted.
    func object(_ id: ID<Object>, revision: UInt32? = nil, in roster: WorkplaceLog) async throws -> Opened {
        let bytes: [UInt8]
        do {
            bytes = try await connection.signed("GET", objectPath(id, revision), by: identity.seed.signingKey())
        } catch ClientError.refused(let status, _, _, _) where status == 404 {
            // Only what this device has seen can have been taken away.
            guard let pin = state.objects[id.hex], revision ?? 1 <= pin.revision else {
                throw ClientError.noSuch("text")
            }
            throw ClientError.objectRolledBack
        }
        return try open(bytes, id, revision: revision, in: roster)
    }

    /// - Parameter saving: whether the pin goes to the disk at once; who opens many saves once.
    func open(
        _ bytes: [UInt8], _ id: ID<Object>, revision: UInt32? = nil, in roster: WorkplaceLog, saving: Bool = true
    ) throws -> Opened {
        guard let object = try? StoredObject(decoding: bytes), object.workplace == workplaceID, object.id == id,
            revision == nil || object.revision == revision, roster.member(object.author) != nil
        else { throw ClientError.objectForged }
        if revision == nil { try pin(object, saving: saving) }
        guard let key = identity.groupKeys.key(epoch: object.epoch) else { throw ClientError.noGroupKey }
        return Opened(
            object: object, plaintext: try ClientError.rules { () throws(RuleViolation) in try object.open(under: key) }
        )
    }

    private func pin(_ object: StoredObject, saving: Bool = true) throws {
        if let pin = state.objects[object.id.hex] {
            guard object.revision > pin.revision || (object.revision == pin.revision && object.digest.hex == pin.digest)
            else { throw ClientError.objectRolledBack }
        }
        state.objects[object.id.hex] = .init(
            revision: object.revision, digest: object.digest.hex, kind: object.kind.rawValue)
        if saving { try save() }
    }

    /// Writes the next revision of an object; of a new one when there is no previous.
    @discardableResult
    func put(
        _ plaintext: [UInt8], kind: StoredObject.Kind, id: ID<Object>, after previous: StoredObject?,
        in roster: WorkplaceLog
    ) async throws -> StoredObject {
        let key = try writingKey(roster)
        let object = try ClientError.rules {
            () throws(RuleViolation) in
            try StoredObject.seal(
                plaintext, kind: kind, id: id, after: previous, in: workplaceID, under: key,
                by: identity.seed.signingKey())
        }
        _ = try await connection.signed(
            "PUT", objectPath(id, object.revision), body: object.bytes, by: identity.seed.signingKey())
        try pin(object)
        return object
    }

    /// Every object of a kind that can be read, oldest first. One that cannot, whoever put it there, must not keep the others
    /// from being read; it is counted. A service that rolls back still stops everything.
    func objects(of kind: StoredObject.Kind, in roster: WorkplaceLog) async throws -> [Opened] {
        try await listed(kind, in: roster).compactMap(\.opened)
    }

    /// What each object of a kind says in the newest revision that `read` accepts, so that nobody unmakes what others wrote
    /// by writing over it. With the very newest revision, for who writes after it.
    /// - Parameters:
    ///   - purpose: what is read; an object that was begun for another is passed over.
    ///   - isBegun: whether a first revision begins an object of this purpose.
    func newest<T>(
        _ purpose: String, of kind: StoredObject.Kind, in roster: WorkplaceLog, isBegun: (Opened) -> Bool,
        _ read: (Opened) throws -> T?
    ) async throws -> [(newest: StoredObject, value: T)] {
        var found: [(StoredObject, T)] = []
        for (newest, opened) in try await listed(kind, in: roster) {
            let key = "\(purpose)/\(newest.id.hex)"
            if let opened, let value = try read(opened) {
                found.append((newest, value))
                state.read[key] = newest.revision
                continue
            }
            // Zero for what was found to be of another purpose.
            guard newest.revision > 1, state.read[key] != 0 else { continue }
            let first = try await readable(newest.id, revision: 1, in: roster)
            guard first.map(isBegun) ?? true else {
                state.read[key] = 0
                continue
            }
            // Back from the newest, or from the one that was read last where too much was written over it.
            var revision = newest.revision - 1
            while revision >= 1, newest.revision - revision <= Self.maximalSteps {
                if let earlier = try await readable(newest.id, revision: revision, in: roster),
                    let value = try read(earlier)
                {
                    found.append((newest, value))
                    state.read[key] = revision
                    break
                }
                revision -= 1
            }
            guard revision >= 1, newest.revision - revision > Self.maximalSteps, let last = state.read[key],
                let earlier = try await readable(newest.id, revision: last, in: roster), let value = try read(earlier)
            else { continue }
            found.append((newest, value))
        }
        try save()
        return found
    }

    /// A revision, when it can be read.
    private func readable(_ id: ID<Object>, revision: UInt32, in roster: WorkplaceLog) async throws -> Opened? {
        do { return try await object(id, revision: revision, in: roster) } catch let error as ClientError
            where Self.isUnreadable(error)
        { return nil }
    }

    /// How far back a text is looked for behind revisions that say nothing.
    private static let maximalSteps: UInt32 = 64

    private static func isUnreadable(_ error: ClientError) -> Bool {
        switch error {
        case .objectForged, .noGroupKey, .rule: true
        default: false
        }
    }

    private func listed(
        _ kind: StoredObject.Kind, in roster: WorkplaceLog
    ) async throws -> [(newest: StoredObject, opened: Opened?)] {
        var found: [(StoredObject, Opened?)] = []
        var listed: Set<String> = []
        unreadableObjects = 0
        var after = 0
        while true {
            let page = try await page(of: kind, after: after)
            for entry in page.objects {
                guard let id = ID<Object>(hex: entry.id), let bytes = Base64.decode(entry.bytes) else {
                    throw ClientError.badAnswer("texts")
                }
                listed.insert(entry.id)
                guard let object = try? StoredObject(decoding: bytes), object.kind == kind else {
                    unreadableObjects += 1
                    continue
                }
                do { found.append((object, try open(bytes, id, in: roster, saving: false))) } catch let error
                    as ClientError where Self.isUnreadable(error)
                {
                    unreadableObjects += 1
                    found.append((object, nil))
                }
            }
            guard let next = page.next else { break }
            guard next > after else { throw ClientError.badAnswer("texts") }
            after = next
        }
        // Once seen, a text does not go away.
        guard state.objects.allSatisfy({ $0.value.kind != kind.rawValue || listed.contains($0.key) }) else {
            throw ClientError.objectRolledBack
        }
        try save()
        return found
    }

    private struct Page: Decodable {
        struct Entry: Decodable {
            let id: String
            let bytes: String
        }
        let objects: [Entry]
        let next: Int?
    }

    private func page(of kind: StoredObject.Kind, after: Int) async throws -> Page {
        let answer = try await connection.signed(
            "GET", "/v1/workplaces/\(workplaceID.hex)/objects", query: "kind=\(kind.rawValue)&after=\(after)",
            by: identity.seed.signingKey())
        guard let page = try? JSONDecoder().decode(Page.self, from: Data(answer)) else {
            throw ClientError.badAnswer("texts")
        }
        return page
    }
}
