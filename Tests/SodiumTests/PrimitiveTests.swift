import Sodium
import TestSupport
import Testing

@Suite("Encodings, boxes and hashes")
struct PrimitiveTests {
    @Test(
        "Base64 takes only what it would write",
        arguments: ["", "A", "AA", "AA=", "AB==", "AAA", "AAAA=", "AA==\n", " AA==", "AA==AA==", "A===", "AA-_"])
    func base64(_ text: String) {
        if text.isEmpty { #expect(Base64.decode(text) == []) } else { #expect(Base64.decode(text) == nil) }
    }

    @Test("Base64 round-trips at every length")
    func base64RoundTrip() {
        for length in 0..<70 {
            let bytes = Random.bytes(length)
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
            #expect(Base64.decode(Base64.encode(bytes, .urlUnpadded), .urlUnpadded) == bytes)
        }
    }

    @Test("Base64 for published text accepts what the other accepts, and nothing else")
    func publishedBase64() {
        for length in 0..<40 {
            let bytes = Random.bytes(length)
            let text = Array(Base64.encode(bytes).utf8)
            #expect(Base64.decode(published: text[...]) == bytes)
            for place in text.indices {
                for character in "A/+=-_ \n\0".utf8 {
                    var changed = text
                    changed[place] = character
                    #expect(
                        Base64.decode(published: changed[...])
                            == Base64.decode(String(decoding: changed, as: UTF8.self)))
                }
                #expect(
                    Base64.decode(published: text[..<place])
                        == Base64.decode(String(decoding: text[..<place], as: UTF8.self)))
            }
        }
        #expect(Base64.decode(published: [0xff, 0x41, 0x41, 0x41][...]) == nil)
    }

    @Test("Hexadecimal is lowercase and whole")
    func hex() {
        #expect(Hex.decode("00ff") == [0, 255])
        for bad in ["0", "0G", "FF", "0x", "é0"] { #expect(Hex.decode(bad) == nil) }
    }

    @Test("Padding is removed only where it was put")
    func padding() {
        for length in 0..<20 {
            let bytes = Random.bytes(length)
            let padded = Padding.pad(bytes, to: 20)
            #expect(padded?.count == 20)
            #expect(padded.flatMap(Padding.unpad) == bytes)
        }
        #expect(Padding.pad([UInt8](repeating: 1, count: 20), to: 20) == nil)
        for bad: [UInt8] in [[], [0, 0], [1, 2, 3], [0x80, 1], [0x81, 0]] { #expect(Padding.unpad(bad) == nil) }
    }

    @Test("A sealed box opens for its recipient alone, and not with a bit flipped")
    func sealedBox() throws {
        let alice = BoxKeyPair(seed: .random(32))
        let bob = BoxKeyPair(seed: .random(32))
        let box = try SealedBox.seal(
            SecretBytes(Bytes32(hex: String(repeating: "ab", count: 32))!), to: alice.publicKey)
        #expect(box.count == 80)
        #expect(try alice.open(box).reveal() == [UInt8](repeating: 0xab, count: 32))
        #expect(throws: SodiumError.cannotOpen) { _ = try bob.open(box).count }
        for flipped in box.flips() { #expect(throws: SodiumError.cannotOpen) { _ = try alice.open(flipped).count } }
        #expect(throws: SodiumError.cannotOpen) { _ = try alice.open([]).count }
    }

    @Test("Weak and non-canonical X25519 keys are refused")
    func weakKeys() throws {
        // The points of low order, p and p+1 as other encodings of 0 and 1, and a key with bit 255 set.
        let weak = [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0900000000000000000000000000000000000000000000000000000000000080",
        ]
        for hex in weak {
            #expect(throws: SodiumError.weakPublicKey, "\(hex)") { try SealedBox.checkPublicKey(Bytes32(hex: hex)!) }
        }
        let pair = BoxKeyPair(seed: .random(32))
        #expect(throws: Never.self) { try SealedBox.checkPublicKey(pair.publicKey) }
    }

    @Test("AEAD refuses another key, nonce, associated data and every flipped bit")
    func aead() throws {
        let key = SecretBytes.random(32)
        let nonce = Random.bytes(24)
        let sealed = AEAD.seal([1, 2, 3], key: key, nonce: nonce, associatedData: [9])
        #expect(try AEAD.open(sealed, key: key, nonce: nonce, associatedData: [9]).reveal() == [1, 2, 3])
        #expect(throws: SodiumError.cannotOpen) {
            _ = try AEAD.open(sealed, key: key, nonce: nonce, associatedData: []).count
        }
        #expect(throws: SodiumError.cannotOpen) {
            _ = try AEAD.open(sealed, key: .random(32), nonce: nonce, associatedData: [9]).count
        }
        for flipped in sealed.flips() {
            #expect(throws: SodiumError.cannotOpen) {
                _ = try AEAD.open(flipped, key: key, nonce: nonce, associatedData: [9]).count
            }
        }
        #expect(throws: SodiumError.cannotOpen) {
            _ = try AEAD.open([1, 2], key: key, nonce: nonce, associatedData: [9]).count
        }
    }

    @Test("Ed25519 signatures fail under every change")
    func signatures() {
        let key = SigningKey(seed: .random(32))
        let signature = key.sign([1, 2, 3])
        #expect(Ed25519.verify(signature, of: [1, 2, 3], by: key.publicKey))
        #expect(!Ed25519.verify(signature, of: [1, 2], by: key.publicKey))
        for flipped in signature.flips() { #expect(!Ed25519.verify(flipped, of: [1, 2, 3], by: key.publicKey)) }
        #expect(!Ed25519.verify(signature + [0], of: [1, 2, 3], by: key.publicKey))
        #expect(!Ed25519.verify(signature, of: [1, 2, 3], by: .zero))
    }

    @Test("Costs of a passphrase from a file are bounded")
    func passwordCosts() throws {
        #expect(PasswordHash(passes: 0, memory: 1 << 20, salt: Random.bytes(16)) == nil)
        #expect(PasswordHash(passes: 1000, memory: 1 << 20, salt: Random.bytes(16)) == nil)
        #expect(PasswordHash(passes: 1, memory: 1 << 40, salt: Random.bytes(16)) == nil)
        #expect(PasswordHash(passes: 1, memory: 1 << 20, salt: []) == nil)
        let cost = try #require(PasswordHash(passes: 1, memory: 8192, salt: [UInt8](repeating: 1, count: 16)))
        let a = try cost.key(for: SecretBytes.random(8))
        let b = try cost.key(for: SecretBytes.random(8))
        #expect(a.reveal() != b.reveal())
    }

    @Test("Secret bytes slice within their bounds and compare")
    func secretBytes() {
        var source: [UInt8] = [1, 2, 3, 4]
        let secret = SecretBytes(moving: &source)
        #expect(source.isEmpty)
        #expect(secret.reveal() == [1, 2, 3, 4])
        let inside = secret.slice(1..<3)?.reveal()
        let outside = secret.slice(1..<5)?.reveal()
        #expect(inside == [2, 3])
        #expect(outside == nil)
        let same = SecretBytes.equal(secret, secret.duplicate())
        let other = SecretBytes.equal(secret, SecretBytes(zeros: 4))
        let longer = SecretBytes.equal(secret, SecretBytes(zeros: 5))
        #expect(same && !other && !longer)
    }
}
