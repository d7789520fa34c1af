// docs/protocol.md, section 5

import Sodium

/// Within one scope a key has exactly one linking tag. Here a scope is a petition.
public struct Scope: Hashable, Sendable {
    public let id: Bytes32
    /// U = HashToGroup("scope", id).
    public let base: Element

    public init(_ id: Bytes32) {
        self.id = id
        base = Domain.hashToGroup("scope", id.bytes)
    }
}

/// tag = xU: the same for everything that one key signs in one scope, and unlinkable across scopes.
public struct LinkingTag: Hashable, Sendable {
    public let element: Element

    /// - Throws: `SodiumError` for a non-canonical encoding and for the identity.
    public init(decoding bytes: Bytes32) throws(SodiumError) {
        element = try Element(decodingNonIdentity: bytes)
    }

    init(_ element: Element) { self.element = element }

    public var encoding: Bytes32 { element.encoding }
}

/// What a proof shows: that whoever made it knows x with M_k = xG for some k, and tag = xU, and meant `message`.
public struct Statement: Sendable {
    public let ring: Ring
    public let scope: Scope
    public let tag: LinkingTag
    public let message: Bytes32

    public init(ring: Ring, scope: Scope, tag: LinkingTag, message: Bytes32) {
        (self.ring, self.scope, self.tag, self.message) = (ring, scope, tag, message)
    }

    /// e = HashToScalar("membership", ring_digest || uint32 N || scope || tag || message || A || B || X_* || Y_*).
    /// - Parameter commitments: A, B, X_0..., Y_0... as they are encoded.
    func challenge(_ commitments: [Bytes32]) -> Scalar {
        var transcript: [UInt8] = []
        transcript.reserveCapacity(4 + 32 * (4 + commitments.count))
        transcript += ring.digest.bytes
        transcript += UInt32(ring.count).bigEndianBytes
        for part in [scope.id, tag.encoding, message] + commitments { transcript += part.bytes }
        return Domain.hashToScalar("membership", transcript)
    }
}
