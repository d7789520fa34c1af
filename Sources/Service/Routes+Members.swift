// docs/protocol.md, section 7; docs/openapi.yaml

import Foundation
import HTTPTypes
import Hummingbird
import Petitions
import RequestSignatures
import ServiceAPI
import Sodium
import Storage

/// What members leave for one another: objects, wrapped group keys, and what newcomers find under an invite's name.
extension Routes {
    /// A request that a present member signed, with its body.
    private struct MemberRequest {
        let workplace: ID<Workplace>
        let key: Bytes32
        let body: [UInt8]
        /// As it was when the request was looked at.
        let roster: WorkplaceLog
    }

    private func member(_ request: Request, _ context: Context, upTo limit: Int) async throws -> MemberRequest {
        let workplace = ID<Workplace>(try id(context, "workplace"))
        let body = try await body(of: request, upTo: limit)
        let claim = SignedRequest.Claim(
            method: request.method.rawValue, path: request.uri.path, query: request.uri.query ?? "",
            signatureInput: request.headers[.signatureInput], signature: request.headers[.signature],
            contentDigest: request.headers[.contentDigestField], body: body)
        // Membership before memory: nonces of strangers are not remembered, so they cannot fill it.
        let parameters = try RequestVerifier.check(claim)
        let roster = try await sequencer.workplace(workplace)
        guard roster.isMember(parameters.key) else {
            throw Refusal.notAuthenticated("The signer is not a present member of this workplace.")
        }
        try await verifier.accept(parameters, in: workplace)
        return MemberRequest(workplace: workplace, key: parameters.key, body: body, roster: roster)
    }

    // MARK: Objects

    func addObjects(to router: Router<Context>) {
        router.get(.objects) { request, context in
            let member = try await member(request, context, upTo: 0)
            let kind = try kind(request.uri.queryParameters["kind"])
            let after = request.uri.queryParameters["after"].map { Int($0) } ?? 0
            guard let after, (0...Int(Int32.max)).contains(after) else {
                throw Refusal.malformed("The query's after is how many objects came before.")
            }
            let (entries, next) = try await store.objects(of: kind, in: member.workplace, after: after)
            let list = Answers.Objects(
                objects: entries.map {
                    Answers.Object(
                        kind: $0.kind.rawValue, id: $0.id.hex, revision: $0.revision, bytes: Base64.encode($0.bytes))
                }, next: next)
            return try Response.bytes(Answers.encode(list), within: memory, type: "application/json")
        }
        router.get(.object) { request, context in
            let member = try await member(request, context, upTo: 0)
            return try await object(name(context), member.workplace, revision: nil)
        }
        router.get(.objectRevision) { request, context in
            let member = try await member(request, context, upTo: 0)
            guard let revision = context.parameters.get("revision").flatMap({ UInt32($0) }), revision > 0 else {
                throw Refusal.malformed("A revision is a number from 1.")
            }
            return try await object(name(context), member.workplace, revision: revision)
        }
        router.put(.objectRevision) { request, context in
            let member = try await member(request, context, upTo: limits.object)
            let object = try StoredObject(decoding: member.body)
            guard object.workplace == member.workplace, object.name == (try name(context)),
                context.parameters.get("revision") == String(object.revision)
            else { throw Refusal.malformed("The object is another than the address names.") }
            guard object.author == member.key else { throw Refusal.notAllowed }
            try checkEpoch(of: object, member.roster)
            try await checkPlace(of: object, member.roster)
            try budgets.check(.object(member.workplace))
            let isReserved = object.kind == .document && member.roster.isOrganiser(member.key)
            try await store.put(object, within: limits.quota(reserved: isReserved))
            budgets.count(.object(member.workplace))
            return Response.noContent
        }
    }

    private func kind(_ text: (some StringProtocol)?) throws -> StoredObject.Kind {
        guard let number = text.flatMap({ UInt8($0) }), let kind = StoredObject.Kind(rawValue: number),
            text.map({ "\($0)" == "\(number)" }) == true
        else { throw Refusal.malformed("A kind is a number from 1 to \(StoredObject.Kind.allCases.count).") }
        return kind
    }

    private func name(_ context: Context) throws -> StoredObject.Name {
        try StoredObject.Name(kind(context.parameters.get("kind")), ID(id(context, "object")))
    }

    private func object(
        _ name: StoredObject.Name, _ workplace: ID<Workplace>, revision: UInt32?
    ) async throws -> Response {
        guard let bytes = try await store.object(name, in: workplace, revision: revision) else {
            throw Refusal.notFound
        }
        return try Response.bytes(bytes, within: memory)
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

    // MARK: Wrapped group keys

    func addWraps(to router: Router<Context>) {
        // One list for everybody alike, without a signature: nobody shows by asking whose key they are looking for.
        router.get(.wrapsOfEpoch) { _, context in
            let workplace = ID<Workplace>(try id(context, "workplace"))
            let roster = try await sequencer.workplace(workplace)
            guard let epoch = context.parameters.get("epoch").flatMap({ UInt32($0) }),
                context.parameters.get("epoch") == String(epoch)
            else { throw Refusal.malformed("An epoch is a number from 0.") }
            guard UInt64(epoch) < UInt64(roster.groupKeys.count) else { throw Refusal.notFound }
            let wraps = try await store.wraps(of: epoch, in: workplace).map { wrap in
                (admitted: roster.member(wrap.member)?.admitted ?? .max, maker: wrap.by.hex, wrap: wrap)
            }.sorted { ($0.admitted, $0.maker) < ($1.admitted, $1.maker) }
            let list = Answers.Wraps(
                epoch: epoch,
                wraps: wraps.map { _, maker, wrap in
                    Answers.Wrap(
                        member: wrap.member.hex, wrap: Base64.encode(wrap.wrap), by: maker,
                        signature: Base64.encode(wrap.signature))
                })
            return try Response.bytes(Answers.encode(list), within: memory, type: "application/json")
        }
        router.get(.wrapsMissing) { request, context in
            let member = try await member(request, context, upTo: 0)
            guard let epoch = UInt32(exactly: member.roster.groupKeys.count - 1) else {
                return try Response.json(Answers.Missing(members: []))
            }
            let wrapped = try await store.wrappedMembers(of: epoch, in: member.workplace)
            let wanting = try await store.wantingMembers(in: member.workplace)
            let missing = member.roster.members(at: member.roster.size).map(\.signKey).filter {
                !wrapped.contains($0) || wanting.contains($0)
            }
            return try Response.bytes(
                Answers.encode(Answers.Missing(members: missing.map(\.hex))), within: memory, type: "application/json")
        }
        router.post(.wrapsWanted) { request, context in
            let member = try await member(request, context, upTo: 1024)
            guard let wanted = try? JSONDecoder().decode(Answers.Wanted.self, from: Data(member.body)) else {
                throw Refusal.malformed("The body must be {\"epoch\": number}.")
            }
            guard UInt64(wanted.epoch) < UInt64(member.roster.groupKeys.count) else { throw Refusal.notFound }
            try budgets.check(.object(member.workplace))
            try await store.want(wrapFor: member.key, in: member.workplace)
            budgets.count(.object(member.workplace))
            return Response.noContent
        }
        router.put(.wraps) { request, context in
            let member = try await member(request, context, upTo: limits.wraps)
            let wraps = try wraps(member)
            try budgets.check(.object(member.workplace))
            let organisers = member.roster.members(at: member.roster.size).map(\.signKey).filter {
                member.roster.isOrganiser($0)
            }
            try await store.put(
                wraps, by: member.key, in: member.workplace, places: WrapPlaces(preferred: Set(organisers)),
                within: limits.quota(reserved: member.roster.isOrganiser(member.key)))
            budgets.count(.object(member.workplace))
            return Response.noContent
        }
    }

    /// Wraps that the requester made and signed, for present members and an epoch that exists.
    private func wraps(_ member: MemberRequest) throws -> [KeyWrap] {
        guard let list = try? JSONDecoder().decode(Answers.Wraps.self, from: Data(member.body)),
            list.wraps.count <= limits.wrapsPerRequest
        else { throw Refusal.malformed("The body must be a list of at most \(limits.wrapsPerRequest) wraps.") }
        guard UInt64(list.epoch) < UInt64(member.roster.groupKeys.count) else {
            throw Refusal.malformed("A wrap is for an epoch that exists.")
        }
        var seen: Set<Bytes32> = []
        let wraps = try list.wraps.map { entry in
            guard let whom = Bytes32(hex: entry.member), let by = Bytes32(hex: entry.by),
                let wrap = Base64.decode(entry.wrap), let signature = Base64.decode(entry.signature)
            else { throw Refusal.malformed("A wrap is for a member, by a member, and signed.") }
            guard by == member.key else { throw Refusal.notAllowed }
            guard member.roster.isMember(whom), seen.insert(whom).inserted else {
                throw Refusal.malformed("A wrap is for a present member, one for each.")
            }
            return KeyWrap(epoch: list.epoch, member: whom, wrap: wrap, by: by, signature: signature)
        }
        guard wraps.allSatisfy({ $0.isSigned(in: member.workplace) }) else { throw Refusal.rule(.wrap) }
        return wraps
    }

    // MARK: Invites

    func addInvites(to router: Router<Context>) {
        router.put(.invites) { request, context in
            let member = try await member(request, context, upTo: limits.inviteKeys)
            let name = try id(context, "name")
            guard let body = try? JSONDecoder().decode(Answers.InviteKeys.self, from: Data(member.body)),
                let key = Bytes32(hex: body.invite_key), let sealed = Base64.decode(body.keys)
            else { throw Refusal.malformed("The body must be an invite's key and the sealed group keys.") }
            guard member.roster.issuer(ofInvite: key) == member.key else { throw Refusal.notAllowed }
            guard member.roster.inviteIsOpen(key) == true else { throw Refusal.rule(.inviteNotOpen) }
            try budgets.check(.object(member.workplace))
            try await store.put(
                StoredInvite(workplace: member.workplace, key: key, sealed: sealed, author: member.key), under: name,
                within: limits.quota(reserved: false))
            budgets.count(.object(member.workplace))
            // The leaf that closed it meanwhile had nothing to take away yet.
            guard try await sequencer.workplace(member.workplace).inviteIsOpen(key) == true else {
                try await store.drop(invites: [key], of: member.workplace)
                throw Refusal.rule(.inviteNotOpen)
            }
            return Response.noContent
        }
        router.get(.invite) { _, context in
            guard let invite = try await store.invite(id(context, "name")),
                try await sequencer.workplace(invite.workplace).inviteIsOpen(invite.key) == true
            else { throw Refusal.notFound }
            return try Response.json(
                Answers.Invitation(
                    workplace: invite.workplace.hex, log_key: store.logKey().publicKey.hex,
                    keys: Base64.encode(invite.sealed)))
        }
    }
}
