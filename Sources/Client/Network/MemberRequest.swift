// docs/openapi.yaml; docs/protocol.md, section 10, "Two views"

import Foundation
import Petitions
import ServiceAPI
import Sodium

/// Everything that a member requests under their name. No case reads a log, a document, a list of wraps or sealed names,
/// so that nothing that a co-signature depends on can come with a signature.
enum MemberRequest {
    /// The members who have no wrap of the newest group key.
    case wrapsMissing
    /// That somebody wraps a group key for this member.
    case wantWrap(epoch: UInt32)
    /// Stores wraps of a group key for other members.
    case putWraps(epoch: UInt32, [KeyWrap])
    /// Leaves the group keys for a newcomer, under the name that only the invite's holder knows.
    case leaveInvite(name: Bytes32, key: Bytes32, sealedKeys: [UInt8])
    /// A page of the texts of a kind.
    case texts(StoredObject.Kind, after: Int)
    /// A text's newest revision, or the one with this number.
    case text(StoredObject.Name, revision: UInt32?)
    /// Stores a revision of a text.
    case putText(StoredObject)

    var method: String {
        switch self {
        case .wrapsMissing, .texts, .text: "GET"
        case .wantWrap: "POST"
        case .putWraps, .leaveInvite, .putText: "PUT"
        }
    }

    func path(in workplace: ID<Workplace>) -> String {
        let workplace = workplace.hex
        switch self {
        case .wrapsMissing: return Route.wrapsMissing.path(workplace)
        case .wantWrap: return Route.wrapsWanted.path(workplace)
        case .putWraps: return Route.wraps.path(workplace)
        case .leaveInvite(let name, _, _): return Route.invites.path(workplace, name.hex)
        case .texts: return Route.objects.path(workplace)
        case .text(let name, nil): return Route.object.path(workplace, "\(name.kind.rawValue)", name.id.hex)
        case .text(let name, let revision?): return Self.path(in: workplace, name, revision)
        case .putText(let object): return Self.path(in: workplace, object.name, object.revision)
        }
    }

    private static func path(in workplace: String, _ name: StoredObject.Name, _ revision: UInt32) -> String {
        Route.objectRevision.path(workplace, "\(name.kind.rawValue)", name.id.hex, "\(revision)")
    }

    /// Without the question mark.
    var query: String {
        guard case .texts(let kind, let after) = self else { return "" }
        return "kind=\(kind.rawValue)&after=\(after)"
    }

    func body() throws -> [UInt8] {
        switch self {
        case .wrapsMissing, .texts, .text: return []
        case .wantWrap(let epoch): return [UInt8](try JSONEncoder().encode(Answers.Wanted(epoch: epoch)))
        case .putWraps(let epoch, let wraps):
            let wraps = wraps.map { wrap in
                Answers.Wrap(
                    member: wrap.member.hex, wrap: Base64.encode(wrap.wrap), by: wrap.by.hex,
                    signature: Base64.encode(wrap.signature))
            }
            return [UInt8](try JSONEncoder().encode(Answers.Wraps(epoch: epoch, wraps: wraps)))
        case .leaveInvite(_, let key, let sealedKeys):
            let keys = Answers.InviteKeys(invite_key: key.hex, keys: Base64.encode(sealedKeys))
            return [UInt8](try JSONEncoder().encode(keys))
        case .putText(let object): return object.bytes
        }
    }
}
