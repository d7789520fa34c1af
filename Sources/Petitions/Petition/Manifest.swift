// docs/protocol.md, section 4, "Petition log"

import Sodium

/// Everything about a petition that is fixed when it opens. Its digest is the petition's id.
public struct Manifest: Hashable, Sendable {
    /// The kind of petition.
    public enum Kind: UInt8, Sendable {
        /// Demands to the employer.
        case petition = 1
        /// A vote on the employer's response.
        case ratification = 2
    }

    /// Names that open once this many co-signatures stand.
    public struct Level: Hashable, Sendable {
        /// The number of co-signatures at which the level's names open.
        public let count: UInt32
        /// One seal key for each trustee.
        public let trustees: [Bytes32]

        /// Checks nothing; `Manifest` does.
        public init(count: UInt32, trustees: [Bytes32]) { (self.count, self.trustees) = (count, trustees) }
    }

    /// An employer's response, as a ratification names it.
    public struct Response: Hashable, Sendable {
        /// The petition that the response answers.
        public let petition: ID<Petition>
        /// Digest("record", the response's document).
        public let digest: Bytes32

        /// Checks nothing.
        public init(petition: ID<Petition>, digest: Bytes32) { (self.petition, self.digest) = (petition, digest) }
    }

    /// A petition, or a vote on a response.
    public internal(set) var kind: Kind
    /// The workplace whose members make the ring.
    public internal(set) var workplace: ID<Workplace>
    /// Random, so that ids do not repeat.
    public internal(set) var nonce: Bytes32
    /// The size of the workplace's log that fixes the ring.
    public internal(set) var rosterSize: UInt64
    /// The workplace log's root at that size.
    public internal(set) var rosterRoot: Bytes32
    /// The number of keys in the first ring.
    public internal(set) var ringCount: UInt32
    /// The digest of the first ring.
    public internal(set) var ringDigest: Bytes32
    /// Digest("document", the document's bytes).
    public internal(set) var documentDigest: Bytes32
    /// For each question, the number of choices besides abstaining: 1...64 questions, 1...255 choices.
    public internal(set) var options: [UInt8]
    /// How many trustees are needed to open anything.
    public internal(set) var threshold: UInt8
    /// Key set 0, for the ballots: 1...32 keys.
    public internal(set) var trustees: [Bytes32]
    /// Key sets 1...: at most 8, with strictly ascending counts.
    public internal(set) var levels: [Level]
    /// The co-signatures from which the petition is delivered.
    public internal(set) var quorum: UInt32
    /// Seconds since 1970, a whole hour; 0 if an organiser closes it.
    public internal(set) var closes: UInt64
    /// Length of every padded ballot, in bytes.
    public internal(set) var ballotLength: UInt16
    /// The response that a ratification votes on; nil for a petition.
    public internal(set) var about: Response?

    /// The greatest number of trustees.
    public static let maximalTrustees = 32
    /// The greatest number of levels.
    public static let maximalLevels = 8
    /// The greatest number of questions.
    public static let maximalQuestions = 64

    /// A valid manifest.
    /// - Throws: `RuleViolation` for values that could not be decoded again.
    public init(
        kind: Kind, workplace: ID<Workplace>, nonce: Bytes32, rosterSize: UInt64, rosterRoot: Bytes32,
        ringCount: UInt32, ringDigest: Bytes32, documentDigest: Bytes32, options: [UInt8], threshold: UInt8,
        trustees: [Bytes32], levels: [Level], quorum: UInt32, closes: UInt64, ballotLength: UInt16,
        about: Response?
    ) throws(RuleViolation) {
        self.kind = kind
        self.workplace = workplace
        self.nonce = nonce
        self.rosterSize = rosterSize
        self.rosterRoot = rosterRoot
        self.ringCount = ringCount
        self.ringDigest = ringDigest
        self.documentDigest = documentDigest
        self.options = options
        self.threshold = threshold
        self.trustees = trustees
        self.levels = levels
        self.quorum = quorum
        self.closes = closes
        self.ballotLength = ballotLength
        self.about = about
        try check()
    }

    /// Decodes a manifest.
    /// - Throws: `RuleViolation` for any bytes that are not exactly one valid manifest.
    public init(decoding bytes: [UInt8]) throws(RuleViolation) {
        var reader = ByteReader(bytes)
        guard try reader.uint8() == 1 else { throw .version }
        guard let kind = Kind(rawValue: try reader.uint8()) else { throw .kind }
        self.kind = kind
        workplace = try reader.id()
        nonce = try reader.bytes32()
        rosterSize = try reader.uint64()
        rosterRoot = try reader.bytes32()
        ringCount = try reader.uint32()
        ringDigest = try reader.bytes32()
        documentDigest = try reader.bytes32()
        options = try reader.vector8(1...Self.maximalQuestions)
        threshold = try reader.uint8()
        trustees = try Self.keys(&reader)
        var levelReader = ByteReader(try reader.vector16(0...65_535))
        var levels: [Level] = []
        while !levelReader.isAtEnd {
            guard levels.count < Self.maximalLevels else { throw .levels }
            levels.append(Level(count: try levelReader.uint32(), trustees: try Self.keys(&levelReader)))
        }
        self.levels = levels
        quorum = try reader.uint32()
        closes = try reader.uint64()
        ballotLength = try reader.uint16()
        about = try Self.response(reader.vector8(0...64))
        try reader.finish()
        try check()
    }

    private static func keys(_ reader: inout ByteReader) throws(RuleViolation) -> [Bytes32] {
        let bytes = try reader.vector16(32...32 * maximalTrustees)
        guard bytes.count % 32 == 0 else { throw .encoding }
        return stride(from: 0, to: bytes.count, by: 32).compactMap { Bytes32(bytes[$0..<$0 + 32]) }
    }

    private static func response(_ bytes: [UInt8]) throws(RuleViolation) -> Response? {
        if bytes.isEmpty { return nil }
        guard let petition = Bytes32(bytes.prefix(32)), let digest = Bytes32(bytes.dropFirst(32)) else {
            throw .about
        }
        return Response(petition: ID(petition), digest: digest)
    }

    private func check() throws(RuleViolation) {
        guard (1...Self.maximalQuestions).contains(options.count), !options.contains(0) else { throw .options }
        guard (1...Self.maximalTrustees).contains(trustees.count) else { throw .trustees }
        guard (1...trustees.count).contains(Int(threshold)) else { throw .threshold }
        guard levels.count <= Self.maximalLevels else { throw .levels }
        var least: UInt32 = 0
        for level in levels {
            guard level.count > least, level.trustees.count == trustees.count else { throw .levels }
            least = level.count
        }
        let keys = trustees + levels.flatMap { $0.trustees }
        guard Set(keys).count == keys.count else { throw .trustees }
        for key in keys {
            do { try SealedBox.checkPublicKey(key) } catch { throw .trustees }
        }
        guard closes % 3600 == 0 else { throw .closes }
        guard (max(options.count + 5, 16)...4096).contains(Int(ballotLength)) else { throw .ballotLength }
        guard (about == nil) == (kind == .petition) else { throw .about }
    }

    /// The one encoding of this manifest.
    public var encoding: [UInt8] {
        var writer = ByteWriter()
        writer.append(UInt8(1))
        writer.append(kind.rawValue)
        writer.append(workplace)
        writer.append(nonce)
        writer.append(rosterSize)
        writer.append(rosterRoot)
        writer.append(ringCount)
        writer.append(ringDigest)
        writer.append(documentDigest)
        writer.vector8(options)
        writer.append(threshold)
        writer.vector16(trustees.flatMap { $0.bytes })
        var levelWriter = ByteWriter()
        for level in levels {
            levelWriter.append(level.count)
            levelWriter.vector16(level.trustees.flatMap { $0.bytes })
        }
        writer.vector16(levelWriter.bytes)
        writer.append(quorum)
        writer.append(closes)
        writer.append(ballotLength)
        writer.vector8(about.map { $0.petition.bytes.bytes + $0.digest.bytes } ?? [])
        return writer.bytes
    }

    /// petition_id = Digest("petition", manifest).
    public var id: ID<Petition> { ID(Domain.digest("petition", encoding)) }

    /// The seal keys of a key set: 0 for the ballots, 1... for the levels.
    public func keySet(_ set: Int) -> [Bytes32]? {
        if set == 0 { return trustees }
        return levels.indices.contains(set - 1) ? levels[set - 1].trustees : nil
    }

    /// Length of every sealed ballot of this petition, in bytes.
    public var sealedBallotLength: Int { SealedPayload.length(trustees: trustees.count, plaintext: Int(ballotLength)) }

    /// Length of every sealed name, in bytes.
    public var sealedNameLength: Int { SealedPayload.length(trustees: trustees.count, plaintext: SealedName.padded) }
}
