import TestSupport
import Testing

@testable import Sodium

@Suite("Hashing and keys give the known answers")
struct HashingVectorTests {
    struct File: Decodable {
        struct Digest: Decodable { let label: String; let data: HexBytes; let digest: HexBytes }
        struct Point: Decodable { let label: String; let msg: HexBytes; let point: HexBytes }
        struct ScalarCase: Decodable { let label: String; let msg: HexBytes; let scalar: HexBytes }
        struct Padme: Decodable { let length: Int; let padded: Int }
        let digest: [Digest]
        let hash_to_group: [Point]
        let hash_to_scalar: [ScalarCase]
        let blinding_generator: HexBytes
        let padme: [Padme]
    }

    let file: File

    init() throws { file = try Vectors.load("hashing") }

    /// Labels are compile-time strings; the vectors use only these.
    private func label(_ text: String) throws -> StaticString {
        switch text {
        case "ring": "ring"
        case "scope": "scope"
        case "generator": "generator"
        case "membership": "membership"
        default: throw UnknownLabel(text: text)
        }
    }

    struct UnknownLabel: Error { let text: String }

    @Test("Digest")
    func digests() throws {
        for c in file.digest {
            #expect(Domain.digest(try label(c.label), c.data.bytes).bytes == c.digest.bytes)
        }
    }

    @Test("HashToGroup")
    func points() throws {
        for c in file.hash_to_group {
            #expect(Domain.hashToGroup(try label(c.label), c.msg.bytes).encoding.bytes == c.point.bytes)
        }
        let blind = Domain.hashToGroup("generator", Array("blind".utf8))
        #expect(blind.encoding.bytes == file.blinding_generator.bytes)
    }

    @Test("HashToScalar")
    func scalars() throws {
        for c in file.hash_to_scalar {
            #expect(Domain.hashToScalar(try label(c.label), c.msg.bytes).encoding.bytes == c.scalar.bytes)
        }
    }

    @Test("PADME")
    func padme() {
        for c in file.padme { #expect(Padding.padme(c.length) == c.padded) }
    }
}

@Suite("Signatures are judged without the cofactor")
struct SignatureRuleTests {
    struct File: Decodable {
        struct Case: Decodable { let message: HexBytes; let signature: HexBytes; let valid: Bool }
        let mixed_order_key: HexBytes
        let signatures: [Case]
    }

    @Test("A key with a component of order eight: what is valid only with the cofactor is refused")
    func mixedOrder() throws {
        let file: File = try Vectors.load("signatures")
        for c in file.signatures {
            #expect(Ed25519.verify(c.signature.bytes, of: c.message.bytes, by: file.mixed_order_key.bytes32) == c.valid)
        }
        #expect(file.signatures.contains { $0.valid } && file.signatures.contains { !$0.valid })
    }

    @Test("A library that judges by another rule is noticed, and this one is not")
    func libraries() {
        #expect(SignatureRule.isKeptByLibrary)
        // With the cofactor, all the known answers are valid; a library that requires keys of prime order accepts none.
        #expect(!SignatureRule.isKept { _, _, _ in true })
        #expect(!SignatureRule.isKept { _, _, _ in false })
        #expect(!SignatureRule.isKept { _, message, _ in message == [3] })
        #expect(SignatureRule.isKept { _, message, _ in message == [5] })
    }
}
