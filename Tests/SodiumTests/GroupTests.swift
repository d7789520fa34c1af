import Sodium
import TestSupport
import Testing

@Suite("Group elements and scalars are decoded strictly")
struct GroupTests {
    @Test("The bad encodings of RFC 9496 are rejected", arguments: GroupEncodings.bad)
    func badEncoding(_ bytes: Bytes32) throws {
        #expect(throws: SodiumError.notCanonicalElement) { try Element(decoding: bytes) }
    }

    @Test("Bit 255, which libsodium ignores, is rejected")
    func bit255() throws {
        var bytes = Element.generator.encoding.bytes
        #expect(throws: Never.self) { try Element(decoding: Bytes32(bytes)!) }
        bytes[31] |= 0x80
        #expect(throws: SodiumError.notCanonicalElement) { try Element(decoding: Bytes32(bytes)!) }
    }

    @Test("The identity decodes as an element, and not as a key")
    func identity() throws {
        #expect(try Element(decoding: .zero).isIdentity)
        #expect(throws: SodiumError.identityElement) { try Element(decodingNonIdentity: .zero) }
    }

    @Test("Scalars from l on are rejected")
    func scalars() throws {
        let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"
        let below = "ecd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"
        #expect(throws: SodiumError.notCanonicalScalar) { try Scalar(decoding: Bytes32(hex: order)!) }
        #expect(throws: Never.self) { try Scalar(decoding: Bytes32(hex: below)!) }
        #expect(throws: SodiumError.notCanonicalScalar) {
            try Scalar(decoding: Bytes32(hex: String(repeating: "f", count: 64))!)
        }
    }

    @Test("Arithmetic keeps the group's laws, the identity included")
    func laws() {
        let (a, b) = (Scalar.random(), Scalar.random())
        let G = Element.generator
        #expect(a * G + b * G == (a + b) * G)
        #expect(a * (b * G) == (a * b) * G)
        #expect((a - a) * G == .identity)
        #expect(Element.generator(times: .zero) == .identity)
        #expect(a * G - a * G == .identity)
        #expect(Element.identity + G == G)
        #expect(a * .identity == .identity)
        #expect(-a + a == .zero)
    }

    @Test("Secret scalars compute what public ones do")
    func secretScalars() throws {
        let (a, b) = (Scalar.random(), Scalar.random())
        var row = SecretScalars(count: 4)
        row.set(0, a)
        row.set(1, b)
        row.add(2, 0, 1)
        #expect(row.reveal(2) == a + b)
        row.subtract(2, 0, 1)
        #expect(row.reveal(2) == a - b)
        row.multiply(2, 0, 1)
        #expect(row.reveal(2) == a * b)
        #expect(row.multiply(Element.generator, by: 0) == a * Element.generator)
        #expect(row.multiplyGenerator(by: 3) == .identity)
        row.setEqual(3, 7, 7)
        #expect(row.reveal(3) == .one)
        row.setEqual(3, 7, 6)
        #expect(row.reveal(3) == .zero)
        row.setEqual(3, 0, 0xffff_ffff)
        #expect(row.reveal(3) == .zero)
    }

    @Test("A stored ring key that is zero, or not reduced, is refused")
    func storedKeys() {
        func accepted(_ hex: String) -> Bool {
            let row = SecretScalars(storedKey: SecretBytes(Bytes32(hex: hex)!))
            return row != nil
        }
        #expect(!accepted(String(repeating: "0", count: 64)))
        #expect(!accepted("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"))
        #expect(accepted("0100000000000000000000000000000000000000000000000000000000000000"))
    }
}
