import CoSigning
import Petitions
import Sodium
import TransparencyLog

/// A summary of what a reader was shown, short enough to be read aloud: the sizes of the logs, and 96 bits of their
/// roots as syllables that can be spoken in most languages (proquints, arXiv:0901.4016).
///
///     48-120-33 lusab-babad-gutih-tugad-mudof-sakat
///
/// The bits pass through Argon2id, so a service that wants two views with the same phrase pays for it in each of the
/// 2^48 attempts that a collision takes.
public struct GossipPhrase: Sendable, Equatable {
    /// The sizes of the workplace's log, and of each petition's in order of announcement; 0 for a petition that is not
    /// open yet.
    public let sizes: [UInt64]
    /// The 96 bits as words of five letters.
    public let syllables: [String]

    /// The phrase as it is shown and read aloud.
    public var text: String { sizes.map { "\($0)" }.joined(separator: "-") + " " + syllables.joined(separator: "-") }

    static let quints = 6
    private static let consonants = Array("bdfghjklmnprstvz")
    private static let vowels = Array("aiou")

    /// Parses a phrase however it was written down: with dashes or spaces between the groups, in either case.
    /// - Throws: `ClientError.invalid(.phrase)`.
    public init(parsing text: String) throws(ClientError) {
        let parts = text.lowercased().split { $0 == "-" || $0.isWhitespace }.map(String.init)
        let sizes = parts.prefix { $0.allSatisfy(\.isNumber) }.compactMap { UInt64($0) }
        let rest = Array(parts.dropFirst(sizes.count))
        guard !sizes.isEmpty, rest.count == Self.quints, rest.allSatisfy(Self.isQuint) else {
            throw .invalid(.phrase)
        }
        (self.sizes, self.syllables) = (sizes, rest)
    }

    private static func isQuint(_ text: String) -> Bool {
        text.count == 5
            && text.enumerated().allSatisfy { ($0.offset % 2 == 0 ? consonants : vowels).contains($0.element) }
    }

    /// The phrase of a view at these sizes. Nil if the view has fewer leaves, or other petitions.
    init?(_ view: LogView, at sizes: [UInt64]) {
        guard let first = sizes.first, first <= UInt64(view.roster.size) else { return nil }
        let announced = view.petitions(announcedBefore: first)
        guard announced.count == sizes.count - 1 else { return nil }
        var message = view.workplace.bytes.bytes
        func add(_ id: Bytes32, _ size: UInt64, _ log: LogView.Log?) -> Bool {
            guard let place = Int(exactly: size), place <= log?.size ?? 0 else { return false }
            message += id.bytes + (0..<8).map { UInt8(truncatingIfNeeded: size >> (56 - 8 * $0)) }
            // Treated as if it were not open here either, since it may have been opened later.
            message += (place == 0 ? .zero : log?.tree.root(at: place) ?? .zero).bytes
            return true
        }
        guard add(view.workplace.bytes, first, view.roster) else { return nil }
        for (petition, size) in zip(announced, sizes.dropFirst()) {
            guard add(petition.id.bytes, size, petition.log) else { return nil }
        }
        guard let bits = try? Self.stretch(Domain.digest("gossip-phrase", message)) else { return nil }
        self.sizes = sizes
        syllables = stride(from: 0, to: 2 * Self.quints, by: 2).map {
            Self.quint(UInt16(bits[$0]) << 8 | UInt16(bits[$0 + 1]))
        }
    }

    init?(_ view: LogView) {
        self.init(
            view, at: [UInt64(view.roster.size)] + view.petitions.map { UInt64($0.log?.size ?? 0) })
    }

    /// 3 passes over 64 MiB: about a tenth of a second for a reader, and for each attempt of a forger.
    private static func stretch(_ digest: Bytes32) throws -> [UInt8] {
        let salt = Array(Domain.digest("gossip-salt").bytes[..<16])
        guard let cost = PasswordHash(passes: 3, memory: 64 << 20, salt: salt) else { return [] }
        return try cost.key(for: SecretBytes(digest)).reveal()
    }

    static func quint(_ word: UInt16) -> String {
        let places: [(shift: Int, letters: [Character])] = [
            (12, consonants), (10, vowels), (6, consonants), (4, vowels), (0, consonants),
        ]
        return String(places.map { $0.letters[Int(word >> $0.shift) & ($0.letters.count - 1)] })
    }
}

extension LogView {
    func petitions(announcedBefore size: UInt64) -> [(id: ID<Petition>, log: Log?)] {
        zip(petitions, announcements).filter { UInt64($0.1) < size }.map(\.0)
    }
}

/// The result of comparing two phrases.
public enum PhraseComparison: Sendable, Equatable {
    /// - Parameter absent: petitions that are open here and were not there: opened since, or hidden from the other
    ///   reader.
    case same(absent: [ID<Petition>])
    /// The service has shown the other reader more than it shows here now.
    case withheld
    /// A different log, or a slip of the tongue.
    case different(ours: GossipPhrase?)
}

extension CoSigner {
    /// The phrase of what the service currently shows this device.
    public func phrase() async throws -> GossipPhrase {
        guard let phrase = GossipPhrase(try await logView()) else { throw ClientError.invalid(.memory) }
        return phrase
    }

    /// Compares somebody else's phrase with what the service currently shows here.
    public func compare(_ theirs: GossipPhrase) async throws -> PhraseComparison {
        let view = try await logView()
        let ours = [UInt64(view.roster.size)] + view.petitions.map { UInt64($0.log?.size ?? 0) }
        guard theirs.sizes[0] <= ours[0] else { return .withheld }
        if theirs.sizes.count - 1 == view.petitions(announcedBefore: theirs.sizes[0]).count,
            zip(theirs.sizes, ours).contains(where: { $0 > $1 })
        {
            return .withheld
        }
        let here = GossipPhrase(view, at: theirs.sizes)
        guard here == theirs else { return .different(ours: here) }
        let petitions = view.petitions(announcedBefore: theirs.sizes[0])
        return .same(
            absent: zip(petitions, theirs.sizes.dropFirst()).compactMap { $0.log != nil && $1 == 0 ? $0.id : nil })
    }
}
