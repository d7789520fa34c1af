// docs/protocol.md, section 5

import Sodium

/// Within one scope, a key has exactly one linking tag. In this project, a scope is a petition.
public struct Scope: Hashable, Sendable {
    /// The scope's id: the petition's.
    public let id: Bytes32
    /// U = HashToGroup("scope", id).
    public let base: Element

    /// Hashes the id to the scope's base.
    public init(_ id: Bytes32) {
        self.id = id
        base = Domain.hashToGroup("scope", id.bytes)
    }
}

/// tag = xU: the same in everything that one key signs in one scope, and unlinkable across scopes.
public struct LinkingTag: Hashable, Sendable {
    /// The tag itself; never the identity.
    public let element: Element

    /// Decodes a tag.
    /// - Throws: `SodiumError` if the encoding is not canonical, or the identity's.
    public init(decoding bytes: Bytes32) throws(SodiumError) {
        element = try Element(decodingNonIdentity: bytes)
    }

    init(_ element: Element) { self.element = element }

    /// The tag's 32 bytes.
    public var encoding: Bytes32 { element.encoding }
}

/// The statement that a proof proves: whoever made it knows x with M_k = xG for some k and tag = xU, and meant
/// `message`.
public struct Statement: Sendable {
    /// The keys among which the signer hides.
    public let ring: Ring
    /// The scope of the tag.
    public let scope: Scope
    /// The signer's tag in this scope.
    public let tag: LinkingTag
    /// The digest of what is signed.
    public let message: Bytes32

    /// A statement to prove or to verify.
    public init(ring: Ring, scope: Scope, tag: LinkingTag, message: Bytes32) {
        (self.ring, self.scope, self.tag, self.message) = (ring, scope, tag, message)
    }

    /// e = HashToScalar("membership", ring_digest || uint32 N || scope || tag || message || A || B || X_* || Y_*).
    /// - Parameter commitments: the encodings of A, B, X_0..., Y_0...
    func challenge(_ commitments: [Bytes32]) -> Scalar {
        var transcript: [UInt8] = []
        transcript.reserveCapacity(4 + 32 * (4 + commitments.count))
        transcript += ring.digest.bytes
        transcript += UInt32(ring.count).bigEndianBytes
        for part in [scope.id, tag.encoding, message] + commitments { transcript += part.bytes }
        return Domain.hashToScalar("membership", transcript)
    }
}
