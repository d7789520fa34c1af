import Sodium
import TestSupport
import Testing

@testable import Ristretto

@Suite("Signatures and shared secrets by eights are libsodium's, one by one")
struct PublicBatchTests {
    /// Coordinates of every low order, numbers at and above p, and bit 255.
    static let hostile = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "efffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0900000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ].compactMap { Bytes32(hex: $0) }

    @Test("X25519 of random and hostile points", arguments: Arithmetic.available)
    func x25519(_ arithmetic: Arithmetic) {
        let points = Self.hostile + [X25519Batch.base] + (0..<9).map { _ in Random.bytes32() }
        let pairs = points.flatMap { point in [(scalar: Random.bytes32(), point: point), (scalar: .zero, point: point)]
        }
        let expected = pairs.map { PublishedKeys.shared($0.scalar, $0.point) }
        #expect(X25519Batch.shared(pairs, by: arithmetic) == expected)
        #expect(expected.contains(nil))
        let secrets =
            [.zero, Bytes32(littleEndianWords: (.max, .max, .max, .max))] + (0..<15).map { _ in Random.bytes32() }
        for count in [0, 1, 8, 17] {
            let some = Array(secrets.prefix(count))
            #expect(X25519Batch.publicKeys(some, by: arithmetic) == some.map { PublishedKeys.publicKey($0) })
        }
        for count in [0, 1, 7, 8, 9] {
            #expect(X25519Batch.shared(Array(pairs.suffix(count)), by: arithmetic) == expected.suffix(count))
        }
    }

    @Test("A box key is refused exactly when it is not below p, or X25519 with it gives zero")
    func boxKeys() {
        let weak = Set(Self.hostile[..<5])
        var points = Self.hostile + (0..<50).map { _ in Random.bytes32() }
        points += Self.hostile.flatMap { $0.bytes.flips() }.compactMap { Bytes32($0) }
        for point in points {
            let w = point.littleEndianWords
            let isBelowPrime = FieldElement(words: w).words == w
            let one = Bytes32(littleEndianWords: (1, 0, 0, 0))
            let isUsable = isBelowPrime && PublishedKeys.shared(one, point) != nil
            #expect(((try? SealedBox.checkPublicKey(point)) != nil) == isUsable, "\(point.hex)")
            if isBelowPrime { #expect(isUsable != weak.contains(point)) }
        }
    }

    @Test("Signatures: good ones, every flipped part, and hostile keys and nonces", arguments: Arithmetic.available)
    func signatures(_ arithmetic: Arithmetic) throws {
        var cases: [(signature: [UInt8], message: [UInt8], key: Bytes32)] = []
        for length in [0, 1, 100, 300] {
            let key = SigningKey(seed: .random(32))
            let message = Random.bytes(length)
            let signature = key.sign(message)
            cases.append((signature, message, key.publicKey))
            for flipped in signature.flips() { cases.append((flipped, message, key.publicKey)) }
            for flipped in key.publicKey.bytes.flips() {
                cases.append((signature, message, try #require(Bytes32(flipped))))
            }
            cases.append((signature, message + [0], key.publicKey))
            // S + l: the same equation in another encoding.
            let S = try #require(Bytes32(signature.suffix(32))).littleEndianWords
            var carry: UInt64 = 0
            let shifted = Bytes32(
                littleEndianWords: (
                    PublicScalar.add(S.0, PublicScalar.l0, &carry), PublicScalar.add(S.1, PublicScalar.l1, &carry),
                    PublicScalar.add(S.2, 0, &carry), PublicScalar.add(S.3, PublicScalar.l3, &carry)
                ))
            cases.append((signature.prefix(32) + shifted.bytes, message, key.publicKey))
            for hostile in Self.hostile {
                cases.append((signature, message, hostile))
                cases.append((hostile.bytes + signature.suffix(32), message, key.publicKey))
                // For a key of small order, R = [S]B is enough if nobody checks the key.
                cases.append((hostile.bytes + [UInt8](repeating: 0, count: 32), message, hostile))
            }
        }
        let claims = try cases.map { try #require(SignatureBatch.Claim($0.signature, of: $0.message, by: $0.key)) }
        let expected = cases.map { Ed25519.verify($0.signature, of: $0.message, by: $0.key) }
        #expect(SignatureBatch.verify(claims, by: arithmetic) == expected)
        #expect(expected.count(where: \.self) == 4)
        #expect(SignatureBatch.Claim([UInt8](repeating: 0, count: 63), of: [], by: .zero) == nil)
        #expect(SignatureBatch.verify([], by: arithmetic) == [])
    }

    @Test("A key with a component of small order verifies as libsodium verifies it", arguments: Arithmetic.available)
    func mixedOrder(_ arithmetic: Arithmetic) throws {
        // A + T for T of order two is (-x, -y): a key that decodes, does not have small order, and has no owner. Some
        // of the equations hold without the cofactor and some only with it; both sides must agree on each.
        let seed = SecretBytes.random(32)
        let key = SigningKey(seed: seed)
        let w = key.publicKey.littleEndianWords
        let y = -FieldElement(words: w)
        let flipped = y.words
        let mixed = Bytes32(littleEndianWords: (flipped.0, flipped.1, flipped.2, flipped.3 | (~w.3 & 1 << 63)))
        var cases: [(SignatureBatch.Claim, Bool)] = []
        for i in 0..<40 {
            let message = [UInt8(i)]
            // A signature for the mixed key by somebody who knows a: S = r + h a, so [S]B - [h](A + T) = R - [h]T.
            let secret = Scalar(reducing: clamped(seed) + [UInt8](repeating: 0, count: 32))
            let r = Scalar.random()
            let R = edwards(r)
            let h = Scalar(reducing: SHA512.hash(R.bytes + mixed.bytes + message))
            let signature = R.bytes + (r + h * secret).encoding.bytes
            cases.append(
                (
                    try #require(SignatureBatch.Claim(signature, of: message, by: mixed)),
                    Ed25519.verify(signature, of: message, by: mixed)
                ))
        }
        #expect(SignatureBatch.verify(cases.map(\.0), by: arithmetic) == cases.map(\.1))
        #expect(cases.contains { $0.1 } && cases.contains { !$0.1 })
    }

    @Test("What is valid only with the cofactor is refused: known answers", arguments: Arithmetic.available)
    func knownMixedOrder(_ arithmetic: Arithmetic) throws {
        struct File: Decodable {
            struct Case: Decodable { let message: HexBytes; let signature: HexBytes; let valid: Bool }
            let mixed_order_key: HexBytes
            let signatures: [Case]
        }
        let file: File = try Vectors.load("signatures")
        let claims = try file.signatures.map {
            try #require(
                SignatureBatch.Claim($0.signature.bytes, of: $0.message.bytes, by: file.mixed_order_key.bytes32))
        }
        #expect(SignatureBatch.verify(claims, by: arithmetic) == file.signatures.map(\.valid))
    }

    private func clamped(_ seed: borrowing SecretBytes) -> [UInt8] {
        var bytes = Array(SHA512.hash(seed.reveal()).prefix(32))
        bytes[0] &= 248
        bytes[31] = bytes[31] & 127 | 64
        return bytes
    }

    /// The Ed25519 encoding of a multiple of the base point.
    private func edwards(_ scalar: Scalar) -> Bytes32 {
        let point = ExtendedPoint.affine([
            Multiscalar.sum([EdwardsBase.point], [scalar.encoding.littleEndianWords])
        ])[0]
        let half = FieldElement(2, 0, 0, 0, 0).inverse
        let (x, y) = ((point.sum - point.difference) * half, (point.sum + point.difference) * half)
        let words = y.words
        return Bytes32(littleEndianWords: (words.0, words.1, words.2, words.3 | (x.isNegative ? 1 << 63 : 0)))
    }
}
