import Testing

@testable import MembershipProofs
@testable import Sodium

@Suite("What keeps a signer's secrets apart")
struct SecrecyTests {
    @Test("A key's place is found wherever it stands, and nothing is found that is not there")
    func places() throws {
        let keys = (0..<70).map { _ in Element.generator(times: .random()) }
        let ring = try Ring(keys)
        for (place, key) in keys.enumerated() { #expect(ring.index(of: key) == UInt32(place)) }
        #expect(ring.index(of: .generator(times: .random())) == nil)
        #expect(ring.index(of: .identity) == nil)
        // Keys that agree in three of their four words are still different keys.
        let key = keys[3].encoding.littleEndianWords
        for word in 0..<4 {
            var other = key
            switch word {
            case 0: other.0 ^= 1 << 63
            case 1: other.1 ^= 1
            case 2: other.2 ^= 1 << 32
            default: other.3 ^= 1
            }
            #expect(ring.index(of: Element(unchecked: Bytes32(littleEndianWords: other))) == nil)
        }
        // Nothing forbids the same key in two places; the later one is chosen, as before.
        #expect(try Ring([keys[0], keys[1], keys[0], keys[2]]).index(of: keys[0]) == 2)
    }

    @Test("With a broken generator, statements of the same bytes have other nonces in each kind of proof")
    func nonces() throws {
        let secret = ProverSecret.generate()
        func drawn(_ kind: HedgedNonces.Kind, _ statement: [UInt8], _ random: UInt8 = 0) -> Scalar {
            let random = SecretBytes(Bytes32 { $0[0] = random })
            var nonces = HedgedNonces(kind, secret: secret, statement: statement, random: random)
            var row = SecretScalars(count: 1)
            nonces.draw(into: &row, 0)
            return row.reveal(0)
        }
        let statement = Array("naming".utf8) + [UInt8](repeating: 7, count: 90)
        let kinds = [HedgedNonces.Kind.membership, .possession, .naming]
        #expect(Set(kinds.map { drawn($0, statement) }).count == 3)
        // The same input gives the same nonce; the statement, the generator and the secret each change it.
        #expect(drawn(.naming, statement) == drawn(.naming, statement))
        #expect(drawn(.naming, statement) != drawn(.naming, statement + [0]))
        #expect(drawn(.naming, statement) != drawn(.naming, statement, 1))
        let other = ProverSecret.generate()
        var nonces = HedgedNonces(.naming, secret: other, statement: statement, random: SecretBytes(.zero))
        var row = SecretScalars(count: 1)
        nonces.draw(into: &row, 0)
        #expect(row.reveal(0) != drawn(.naming, statement))
    }
}
