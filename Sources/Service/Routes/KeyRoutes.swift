// docs/protocol.md, section 7; docs/openapi.yaml

import Foundation
import Hummingbird
import Petitions
import ServiceAPI
import Sodium
import Storage

/// Wrapped group keys, and what newcomers find under an invite's name.
struct KeyRoutes: Sendable {
    let store: any Store
    let sequencer: Sequencer
    let requests: MemberRequests
    let doorkeeper: Doorkeeper
    let limits: ServiceConfiguration.Limits

    func addWraps(to router: Router<ServiceContext>) {
        // One list for everybody alike, without a signature: nobody shows by asking whose key they are looking for.
        router.get(.wrapsOfEpoch) { _, context in
            let workplace = ID<Workplace>(try context.id("workplace"))
            let roster = try await sequencer.workplace(workplace)
            guard let epoch = context.parameters.get("epoch").flatMap({ UInt32($0) }),
                context.parameters.get("epoch") == String(epoch)
            else { throw Refusal.malformed("An epoch is a number from 0.") }
            guard UInt64(epoch) < UInt64(roster.groupKeys.count) else { throw Refusal.notFound }
            try await context.exchange.reserve(2048 * store.wrapCount(of: epoch, in: workplace))
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
            return try Response.json(list)
        }
        router.get(.wrapsMissing) { _, context in
            let member = try await requests.accept(context, upTo: 0)
            guard let epoch = UInt32(exactly: member.roster.groupKeys.count - 1) else {
                return try Response.json(Answers.Missing(members: []))
            }
            // Keys that are looked up, and as text.
            try context.exchange.reserve(512 * member.roster.members(at: member.roster.size).count)
            let wrapped = try await store.wrappedMembers(of: epoch, in: member.workplace)
            let wanting = try await store.wantingMembers(in: member.workplace)
            let missing = member.roster.members(at: member.roster.size).map(\.signKey).filter {
                !wrapped.contains($0) || wanting.contains($0)
            }
            return try Response.json(Answers.Missing(members: missing.map(\.hex)))
        }
        router.post(.wrapsWanted) { _, context in
            let member = try await requests.accept(
                context, upTo: 1024, if: { workplace, _ in try doorkeeper.check(.object(workplace)) })
            guard let wanted = try? JSONDecoder().decode(Answers.Wanted.self, from: Data(member.body)) else {
                throw Refusal.malformed("The body must be {\"epoch\": number}.")
            }
            guard UInt64(wanted.epoch) < UInt64(member.roster.groupKeys.count) else { throw Refusal.notFound }
            try await store.want(wrapFor: member.key, in: member.workplace)
            doorkeeper.charge(.object(member.workplace))
            return Response.noContent
        }
        router.put(.wraps) { _, context in
            // JSON's strings, and what is decoded of them, are several times what came. A list may free more than it
            // takes, so whether there is room for it shows only when it is read.
            let member = try await requests.accept(
                context, upTo: limits.wraps, weight: 6,
                if: { workplace, _ in try doorkeeper.check(.object(workplace)) })
            let wraps = try wraps(member)
            let organisers = member.roster.members(at: member.roster.size).map(\.signKey).filter {
                member.roster.isOrganiser($0)
            }
            try await store.put(
                wraps, by: member.key, in: member.workplace, places: WrapPlaces(preferred: Set(organisers)),
                within: limits.quota(reserved: member.roster.isOrganiser(member.key)))
            doorkeeper.charge(.object(member.workplace))
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

    func addInvites(to router: Router<ServiceContext>) {
        router.put(.invites) { _, context in
            let name = try context.id("name")
            let member = try await requests.accept(
                context, upTo: limits.inviteKeys,
                if: { workplace, sender in
                    try doorkeeper.check(.object(workplace))
                    // The same again changes nothing.
                    guard try await store.invite(name) == nil else { return }
                    try await store.checkRoom(
                        for: 1, of: workplace, by: sender.key, within: limits.quota(reserved: false))
                })
            guard let body = try? JSONDecoder().decode(Answers.InviteKeys.self, from: Data(member.body)),
                let key = Bytes32(hex: body.invite_key), let sealed = Base64.decode(body.keys)
            else { throw Refusal.malformed("The body must be an invite's key and the sealed group keys.") }
            guard member.roster.issuer(ofInvite: key) == member.key else { throw Refusal.notAllowed }
            guard member.roster.inviteIsOpen(key) == true else { throw Refusal.rule(.inviteNotOpen) }
            try await store.put(
                StoredInvite(workplace: member.workplace, key: key, sealed: sealed, author: member.key), under: name,
                within: limits.quota(reserved: false))
            doorkeeper.charge(.object(member.workplace))
            // The leaf that closed it meanwhile had nothing to take away yet.
            guard try await sequencer.workplace(member.workplace).inviteIsOpen(key) == true else {
                try await store.drop(invites: [key], of: member.workplace)
                throw Refusal.rule(.inviteNotOpen)
            }
            return Response.noContent
        }
        router.get(.invite) { _, context in
            guard let invite = try await store.invite(context.id("name")),
                try await sequencer.workplace(invite.workplace).inviteIsOpen(invite.key) == true
            else { throw Refusal.notFound }
            return try Response.json(
                Answers.Invitation(
                    workplace: invite.workplace.hex, log_key: store.logKey().publicKey.hex,
                    keys: Base64.encode(invite.sealed)))
        }
    }
}
