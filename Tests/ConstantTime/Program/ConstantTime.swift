// After Langley, "Checking that functions are constant time with Valgrind", 2010

import CMemcheck
import MembershipProofs
import Petitions
import Ristretto
import Sodium

/// Runs every operation that uses a ring key or shares a seed, with the secret marked as undefined memory. valgrind
/// then reports each branch and each address that depends on it. `ConstantTimeTests` runs this program, and lists what
/// may be reported.
///
///     ConstantTime check      everything; nothing may be reported but what secrecy.supp names
///     ConstantTime CONTROL    a deliberate mistake, which must be reported
@main
enum ConstantTime {
    struct Refused: Error { let why: String }

    static func main() throws {
        guard rr_is_watched() == 1 else { throw Refused(why: "this is for valgrind alone") }
        switch CommandLine.arguments.last {
        case "check":
            // Two digits, and then four, so that digits above a block are expanded and whole blocks are surplus.
            for count in [6, 70] { try prove(count) }
            try share()
        case "branch":
            let secret = poisoned(.random(32))
            branch(on: secret.withUnsafeBytes { $0[7] })
        case "address":
            let table = Random.bytes(256)
            let place = Int(poisoned(.random(32)).withUnsafeBytes { $0[7] })
            // Without Swift's bounds check, which would be a branch.
            table.withUnsafeBufferPointer { table in
                if let start = table.baseAddress { _ = published([start[place]]) }
            }
        case "index":
            // The index in the ring depends on the secret, although only a public key was compared.
            let member = try Member.random(of: 6)
            branch(on: member.ring.index(of: member.secret.publicKey).map { UInt8(truncatingIfNeeded: $0) } ?? 0)
        case "nonce":
            branch(on: Possession.prove(try Member.random(of: 6).secret, context: .zero)[40])
        case "share":
            let sharing = SecretSharing(seed: poisoned(.random(32)), threshold: 2, context: "rrballot")
            branch(on: sharing.share(of: 3).withUnsafeBytes { $0[0] })
        default: throw Refused(why: "check, or a control")
        }
    }

    private static func poisoned(_ bytes: consuming SecretBytes) -> SecretBytes {
        bytes.withUnsafeBytes { rr_poison($0.baseAddress, $0.count) }
        return bytes
    }

    /// A deliberate mistake.
    @inline(never)
    private static func branch(on byte: UInt8) {
        if byte & 1 == 1 { print("", terminator: "") }
    }

    /// A ring, and the secret of one of its keys as it is read from a keystore: undefined, and with it everything that
    /// is computed from it, including the public key and the nonces.
    private struct Member: ~Copyable {
        let ring: Ring
        let secret: ProverSecret

        static func random(of count: Int) throws -> Member {
            let own = ProverSecret.generate()
            let place = Int(Random.number(below: UInt32(count)))
            let keys = (0..<count).map { $0 == place ? own.publicKey : ProverSecret.generate().publicKey }
            return Member(ring: try Ring(keys), secret: try stored(poisoned(own.stored())))
        }
    }

    private static func stored(_ bytes: borrowing SecretBytes) throws -> ProverSecret {
        guard let secret = ProverSecret(stored: bytes) else { throw Refused(why: "no key") }
        return secret
    }

    private static func published(_ bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { rr_unpoison($0.baseAddress, $0.count) }
        return bytes
    }

    /// Valgrind does not know AVX-512, so it sees the portable arithmetic. The proofs are verified too, because a
    /// prover that does nothing has no branches.
    private static func prove(_ count: Int) throws {
        let member = try Member.random(of: count)
        let (ring, scope, message) = (member.ring, Scope(Random.bytes32()), Random.bytes32())
        let (secretTag, proof) = try Prover.prove(
            member.secret, ring: ring, scope: scope, message: message, by: .portable)
        let possession = published(Possession.prove(member.secret, context: message))
        let name = published(NameProof.prove(member.secret, scope: scope, name: message.bytes))

        guard let tagBytes = Bytes32(published(secretTag.encoding.bytes)),
            let keyBytes = Bytes32(published(member.secret.publicKey.encoding.bytes))
        else { throw Refused(why: "no tag") }
        let (tag, key) = (try LinkingTag(decoding: tagBytes), try Element(decoding: keyBytes))
        let statement = Statement(ring: ring, scope: scope, tag: tag, message: message)
        guard Verifier.verify(try Proof(decoding: published(proof.encoding), for: ring), of: statement),
            Possession.verify(possession, of: key, context: message),
            NameProof.verify(name, key: key, tag: tag, scope: scope, name: message.bytes)
        else { throw Refused(why: "a proof shows nothing") }
    }

    /// Shares a ballot's seed, for the greatest number of trustees and the highest threshold.
    private static func share() throws {
        let sharing = SecretSharing(seed: poisoned(.random(32)), threshold: 5, context: "rrballot")
        var shares: Set<[UInt8]> = []
        for trustee in 1...7 as ClosedRange<UInt8> { shares.insert(published(sharing.share(of: trustee).reveal())) }
        guard shares.count == 7 else { throw Refused(why: "shares are not shares") }
    }
}
