// docs/protocol.md, section 4, "The document"

import Sodium

/// What a petition says: its demands, in the order of its questions. Hashed as the bytes that were published.
public struct PetitionDocument: Sendable, Equatable {
    public struct Demand: Sendable, Equatable {
        public let title: String
        public let text: String

        public init(title: String, text: String) { (self.title, self.text) = (title, text) }
    }

    public let language: String
    public let title: String
    public let preamble: String
    public let demands: [Demand]
    /// The published bytes.
    public let bytes: [UInt8]

    public enum Fault: String, Error, Sendable {
        case json = "not strict JSON"
        case members = "other members than a document has"
        case salt = "salt"
        case demands = "as many demands as questions are needed"
        case digest = "not the document of this petition"
    }

    /// With a fresh salt, so that its digest says nothing to who guesses at the wording.
    public init(language: String, title: String, preamble: String, demands: [Demand]) {
        (self.language, self.title, self.preamble, self.demands) = (language, title, preamble, demands)
        let quoted = JSONValue.quoted
        let list = demands.map { "{\"title\":\(quoted($0.title)),\"text\":\(quoted($0.text))}" }
        let json =
            "{\"salt\":\(quoted(Base64.encode(Random.bytes(32)))),\"language\":\(quoted(language)),"
            + "\"title\":\(quoted(title)),\"preamble\":\(quoted(preamble)),\"demands\":[\(list.joined(separator: ","))]}"
        bytes = Array(json.utf8)
    }

    /// - Parameter questions: how many demands there must be.
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

    /// The document of this very petition.
    public init(parsing bytes: [UInt8], of manifest: Manifest) throws(Fault) {
        guard Self.digest(of: bytes) == manifest.documentDigest else { throw .digest }
        try self.init(parsing: bytes, questions: manifest.options.count)
    }

    /// Digest("document", bytes).
    public static func digest(of bytes: [UInt8]) -> Bytes32 { Domain.digest("document", bytes) }

    public var digest: Bytes32 { Self.digest(of: bytes) }
}
