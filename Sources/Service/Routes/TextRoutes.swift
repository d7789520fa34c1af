// docs/protocol.md, section 7; docs/openapi.yaml

import Foundation
import Hummingbird
import HummingbirdCore
import Petitions
import ServiceAPI
import Sodium
import Storage

/// Objects that members leave for one another.
struct TextRoutes: Sendable {
    let store: any Store
    let requests: MemberRequests
    let doorkeeper: Doorkeeper
    let limits: ServiceConfiguration.Limits

    func add(to router: Router<ServiceContext>) {
        router.get(.objects) { _, context in
            let member = try await requests.accept(context, upTo: 0)
            let query = URI(context.exchange.head.path ?? "").queryParameters
            let kind = try kind(query["kind"])
            let after = query["after"].map { Int($0) } ?? 0
            guard let after, (0...Int(Int32.max)).contains(after) else {
                throw Refusal.malformed("The query's after is how many objects came before.")
            }
            let (entries, next) = try await store.outlines(
                of: kind, in: member.workplace, after: after, most: 256, bytes: 8 << 20)
            return ObjectListing(entries: entries, next: next).response(member.workplace, from: store)
        }
        router.get(.object) { _, context in
            let member = try await requests.accept(context, upTo: 0)
            return try await object(name(context), member.workplace, revision: nil)
        }
        router.get(.objectRevision) { _, context in
            let member = try await requests.accept(context, upTo: 0)
            guard let revision = context.parameters.get("revision").flatMap({ UInt32($0) }), revision > 0 else {
                throw Refusal.malformed("A revision is a number from 1.")
            }
            return try await object(name(context), member.workplace, revision: revision)
        }
        router.put(.objectRevision) { _, context in
            let name = try name(context)
            guard let revision = context.parameters.get("revision").flatMap({ UInt32($0) }) else {
                throw Refusal.malformed("A revision is a number from 1.")
            }
            let member = try await requests.accept(
                context, upTo: limits.object,
                if: { workplace, sender in
                    try doorkeeper.check(.object(workplace))
                    // The same again changes nothing.
                    guard let length = context.exchange.contentLength,
                        try await !store.hasObject(name, in: workplace, revision: revision)
                    else { return }
                    try await store.checkRoom(
                        for: length, of: workplace, by: sender.key,
                        within: limits.quota(reserved: name.kind == .document && sender.isOrganiser))
                })
            let object = try StoredObject(decoding: member.body)
            guard object.workplace == member.workplace, object.name == name, revision == object.revision,
                context.parameters.get("revision") == String(object.revision)
            else { throw Refusal.malformed("The object is another than the address names.") }
            guard object.author == member.key else { throw Refusal.notAllowed }
            try checkEpoch(of: object, member.roster)
            try await checkPlace(of: object, member.roster)
            let isReserved = object.kind == .document && member.roster.isOrganiser(member.key)
            try await store.put(object, within: limits.quota(reserved: isReserved))
            doorkeeper.charge(.object(member.workplace))
            return Response.noContent
        }
    }

    private func kind(_ text: (some StringProtocol)?) throws -> StoredObject.Kind {
        guard let number = text.flatMap({ UInt8($0) }), let kind = StoredObject.Kind(rawValue: number),
            text.map({ "\($0)" == "\(number)" }) == true
        else { throw Refusal.malformed("A kind is a number from 1 to \(StoredObject.Kind.allCases.count).") }
        return kind
    }

    private func name(_ context: ServiceContext) throws -> StoredObject.Name {
        try StoredObject.Name(kind(context.parameters.get("kind")), ID(context.id("object")))
    }

    private func object(
        _ name: StoredObject.Name, _ workplace: ID<Workplace>, revision: UInt32?
    ) async throws -> Response {
        guard let outline = try await store.outline(name, in: workplace, revision: revision) else {
            throw Refusal.notFound
        }
        return Response.object(outline, in: workplace, from: store)
    }

    private func checkEpoch(of object: StoredObject, _ roster: WorkplaceLog) throws {
        guard !roster.rotationIsDue else { throw Refusal.rotationDue }
        guard UInt64(object.epoch) + 1 == UInt64(roster.groupKeys.count) else { throw Refusal.staleEpoch }
    }

    /// Whether the revision follows the one that is there, and its author may write it now.
    private func checkPlace(of object: StoredObject, _ roster: WorkplaceLog) async throws {
        func stored(_ revision: UInt32) async throws -> StoredObject? {
            try await store.object(object.name, in: object.workplace, revision: revision).map {
                try StoredObject(decoding: $0)
            }
        }
        let parent = object.revision == 1 ? nil : try await stored(object.revision - 1)
        guard parent != nil || object.revision == 1 else { throw Refusal.conflict }
        do { try object.follows(parent) } catch {
            // Somebody else wrote the revision that this one was to follow.
            throw error == .objectParent ? Refusal.conflict : Refusal.rule(error)
        }
        var founder: Bytes32?
        if object.kind == .comment, object.revision > 1 {
            founder = object.revision == 2 ? parent?.author : try await stored(1)?.author
        }
        guard case .entitled = object.standing(in: roster, founder: founder) else { throw Refusal.notAllowed }
    }
}
