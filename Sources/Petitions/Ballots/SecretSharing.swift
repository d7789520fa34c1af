// docs/protocol.md, section 6; Shamir, "How to share a secret", CACM 1979

import Sodium

/// Shamir's scheme, byte by byte, over GF(2^8) modulo x^8+x^4+x^3+x+1, with coefficients derived from the secret
/// itself.
package struct SecretSharing: ~Copyable {
    /// The secret, then coefficients 1..t-1: 32 bytes each.
    private var coefficients: SecretBytes
    private let threshold: Int

    package init(seed: borrowing SecretBytes, threshold: UInt8, context: StaticString) {
        self.threshold = Int(threshold)
        coefficients = SecretBytes(zeros: 32 * max(Int(threshold), 1))
        for e in 0..<self.threshold {
            let bytes = e == 0 ? seed.duplicate() : KDF.derive(seed, id: 100 + UInt64(e), context: context)
            bytes.withUnsafeBytes { source in
                coefficients.withUnsafeMutableBytes { target in
                    UnsafeMutableRawBufferPointer(rebasing: target[(32 * e)...]).copyMemory(from: source)
                }
            }
        }
    }

    /// K + sum_e coefficient_e * i^e, for the trustee i from 1.
    package borrowing func share(of trustee: UInt8) -> SecretBytes {
        var share = SecretBytes(zeros: 32)
        coefficients.withUnsafeBytes { coefficients in
            share.withUnsafeMutableBytes { Self.evaluate(coefficients, at: trustee, into: $0) }
        }
        return share
    }

    /// Horner's rule, byte by byte; each coefficient has 32 bytes.
    fileprivate static func evaluate(
        _ coefficients: UnsafeRawBufferPointer, at trustee: UInt8, into share: UnsafeMutableRawBufferPointer
    ) {
        for byte in 0..<32 {
            var value: UInt8 = 0
            for e in (0..<coefficients.count / 32).reversed() {
                value = GF256.multiply(value, trustee) ^ coefficients[32 * e + byte]
            }
            share[byte] = value
        }
    }
}

/// The same polynomial after its secret has become public.
struct PublishedSharing {
    private let coefficients: [Bytes32]

    init(seed: Bytes32, threshold: UInt8, context: StaticString) {
        coefficients =
            [seed]
            + (1..<max(UInt64(threshold), 1)).map { PublishedKeys.derive(seed, id: 100 + $0, context: context) }
    }

    func share(of trustee: UInt8) -> Bytes32 {
        coefficients.withUnsafeBytes { coefficients in
            Bytes32 { SecretSharing.evaluate(coefficients, at: trustee, into: UnsafeMutableRawBufferPointer($0)) }
        }
    }

    /// Recovers the secret from these trustees' shares: the polynomial's value at zero (Lagrange).
    static func interpolate(_ shares: [Bytes32], of trustees: [UInt8]) -> Bytes32 {
        Bytes32 { secret in
            for (share, own) in zip(shares, trustees) {
                var weight: UInt8 = 1
                for other in trustees where other != own {
                    weight = GF256.multiply(weight, GF256.multiply(other, GF256.inverse(other ^ own)))
                }
                share.withUnsafeBytes { share in
                    for i in 0..<32 { secret[i] ^= GF256.multiply(share[i], weight) }
                }
            }
        }
    }
}

/// The field of 256 elements, as in AES.
enum GF256 {
    /// Takes constant time, so both operands may be secret.
    static func multiply(_ a: UInt8, _ b: UInt8) -> UInt8 {
        var (a, product) = (a, UInt8(0))
        for bit in 0..<8 {
            product ^= a & (0 &- (b >> UInt8(bit) & 1))
            a = (a << 1) ^ (0x1b & (0 &- (a >> 7)))
        }
        return product
    }

    /// b^254, which is the inverse; 0 for 0.
    static func inverse(_ b: UInt8) -> UInt8 {
        var (result, square) = (UInt8(1), b)
        for _ in 0..<7 {
            square = multiply(square, square)
            result = multiply(result, square)
        }
        return result
    }
}
