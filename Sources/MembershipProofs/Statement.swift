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
    func challenge(_ A: Element, _ B: Element, _ X: [Element], _ Y: [Element]) -> Scalar {
        var transcript = ring.digest.bytes + UInt32(ring.count).bigEndianBytes
        transcript += scope.id.bytes + tag.encoding.bytes + message.bytes
        transcript += A.encoding.bytes + B.encoding.bytes
        for x in X { transcript += x.encoding.bytes }
        for y in Y { transcript += y.encoding.bytes }
        return Domain.hashToScalar("membership", transcript)
    }
}
