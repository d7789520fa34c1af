// docs/openapi.yaml

import Petitions
import Sodium

/// Where the service answers what. Both sides take their paths from here; docs/openapi.yaml is tested against the list.
public enum Route: String, CaseIterable, Sendable {
    case service = "/v1/service"
    case workplaces = "/v1/workplaces"
    case workplaceStatements = "/v1/workplaces/{workplace}/statements"
    case petitions = "/v1/petitions"
    case petitionStatements = "/v1/petitions/{petition}/statements"
    case cosignatures = "/v1/petitions/{petition}/cosignatures"
    case document = "/v1/petitions/{petition}/document"
    case names = "/v1/petitions/{petition}/names"
    /// Every wrap of an epoch, for anybody.
    case wrapsOfEpoch = "/v1/workplaces/{workplace}/wraps/{epoch}"
    /// Where members leave wraps that they made.
    case wraps = "/v1/workplaces/{workplace}/wraps"
    /// Members whom nobody has wrapped the newest key for, or who ask again.
    case wrapsMissing = "/v1/workplaces/{workplace}/wraps/missing"
    /// Where a member asks for a wrap, because theirs does not open.
    case wrapsWanted = "/v1/workplaces/{workplace}/wraps/wanted"
    /// What an inviter left for a newcomer, under a name that only the invite's holder knows.
    case invite = "/v1/invites/{name}"
    /// Where an organiser leaves it.
    case invites = "/v1/workplaces/{workplace}/invites/{name}"
    case objects = "/v1/workplaces/{workplace}/objects"
    case object = "/v1/workplaces/{workplace}/objects/{kind}/{object}"
    case objectRevision = "/v1/workplaces/{workplace}/objects/{kind}/{object}/{revision}"

    /// As a router spells it: without the first slash, and with colons in place of braces.
    public var pattern: String {
        String(rawValue.dropFirst().map { $0 == "{" ? ":" : $0 }.filter { $0 != "}" })
    }

    /// - Parameter values: for the names in braces, in their order.
    public func path(_ values: String...) -> String {
        var values = values[...]
        return rawValue.split(separator: "/", omittingEmptySubsequences: false).map {
            $0.hasPrefix("{") ? values.popFirst() ?? "" : String($0)
        }.joined(separator: "/")
    }
}

/// Where a log's tiles are (C2SP tlog-tiles): `checkpoint` and the tiles stand behind this and a slash.
public enum LogPath {
    public static func workplace(_ id: ID<Workplace>) -> String { "/workplace/\(id.hex)" }
    public static func petition(_ id: ID<Petition>) -> String { "/petition/\(id.hex)" }
}
