// docs/protocol.md, section 4, "The document"

import Sodium

/// A petition's wording: its demands, in the order of its questions. The digest is of the published bytes.
public struct PetitionDocument: Sendable, Equatable {
    /// One demand.
    public struct Demand: Sendable, Equatable {
        /// The demand's heading.
        public let title: String
        /// The demand's wording.
        public let text: String

        /// A demand with a heading.
        public init(title: String, text: String) { (self.title, self.text) = (title, text) }
    }

    /// The language tag of the wording.
    public let language: String
    /// The petition's title.
    public let title: String
    /// The text before the demands.
    public let preamble: String
    /// The demands; demand i answers to question i of the manifest.
    public let demands: [Demand]
    /// The published bytes.
    public let bytes: [UInt8]

    /// Why bytes are not the expected document. The raw value is what a verifier reports.
    public enum Fault: String, Error, Sendable {
        case json = "not strict JSON"
        case members = "other members than a document has"
        case salt = "salt"
        case demands = "as many demands as questions are needed"
        case digest = "not the document of this petition"
    }

    /// Makes a document with a fresh salt, so that its digest does not let anyone confirm a guess at the wording.
    public init(language: String, title: String, preamble: String, demands: [Demand]) {
        (self.language, self.title, self.preamble, self.demands) = (language, title, preamble, demands)
        let quoted = JSONValue.quoted
        let list = demands.map { "{\"title\":\(quoted($0.title)),\"text\":\(quoted($0.text))}" }
        let json =
            "{\"salt\":\(quoted(Base64.encode(Random.bytes(32)))),\"language\":\(quoted(language)),"
            + "\"title\":\(quoted(title)),\"preamble\":\(quoted(preamble)),\"demands\":[\(list.joined(separator: ","))]}"
        bytes = Array(json.utf8)
    }

    /// Reads a document's published bytes.
    /// - Parameter questions: the required number of demands.
    public init(parsing bytes: [UInt8], questions: Int) throws(Fault) {
        let value: JSONValue
        do { value = try JSONValue(parsing: bytes) } catch { throw .json }
        guard let members = value.members("salt", "language", "title", "preamble", "demands"),
            let language = members["language"]?.text, let title = members["title"]?.text,
            let preamble = members["preamble"]?.text, case .array(let items)? = members["demands"]
        else { throw .members }
        guard let salt = members["salt"]?.text.flatMap({ Base64.decode($0) }), salt.count == 32 else { throw .salt }
        var demands: [Demand] = []
        for item in items {
            guard let demand = item.members("title", "text"), let title = demand["title"]?.text,
                let text = demand["text"]?.text
            else { throw .members }
            demands.append(Demand(title: title, text: text))
        }
        guard demands.count == questions else { throw .demands }
        (self.language, self.title, self.preamble, self.demands) = (language, title, preamble, demands)
        self.bytes = bytes
    }

    /// Reads the document of this particular petition.
    public init(parsing bytes: [UInt8], of manifest: Manifest) throws(Fault) {
        guard Self.digest(of: bytes) == manifest.documentDigest else { throw .digest }
        try self.init(parsing: bytes, questions: manifest.options.count)
    }

    /// Digest("document", bytes).
    public static func digest(of bytes: [UInt8]) -> Bytes32 { Domain.digest("document", bytes) }

    /// The digest that the manifest carries.
    public var digest: Bytes32 { Self.digest(of: bytes) }
}
