// docs/protocol.md, sections 2 and 5

import Sodium

/// x, the discrete logarithm of a ring key, with P = xG. Held in guarded memory and wiped at the end.
public struct ProverSecret: ~Copyable, Sendable {
    let x: SecretScalars
    /// P = xG.
    public let publicKey: Element

    /// A new ring key, random and nonzero.
    public static func generate() -> ProverSecret { ProverSecret(.randomNonZero()) }

    /// Reads 32 stored bytes. Nil unless they are a reduced, nonzero scalar.
    public init?(stored bytes: borrowing SecretBytes) {
        guard let x = SecretScalars(storedKey: bytes) else { return nil }
        self.init(x)
    }

    private init(_ x: consuming SecretScalars) {
        publicKey = x.multiplyGenerator(by: 0)
        self.x = x
        Stack.wipeAfterProver()
    }

    /// The secret's 32 bytes, for an encrypted keystore.
    public borrowing func stored() -> SecretBytes { x.stored() }

    /// tag = xU.
    public borrowing func tag(in scope: Scope) -> LinkingTag {
        defer { Stack.wipeAfterProver() }
        return LinkingTag(x.multiply(scope.base, by: 0))
    }
}

/// The source of secret randomness for one proof: the system's generator, hashed together with the secret and the
/// statement, so that a weak generator alone does not repeat a nonce under two challenges (the idea of RFC 6979 and of
/// hedged signatures; Aranha et al., EUROCRYPT 2020).
///
/// Each kind of proof has its own label. Otherwise, with a broken generator, statements of two kinds with the same
/// bytes would have the same nonce under different challenges.
struct HedgedNonces: ~Copyable {
    private let seed: SecretBytes
    private var counter: UInt32 = 0

    enum Kind {
        case membership, possession, naming

        fileprivate var label: StaticString {
            switch self {
            case .membership: "membership-nonces"
            case .possession: "possession-nonces"
            case .naming: "naming-nonces"
            }
        }
    }

    init(_ kind: Kind, secret: borrowing ProverSecret, statement: [UInt8]) {
        self.init(kind, secret: secret, statement: statement, random: .random(32))
    }

    /// - Parameter random: 32 bytes from the system's generator.
    init(_ kind: Kind, secret: borrowing ProverSecret, statement: [UInt8], random: borrowing SecretBytes) {
        var key = SecretBytes(zeros: 64)
        random.withUnsafeBytes { random in
            secret.x.withUnsafeBytes { x in
                key.withUnsafeMutableBytes { key in
                    // 32 random bytes, then x: together they are the hash's key.
                    key.copyMemory(from: random)
                    UnsafeMutableRawBufferPointer(rebasing: key[32...]).copyMemory(from: x)
                }
            }
        }
        seed = BLAKE2b.keyed(Domain.preimage(kind.label, statement), key: key, length: 64)
    }

    /// Fills row[i] with a scalar that nobody else can know.
    mutating func draw(into row: inout SecretScalars, _ i: Int) {
        row.reduce(i, BLAKE2b.keyed(counter.bigEndianBytes, key: seed, length: 64))
        counter += 1
    }
}
