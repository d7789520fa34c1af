import Petitions
import Sodium
import TransparencyLog

/// The logs that one reader was shown: the signed checkpoint of each. Each line is one JSON object, so that people can
/// read it.
///
///     {"format":"roundrobin-gossip/1","workplace":"<hex id>"}
///     {"log":"workplace","checkpoint":"<the signed note's text>"}
///     {"log":"<hex id of a petition>","checkpoint":"..."}           each once
public struct GossipFile: Sendable, Equatable {
    /// The workplace whose logs these are.
    public let workplace: ID<Workplace>
    /// Each log's signed note, each log once.
    public let checkpoints: [(log: GossipLog, note: String)]

    static let format = "roundrobin-gossip/1"
    static let maximalLength = 4 << 20

    init(workplace: ID<Workplace>, checkpoints: [(log: GossipLog, note: String)]) {
        (self.workplace, self.checkpoints) = (workplace, checkpoints)
    }

    /// Equal if their bytes are.
    public static func == (a: GossipFile, b: GossipFile) -> Bool { a.serialized == b.serialized }

    /// Whether a file claims this format.
    public static func isGossip(_ bytes: [UInt8]) -> Bool {
        bytes.starts(with: Array("{\"format\":\"\(format)\"".utf8))
    }

    /// The file's bytes.
    public var serialized: [UInt8] {
        var lines = [GossipLines.header(Self.format, workplace)]
        lines += checkpoints.map { GossipLines.checkpoint($0.log, $0.note) }
        return lines.flatMap { Array($0.utf8) + [0x0a] }
    }

    /// Parses a file's form; `GossipComparison` checks what is in it.
    /// - Throws: `ClientError.invalid(.gossipFile)` for anything that `serialized` would not produce.
    public init(parsing bytes: [UInt8]) throws(ClientError) {
        var reader = try GossipLines(bytes, limit: Self.maximalLength)
        let workplace = try reader.header(Self.format)
        var checkpoints: [(log: GossipLog, note: String)] = []
        while !reader.isAtEnd { checkpoints.append(try reader.checkpoint()) }
        guard checkpoints.first?.log == .workplace, Set(checkpoints.map(\.log)).count == checkpoints.count else {
            throw GossipLines.malformed
        }
        self.init(workplace: workplace, checkpoints: checkpoints)
        guard serialized == bytes else { throw GossipLines.malformed }
    }
}

/// Reads and writes the lines of gossip and evidence files.
struct GossipLines {
    static let malformed = ClientError.invalid(.gossipFile)

    private var lines: [ArraySlice<UInt8>]

    init(_ bytes: [UInt8], limit: Int) throws(ClientError) {
        guard bytes.count <= limit, bytes.last == 0x0a else { throw Self.malformed }
        lines = bytes.dropLast().split(separator: 0x0a, omittingEmptySubsequences: false).reversed()
    }

    var isAtEnd: Bool { lines.isEmpty }

    mutating func object() throws(ClientError) -> [String: String] {
        guard let line = lines.popLast(), case .object(let members)? = try? JSONValue(parsing: Array(line)) else {
            throw Self.malformed
        }
        var texts: [String: String] = [:]
        for (name, value) in members {
            guard case .string(let text) = value else { throw Self.malformed }
            texts[name] = text
        }
        return texts
    }

    mutating func header(_ format: String) throws(ClientError) -> ID<Workplace> {
        let header = try object()
        guard header["format"] == format, let id = header["workplace"].flatMap({ ID<Workplace>(hex: $0) }) else {
            throw Self.malformed
        }
        return id
    }

    mutating func checkpoint() throws(ClientError) -> (log: GossipLog, note: String) {
        let line = try object()
        guard let name = line["log"], let note = line["checkpoint"] else { throw Self.malformed }
        if name == "workplace" { return (.workplace, note) }
        guard let id = ID<Petition>(hex: name) else { throw Self.malformed }
        return (.petition(id), note)
    }

    static func header(_ format: String, _ workplace: ID<Workplace>) -> String {
        "{\"format\":\"\(format)\",\"workplace\":\"\(workplace.hex)\"}"
    }

    static func checkpoint(_ log: GossipLog, _ note: String) -> String {
        let name =
            switch log {
            case .workplace: "workplace"
            case .petition(let id): id.hex
            }
        return "{\"log\":\"\(name)\",\"checkpoint\":\(JSONValue.quoted(note))}"
    }
}
