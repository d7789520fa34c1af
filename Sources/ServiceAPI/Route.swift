// docs/openapi.yaml

import Petitions
import Sodium

/// The paths of the service's routes. Both sides take them from here, and a test compares docs/openapi.yaml with the
/// list.
public enum Route: String, CaseIterable, Sendable {
    /// Describes the service.
    case service = "/v1/service"
    /// Takes foundings.
    case workplaces = "/v1/workplaces"
    /// Takes all other statements of a workplace's log.
    case workplaceStatements = "/v1/workplaces/{workplace}/statements"
    /// Takes openings of petitions.
    case petitions = "/v1/petitions"
    /// Takes statements of a petition's log other than co-signatures.
    case petitionStatements = "/v1/petitions/{petition}/statements"
    /// Takes co-signatures and withdrawals, with their sealed names.
    case cosignatures = "/v1/petitions/{petition}/cosignatures"
    /// Returns a petition's encrypted document.
    case document = "/v1/petitions/{petition}/document"
    /// Lists the sealed names that are due.
    case names = "/v1/petitions/{petition}/names"
    /// Lists every wrap of an epoch, for anybody.
    case wrapsOfEpoch = "/v1/workplaces/{workplace}/wraps/{epoch}"
    /// Takes the wraps that members made.
    case wraps = "/v1/workplaces/{workplace}/wraps"
    /// Lists members for whom nobody has wrapped the newest key, and those who ask again.
    case wrapsMissing = "/v1/workplaces/{workplace}/wraps/missing"
    /// Takes a member's request for a new wrap, because theirs does not open.
    case wrapsWanted = "/v1/workplaces/{workplace}/wraps/wanted"
    /// Returns what an inviter left for a newcomer, under a name that only the invite's holder knows.
    case invite = "/v1/invites/{name}"
    /// Takes what an organiser leaves for a newcomer.
    case invites = "/v1/workplaces/{workplace}/invites/{name}"
    /// Lists a workplace's objects.
    case objects = "/v1/workplaces/{workplace}/objects"
    /// Returns an object's newest revision.
    case object = "/v1/workplaces/{workplace}/objects/{kind}/{object}"
    /// Returns one revision of an object, or takes the next.
    case objectRevision = "/v1/workplaces/{workplace}/objects/{kind}/{object}/{revision}"

    /// The path as a router writes it: without the first slash, and with colons in place of braces.
    public var pattern: String {
        String(rawValue.dropFirst().map { $0 == "{" ? ":" : $0 }.filter { $0 != "}" })
    }

    /// Fills in a path.
    /// - Parameter values: one for each name in braces, in order.
    public func path(_ values: String...) -> String {
        var values = values[...]
        return rawValue.split(separator: "/", omittingEmptySubsequences: false).map {
            $0.hasPrefix("{") ? values.popFirst() ?? "" : String($0)
        }.joined(separator: "/")
    }
}

/// The addresses of logs (C2SP tlog-tiles). `checkpoint` and the tiles follow after a slash.
public enum LogPath {
    /// The address of a workplace's log.
    public static func workplace(_ id: ID<Workplace>) -> String { "/workplace/\(id.hex)" }
    /// The address of a petition's log.
    public static func petition(_ id: ID<Petition>) -> String { "/petition/\(id.hex)" }
}
