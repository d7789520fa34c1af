// RFC 7748, section 5; RFC 8032, section 5.1

import CLanes
import Sodium

/// X25519 for many pairs at once, on public data only: released secrets, and keys in a log.
public enum X25519Batch {
    /// The u-coordinate of the base point.
    static let base = Bytes32(littleEndianWords: (9, 0, 0, 0))

    /// The shared secret of each pair; nil if it is zero, because the point has small order.
    public static func shared(
        _ pairs: [(scalar: Bytes32, point: Bytes32)], by arithmetic: Arithmetic = .fastest
    ) -> [Bytes32?] {
        switch arithmetic {
        case .portable: return pairs.map { PublishedKeys.shared($0.scalar, $0.point) }
        case .lanes:
            // The last group of eight is filled up with the base point.
            let padded = pairs + Array(repeating: (.zero, base), count: (8 - pairs.count % 8) % 8)
            let (scalars, points) = (padded.map { $0.scalar }, padded.map { $0.point })
            var shared = [Bytes32](repeating: .zero, count: padded.count)
            scalars.withOctets { scalars in
                points.withOctets { points in
                    shared.withUnsafeMutableBytes { raw in
                        guard let out = raw.bindMemory(to: UInt8.self).baseAddress else { return }
                        for first in stride(from: 0, to: 32 * padded.count, by: 256) {
                            rr_lanes_x25519(scalars + first, points + first, out + first)
                        }
                    }
                }
            }
            return shared[..<pairs.count].map { $0.isZero ? nil : $0 }
        }
    }
}

extension X25519Batch {
    /// The public keys of secrets: X25519 with the base point.
    public static func publicKeys(_ secrets: [Bytes32], by arithmetic: Arithmetic = .fastest) -> [Bytes32] {
        switch arithmetic {
        case .portable: return secrets.map { PublishedKeys.publicKey($0) }
        case .lanes:
            var keys = [Bytes32](repeating: .zero, count: (secrets.count + 7) / 8 * 8)
            for first in stride(from: 0, to: secrets.count, by: 8) {
                var digits = [Int8](repeating: 0, count: 512)
                for (lane, secret) in secrets[first..<min(first + 8, secrets.count)].enumerated() {
                    var words = secret.littleEndianWords
                    words.0 &= ~7
                    words.3 = words.3 & .max >> 1 | 1 << 62
                    SignedDigits.write(words, width: 4) { digits[8 * $0 + lane] = Int8($1) }
                }
                EdwardsBase.table.withUnsafeBytes { table in
                    keys.withUnsafeMutableBytes { keys in
                        rr_lanes_x25519_base(
                            table.assumingMemoryBound(to: UInt64.self).baseAddress, digits,
                            keys.assumingMemoryBound(to: UInt8.self).baseAddress.map { $0 + 32 * first })
                    }
                }
            }
            return Array(keys[..<secrets.count])
        }
    }
}

/// The base point of edwards25519.
enum EdwardsBase {
    /// (x, 4/5) with an even x.
    static let point: AffinePoint = {
        let y = FieldElement(4, 0, 0, 0, 0) * FieldElement(5, 0, 0, 0, 0).inverse
        let (_, x) = FieldElement.rootOfRatio((y.squared - .one).carried, (y.squared * .d + .one).carried)
        return AffinePoint(x: x, y: y)
    }()

    /// The multiples 1 to 8 of 16^w times it, for w from 0 to 63.
    static let table: [AffinePoint] = {
        var multiples: [ExtendedPoint] = []
        var power = ExtendedPoint(point)
        for _ in 0..<64 {
            var multiple = power
            for _ in 0..<8 {
                multiples.append(multiple)
                multiple = multiple + power
            }
            power = power.doubled(times: 4)
        }
        return ExtendedPoint.affine(multiples)
    }()
}

/// Verifies many Ed25519 signatures at once, each by its own equation. The verdicts are libsodium's (S < l; the key
/// canonical and not of small order; R not of small order; the encoding of [S]B - [h]A equal to R's bytes; no
/// cofactor). A random combination of the equations would be faster, but would let errors of small order cancel.
public enum SignatureBatch {
    /// A signature to verify.
    public struct Claim: Sendable {
        let key: Bytes32
        let message: [UInt8]
        let R: Bytes32
        let S: Bytes32

        /// Nil unless the signature has 64 bytes.
        public init?(_ signature: some Collection<UInt8>, of message: [UInt8], by key: Bytes32) {
            guard signature.count == 64 else { return nil }
            let halves = Bytes32.array(signature)
            (self.key, self.message, R, S) = (key, message, halves[0], halves[1])
        }
    }

    /// The verdicts, in the order of the claims.
    public static func verify(_ claims: [Claim], by arithmetic: Arithmetic = .fastest) -> [Bool] {
        switch arithmetic {
        case .portable: claims.map { Ed25519.verify($0.R.bytes + $0.S.bytes, of: $0.message, by: $0.key) }
        case .lanes:
            stride(from: 0, to: claims.count, by: 8).flatMap { eight(claims[$0..<min($0 + 8, claims.count)]) }
        }
    }

    private static func eight(_ claims: ArraySlice<Claim>) -> [Bool] {
        var (keys, found) = ([Bytes32](repeating: .zero, count: 8), [Bytes32](repeating: .zero, count: 8))
        var (s, h) = ([Int8](repeating: 0, count: 512), [Int8](repeating: 0, count: 512))
        var (ok, verdicts) = ([UInt8](repeating: 0, count: 8), [Bool](repeating: false, count: claims.count))
        for (lane, claim) in claims.enumerated() {
            keys[lane] = claim.key
            guard let S = try? Scalar(decoding: claim.S), !EdwardsEncoding.isOfSmallOrder(claim.R),
                EdwardsEncoding.isCanonical(claim.key), !EdwardsEncoding.isOfSmallOrder(claim.key)
            else { continue }
            verdicts[lane] = true
            let hash = SHA512.hash(claim.R.bytes + claim.key.bytes + claim.message)
            SignedDigits.write(S.encoding.littleEndianWords, width: 4) { s[8 * $0 + lane] = Int8($1) }
            SignedDigits.write(Scalar(reducing: hash).encoding.littleEndianWords, width: 4) {
                h[8 * $0 + lane] = Int8($1)
            }
        }
        EdwardsBase.table.withUnsafeBytes { table in
            keys.withOctets { keys in
                found.withUnsafeMutableBytes { found in
                    rr_lanes_ed25519(
                        table.assumingMemoryBound(to: UInt64.self).baseAddress, keys, s, h,
                        found.bindMemory(to: UInt8.self).baseAddress, &ok)
                }
            }
        }
        for (lane, claim) in claims.enumerated() {
            verdicts[lane] = verdicts[lane] && ok[lane] == 1 && found[lane] == claim.R
        }
        return verdicts
    }
}

/// Which encoded points of edwards25519 libsodium 1.0.18 rejects before decoding them.
enum EdwardsEncoding {
    /// Whether y is below p; the sign bit does not matter.
    static func isCanonical(_ bytes: Bytes32) -> Bool {
        let w = bytes.littleEndianWords
        return !(w.3 | 1 << 63 == .max && w.2 == .max && w.1 == .max && w.0 >= .max - 18)
    }

    /// Whether y belongs to a point of order 1, 2, 4 or 8, or equals such a y modulo p; the sign bit does not matter.
    static func isOfSmallOrder(_ bytes: Bytes32) -> Bool {
        var w = bytes.littleEndianWords
        w.3 &= .max >> 1
        return smallOrder.contains(Bytes32(littleEndianWords: w))
    }

    private static let smallOrder: Set<Bytes32> = {
        let p = UInt64.max - 18
        func near(_ lowest: UInt64) -> Bytes32 { Bytes32(littleEndianWords: (lowest, .max, .max, .max >> 1)) }
        let ofOrderEight = [
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        ].compactMap { Bytes32(hex: $0) }
        return Set(
            [.zero, Bytes32(littleEndianWords: (1, 0, 0, 0)), near(p - 1), near(p), near(p + 1)] + ofOrderEight)
    }()
}

extension [Bytes32] {
    fileprivate func withOctets<R>(_ body: (UnsafePointer<UInt8>) -> R) -> R {
        withUnsafeBufferPointer { buffer in
            // An empty array has no address, and its memory is never read.
            guard let base = buffer.baseAddress else { return [0].withUnsafeBufferPointer { body($0.baseAddress!) } }
            return base.withMemoryRebound(to: UInt8.self, capacity: 32 * buffer.count, body)
        }
    }
}
