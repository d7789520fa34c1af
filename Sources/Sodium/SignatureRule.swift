// docs/protocol.md, section 1

import CSodium

/// Which Ed25519 signatures count: those whose equation holds without the cofactor. RFC 8032 leaves that to the
/// verifier, and libsodium has changed its mind (its development branch has multiplied by the cofactor since 2022). Two
/// verifiers that differ here count the same log differently, so a library that follows another rule is not used at
/// all.
///
/// The known answers are for a key with a component of order eight, made by somebody who knows its logarithm. With the
/// cofactor, every such signature is valid; without it, only those whose hash is a multiple of eight.
enum SignatureRule {
    struct KnownAnswer {
        let message: UInt8
        let signature: String
        let isValid: Bool
    }

    static let key = "0ce3706348b297a39d871a332ab29cd50da222d91213df6ea439b971d85c8f01"
    static let answers = [
        KnownAnswer(
            message: 3,
            signature: "33a517dbe41496ec217444918a263de127636b3777063fc4fd01ba598072d5fb"
                + "84042b8b10899baaed824eb51f74a4366abe57f5a44a7d220a786688a181dd07",
            isValid: false),
        KnownAnswer(
            message: 5,
            signature: "8d4decd2d258020787339dbef7561e846c458ebe7ae859e4ab26d9a1fea44adf"
                + "c44c29c7580fd9e324093b2ef4dfb6d0d97ce94f476d86e45efe9704f2cd6805",
            isValid: true),
    ]

    /// Whether a verification function gives the known answers.
    static func isKept(by verify: (_ signature: [UInt8], _ message: [UInt8], _ key: [UInt8]) -> Bool) -> Bool {
        guard let key = Hex.decode(key) else { return false }
        return answers.allSatisfy { answer in
            guard let signature = Hex.decode(answer.signature) else { return false }
            return verify(signature, [answer.message], key) == answer.isValid
        }
    }

    /// Whether the library that this program was started with follows the rule. `Runtime.ready` calls this, so nothing
    /// here may use it.
    static var isKeptByLibrary: Bool {
        isKept { signature, message, key in
            crypto_sign_verify_detached(signature, message, UInt64(message.count), key) == 0
        }
    }
}
