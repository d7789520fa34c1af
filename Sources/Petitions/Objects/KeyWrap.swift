// docs/protocol.md, section 7

import Ristretto
import Sodium

/// A group key of one epoch, wrapped for one member and signed by the member who wrapped it. The service lists an
/// epoch's wraps openly, and alike to everybody.
public struct KeyWrap: Hashable, Sendable {
    /// The group key's epoch.
    public let epoch: UInt32
    /// The sign key of the member for whom it is wrapped.
    public let member: Bytes32
    /// 112 bytes.
    public let wrap: [UInt8]
    /// The sign key of the member who wrapped it.
    public let by: Bytes32
    /// Ed25519 by `by`: 64 bytes.
    public let signature: [UInt8]

    /// A wrap as it was received: nothing in it has been checked.
    public init(epoch: UInt32, member: Bytes32, wrap: [UInt8], by: Bytes32, signature: [UInt8]) {
        (self.epoch, self.member, self.wrap, self.by, self.signature) = (epoch, member, wrap, by, signature)
    }

    /// Wraps a key for a member, and signs the wrap.
    public static func make(
        _ key: borrowing GroupKey, for member: WorkplaceLog.Member, in workplace: ID<Workplace>,
        by signer: borrowing SigningKey
    ) throws(SodiumError) -> KeyWrap {
        let wrap = try key.wrap(for: member.boxKey, in: workplace)
        return KeyWrap(
            epoch: key.epoch, member: member.signKey, wrap: wrap, by: signer.publicKey,
            signature: signer.sign(preimage(workplace, key.epoch, member.signKey, wrap)))
    }

    /// Preimage("wrap", workplace_id || uint32 epoch || member sign_key || wrap).
    static func preimage(_ workplace: ID<Workplace>, _ epoch: UInt32, _ member: Bytes32, _ wrap: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(workplace)
        writer.append(epoch)
        writer.append(member)
        writer.append(wrap)
        return Domain.preimage("wrap", writer.bytes)
    }

    /// The claim that `isSigned` checks, for checking many at once. Nil if the signature cannot be valid.
    public func claim(in workplace: ID<Workplace>) -> SignatureBatch.Claim? {
        SignatureBatch.Claim(signature, of: Self.preimage(workplace, epoch, member, wrap), by: by)
    }

    /// Whether `by` signed exactly this wrap, for this member and epoch of this workplace.
    public func isSigned(in workplace: ID<Workplace>) -> Bool {
        wrap.count == GroupKey.wrapLength
            && Ed25519.verify(signature, of: Self.preimage(workplace, epoch, member, wrap), by: by)
    }
}

extension GroupKey {
    /// The first wrapped key of an epoch that opens for this member and is the one that the log committed to. All wraps
    /// are tried in turn, because anybody's may be junk; those that their maker did not sign, or whose maker was never
    /// a member, are skipped.
    public static func unwrap(
        _ wraps: [KeyWrap], epoch: UInt32, in roster: WorkplaceLog, as signKey: Bytes32, by pair: borrowing BoxKeyPair
    ) -> GroupKey? {
        guard let place = Int(exactly: epoch), roster.groupKeys.indices.contains(place) else { return nil }
        for wrap in wraps
        where wrap.epoch == epoch && wrap.member == signKey && roster.member(wrap.by) != nil
            && wrap.isSigned(in: roster.id)
        {
            do throws(RuleViolation) {
                return try unwrap(
                    wrap.wrap, epoch: epoch, commitment: roster.groupKeys[place], by: pair, in: roster.id)
            } catch { continue }
        }
        return nil
    }
}
