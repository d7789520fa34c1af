import CoSigning
import Petitions
import Sodium
import TransparencyLog

/// The result of comparing what two readers were shown of the same logs.
public struct GossipComparison: Sendable {
    /// The result for one log.
    public enum Finding: Sendable, Hashable {
        /// The log that is shown here contains the one that the other reader was shown.
        case consistent(GossipLog, size: UInt64)
        /// The service has shown the other reader more than it shows here now: it is holding something back.
        case withheld(GossipLog, theirs: UInt64, ours: UInt64)
        /// There are two different logs under one name.
        case forked(GossipLog, size: UInt64)
        /// A petition that is open here is missing in the other's file: it was opened since, or is hidden from them.
        case absent(ID<Petition>)
        /// The checkpoint is not signed by this log's key, or is not of a log of this workplace: the file was altered
        /// or made up.
        case foreign(GossipLog)

        /// The log that the finding is about.
        public var log: GossipLog {
            switch self {
            case .absent(let id): .petition(id)
            case .consistent(let log, _), .withheld(let log, _, _), .forked(let log, _), .foreign(let log): log
            }
        }

        /// A keyword for scripts.
        public var word: String {
            switch self {
            case .consistent: "consistent"
            case .withheld: "withheld"
            case .forked: "forked"
            case .absent: "absent"
            case .foreign: "foreign"
            }
        }
    }

    /// The result for each log.
    public let findings: [Finding]
    /// Evidence of a fork, which convinces anybody else.
    public let evidence: ForkEvidence?

    /// Whether nothing points to a dishonest service or an altered file.
    public var holds: Bool {
        findings.allSatisfy { finding in
            switch finding {
            case .consistent, .absent: true
            case .withheld, .forked, .foreign: false
            }
        }
    }

    init(_ theirs: GossipFile, with ours: LogView, founding: [UInt8]) {
        let own = Dictionary(uniqueKeysWithValues: ours.all.map { ($0.name, $0.log) })
        var findings: [Finding] = []
        var evidence: ForkEvidence?
        for (name, note) in theirs.checkpoints {
            let verifier = own[name]?.verifier ?? Self.verifier(of: name, beside: ours.roster.verifier, ours)
            guard let verifier, let checkpoint = try? verifier.verify(note) else {
                findings.append(.foreign(name))
                continue
            }
            guard let log = own[name], checkpoint.size <= UInt64(log.size) else {
                findings.append(.withheld(name, theirs: checkpoint.size, ours: UInt64(own[name]?.size ?? 0)))
                continue
            }
            if Int(exactly: checkpoint.size).flatMap({ log.tree.root(at: $0) }) == checkpoint.root {
                findings.append(.consistent(name, size: checkpoint.size))
            } else {
                findings.append(.forked(name, size: checkpoint.size))
                evidence =
                    evidence
                    ?? ForkEvidence(
                        workplace: ours.workplace, founding: founding, log: name, longer: log.note, shorter: note,
                        leafHashes: (0..<log.size).compactMap { log.tree.leafHash(at: $0) })
            }
        }
        let shown = Set(theirs.checkpoints.map(\.log))
        let announced: UInt64 =
            findings.lazy.compactMap { (finding) -> UInt64? in
                if case .consistent(.workplace, let size) = finding { size } else { nil }
            }.first ?? 0
        for (id, log) in ours.petitions(announcedBefore: announced) where log != nil && !shown.contains(.petition(id)) {
            findings.append(.absent(id))
        }
        (self.findings, self.evidence) = (findings, evidence)
    }

    /// Verifies the log of a petition that is announced, but of which nothing is shown here.
    private static func verifier(
        of name: GossipLog, beside roster: LogVerifier, _ view: LogView
    ) -> LogVerifier? {
        guard case .petition(let id) = name, view.petitions.contains(where: { $0.id == id }) else { return nil }
        let suffix = "/workplace/\(view.workplace.hex)"
        guard roster.origin.hasSuffix(suffix) else { return nil }
        return LogVerifier(origin: roster.origin.dropLast(suffix.count) + "/petition/\(id.hex)", key: roster.key)
    }
}

/// Two checkpoints of one log, both signed by its key, of which the longer does not contain the shorter. It convinces
/// anyone who knows the workplace's id, without the service and without trust in whoever presents it.
///
///     {"format":"roundrobin-fork/1","workplace":"<hex id>"}
///     {"founding":"<base64 of the workplace log's first leaf: its key>"}
///     {"log":"workplace" or "<hex id>","checkpoint":"<the longer>"}
///     {"log":the same,"checkpoint":"<the shorter>"}
///     {"leaf_hashes":"<base64 of the longer log's leaf hashes, one behind the other>"}
public struct ForkEvidence: Sendable, Equatable {
    /// The workplace whose service has forked a log.
    public let workplace: ID<Workplace>
    let founding: [UInt8]
    /// The log that was forked.
    public let log: GossipLog
    let longer: String
    let shorter: String
    let leafHashes: [Bytes32]

    static let format = "roundrobin-fork/1"
    static let maximalLength = 256 << 20

    /// Whether a file claims this format.
    public static func isEvidence(_ bytes: [UInt8]) -> Bool {
        bytes.starts(with: Array("{\"format\":\"\(format)\"".utf8))
    }

    init(
        workplace: ID<Workplace>, founding: [UInt8], log: GossipLog, longer: String, shorter: String,
        leafHashes: [Bytes32]
    ) {
        (self.workplace, self.founding, self.log) = (workplace, founding, log)
        (self.longer, self.shorter, self.leafHashes) = (longer, shorter, leafHashes)
    }

    /// The file's bytes.
    public var serialized: [UInt8] {
        [
            GossipLines.header(Self.format, workplace), "{\"founding\":\"\(Base64.encode(founding))\"}",
            GossipLines.checkpoint(log, longer), GossipLines.checkpoint(log, shorter),
            "{\"leaf_hashes\":\"\(Base64.encode(leafHashes.flatMap(\.bytes)))\"}",
        ].flatMap { Array($0.utf8) + [0x0a] }
    }

    /// Parses a file's form; `proof` checks what is in it.
    /// - Throws: `ClientError.invalid(.gossipFile)` for anything that `serialized` would not produce.
    public init(parsing bytes: [UInt8]) throws(ClientError) {
        var reader = try GossipLines(bytes, limit: Self.maximalLength)
        let workplace = try reader.header(Self.format)
        guard let founding = try reader.object()["founding"].flatMap({ Base64.decode($0) }) else {
            throw GossipLines.malformed
        }
        let (longer, shorter) = (try reader.checkpoint(), try reader.checkpoint())
        guard let hashes = try reader.object()["leaf_hashes"].flatMap({ Base64.decode($0) }), hashes.count % 32 == 0
        else { throw GossipLines.malformed }
        let list = stride(from: 0, to: hashes.count, by: 32).compactMap { Bytes32(Array(hashes[$0..<$0 + 32])) }
        self.init(
            workplace: workplace, founding: founding, log: longer.log, longer: longer.note, shorter: shorter.note,
            leafHashes: list)
        guard serialized == bytes else { throw GossipLines.malformed }
    }

    /// The sizes of the two contradicting checkpoints, if this proves a fork; otherwise nil.
    public func proof() -> (longer: UInt64, shorter: UInt64)? {
        guard let roster = try? WorkplaceLog(founding: founding), roster.id == workplace else { return nil }
        let verifier =
            switch log {
            case .workplace: roster.verifier
            case .petition(let id): roster.verifier(of: id)
            }
        guard let a = try? verifier.verify(longer), let b = try? verifier.verify(shorter) else { return nil }
        var tree = MerkleTree()
        for hash in leafHashes { tree.append(leafHash: hash) }
        guard UInt64(tree.count) == a.size, tree.root == a.root, let size = Int(exactly: b.size),
            let root = tree.root(at: size), root != b.root
        else { return nil }
        return (a.size, b.size)
    }
}

extension CoSigner {
    /// Reads what the service currently shows this device, for somebody else to compare.
    public func gossip() async throws -> GossipFile {
        let view = try await logView()
        return GossipFile(workplace: view.workplace, checkpoints: view.all.map { ($0.name, $0.log.note) })
    }

    /// Compares what somebody else was shown with what the service currently shows here.
    public func compare(_ theirs: GossipFile) async throws -> GossipComparison {
        guard theirs.workplace == device.workplaceID else { throw ClientError.coSigning(.otherWorkplace) }
        let view = try await logView()
        return GossipComparison(theirs, with: view, founding: view.founding)
    }
}
