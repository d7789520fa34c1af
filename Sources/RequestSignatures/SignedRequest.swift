// RFC 9421 (HTTP message signatures) and RFC 9530 (content-digest)

import Sodium
import StructuredFieldValues

/// The signature of a member's request. The client and the service build what it covers here; docs/protocol.md
/// describes it for other implementations.
public enum SignedRequest {
    /// The components that must be covered: exactly these, in this order.
    public static let components = ["@method", "@path", "@query", "content-digest"]
    /// The label of the signature in its headers.
    public static let label = "rr"
    /// How many seconds a signature's time may differ from the service's clock.
    public static let tolerance: UInt64 = 300

    /// The parameters of a signature.
    public struct Parameters: Sendable, Equatable {
        /// When it was made, in seconds since 1970.
        public let created: UInt64
        /// At least 32 hexadecimal digits.
        public let nonce: String
        /// The member's sign key.
        public let key: Bytes32

        /// Checks nothing.
        public init(created: UInt64, nonce: String, key: Bytes32) {
            (self.created, self.nonce, self.key) = (created, nonce, key)
        }

        /// The value of Signature-Input, without its label.
        public var serialized: String {
            let list = components.map { "\"\($0)\"" }.joined(separator: " ")
            return "(\(list));created=\(created);nonce=\"\(nonce)\";keyid=\"\(key.hex)\";alg=\"ed25519\""
        }
    }

    /// The value of Content-Digest: `sha-256=:...:`.
    public static func contentDigest(_ body: [UInt8]) -> String {
        "sha-256=:\(Base64.encode(SHA256.hash(body).bytes)):"
    }

    /// The signature base (RFC 9421 section 2.5).
    public static func base(
        method: String, path: String, query: String, contentDigest: String, _ parameters: Parameters
    ) -> [UInt8] {
        let lines = [
            "\"@method\": \(method)", "\"@path\": \(path)", "\"@query\": ?\(query)",
            "\"content-digest\": \(contentDigest)", "\"@signature-params\": \(parameters.serialized)",
        ]
        return Array(lines.joined(separator: "\n").utf8)
    }

    /// The three headers of a signed request, with a fresh nonce.
    public static func headers(
        method: String, path: String, query: String, body: [UInt8], created: UInt64, by key: borrowing SigningKey
    ) -> [(name: String, value: String)] {
        let digest = contentDigest(body)
        let parameters = Parameters(created: created, nonce: Hex.encode(Random.bytes(16)), key: key.publicKey)
        let signature = key.sign(
            base(method: method, path: path, query: query, contentDigest: digest, parameters))
        return [
            ("content-digest", digest), ("signature-input", "\(label)=\(parameters.serialized)"),
            ("signature", "\(label)=:\(Base64.encode(signature)):"),
        ]
    }

    /// Why a request counts as unsigned. The raw value is for the client's developer.
    public enum Fault: String, Error, Sendable {
        case missing = "Signature-Input, Signature and Content-Digest are needed (RFC 9421)."
        case input = "Signature-Input is not as this service takes it, or not in its canonical form."
        case digest = "Content-Digest is not that of the body."
        case signature = "The signature does not verify."
    }

    /// The head of a request as it arrived; the path is without the query.
    public struct Claim: Sendable {
        let method: String
        let path: String
        let query: String
        let signatureInput: String?
        let signature: String?
        let contentDigest: String?

        /// A header that is missing is nil.
        public init(
            method: String, path: String, query: String, signatureInput: String?, signature: String?,
            contentDigest: String?
        ) {
            self.method = method
            self.path = path
            self.query = query
            self.signatureInput = signatureInput
            self.signature = signature
            self.contentDigest = contentDigest
        }
    }

    /// The digest in a signature, for a body that has not arrived yet.
    public struct BodyDigest: Sendable {
        let value: String

        /// Whether these are the bytes that were signed. Until they have been compared, the request is not a
        /// member's.
        public func isOf(_ body: [UInt8]) -> Bool { value == contentDigest(body) }
    }

    /// Checks the signature. It covers the digest of the body, so the body need not have arrived. The caller must still
    /// check that the body has this digest, and that the request is fresh, not a repetition, and a member's.
    public static func verify(_ claim: Claim) throws(Fault) -> (Parameters, BodyDigest) {
        guard let input = claim.signatureInput, let signature = claim.signature, let digest = claim.contentDigest else {
            throw .missing
        }
        let parameters = try parameters(input)
        let base = base(
            method: claim.method, path: claim.path, query: claim.query, contentDigest: digest, parameters)
        guard let bytes = bytes(signature), Ed25519.verify(bytes, of: base, by: parameters.key) else {
            throw .signature
        }
        return (parameters, BodyDigest(value: digest))
    }

    private struct Input: StructuredFieldValue {
        static let structuredFieldType: StructuredFieldType = .dictionary
        struct Inner: Codable {
            struct Parameters: Codable {
                let created: Int
                let nonce: String
                let keyid: String
                let alg: String
            }
            let items: [String]
            let parameters: Parameters
        }
        let rr: Inner
    }

    private static func parameters(_ header: String) throws(Fault) -> Parameters {
        guard let input = try? StructuredFieldValueDecoder().decode(Input.self, from: Array(header.utf8)).rr,
            input.items == components, input.parameters.alg == "ed25519", input.parameters.created >= 0,
            (32...64).contains(input.parameters.nonce.utf8.count), Hex.decode(input.parameters.nonce) != nil,
            let key = Bytes32(hex: input.parameters.keyid)
        else {
            throw .input
        }
        let parameters = Parameters(
            created: UInt64(input.parameters.created), nonce: input.parameters.nonce, key: key)
        // The signature covers the canonical serialisation; another spelling would be another signature.
        guard header == "\(label)=\(parameters.serialized)" else { throw .input }
        return parameters
    }

    private static func bytes(_ header: String) -> [UInt8]? {
        let prefix = "\(label)=:"
        guard header.hasPrefix(prefix), header.hasSuffix(":") else { return nil }
        return Base64.decode(header.dropFirst(prefix.count).dropLast())
    }
}
