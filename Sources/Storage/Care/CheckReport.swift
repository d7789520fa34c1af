import Petitions

/// What a check of a whole database found.
public struct CheckReport: Sendable, Equatable {
    /// Something that is not as it must be.
    public struct Finding: Sendable, Hashable {
        public enum What: Sendable, Hashable {
            /// SQLite finds its own pages or indexes inconsistent.
            case pages(String)
            /// A leaf is missing between others.
            case leafMissing(Int)
            /// A leaf that the audit refuses: what it breaks.
            case leaf(Int, String)
            /// The hash beside a leaf is not the leaf's.
            case leafHash(Int)
            /// Nodes of the tree that are missing, wrong or surplus: how many.
            case nodes(Int)
            case size(Int)
            case workplace
            case deadline
            /// Whether the log's checkpoints are to be kept fresh.
            case live
            /// A checkpoint that is not signed by this service's key.
            case checkpoint(size: Int)
            /// A checkpoint that is signed and contradicts the leaves.
            case contradicted(size: Int)
            /// A checkpoint of more leaves than are there.
            case short(size: Int)
            /// The newest size has no checkpoint.
            case noCheckpoint
            /// Witnesses' lines that are no signatures.
            case witnessed(size: Int)
            /// The tag or length beside a sealed name is not its own.
            case nameRow
            /// A sealed name of no standing co-signature.
            case surplusName
            /// A standing co-signature carries a name that is not there.
            case nameMissing
            /// Something that waits to be mixed cannot be what was accepted.
            case held
            /// The hash or the tag beside something that waits is not its own.
            case heldHash
            /// A promise of no leaf that waits to be shown, or of a time that cannot be.
            case promise(Int)
            /// A wrap that its maker did not sign.
            case wrap(Bytes)
            /// A revision that cannot be read, or whose place in the row of revisions is another.
            case object(Bytes)
            /// The digest beside a revision is not its own.
            case objectDigest(Bytes)
            /// The sum of what a workplace or one of its members keeps.
            case stored(Bytes)
        }

        /// An id in hexadecimal digits.
        public typealias Bytes = String

        public let log: LogName?
        public let what: What
        /// Whether it can be computed from the leaves, or from the objects.
        public let isDerived: Bool
        /// Whether it has been put right.
        public internal(set) var isRepaired = false
    }

    /// A log as its leaves tell it.
    public struct Log: Sendable, Equatable {
        public let name: LogName
        public let leaves: Int
        /// Of a petition: tags, and co-signatures that stand.
        public let tags: Int
        public let cosignatures: Int
        /// Of a petition: co-signatures that wait to be mixed.
        public let held: Int
        /// Of a workplace: members.
        public let members: Int
        /// Leaves that an earlier version of the rules took and the present one does not: no finding.
        public let outdated: Int
    }

    public internal(set) var logs: [Log] = []
    public internal(set) var objects = 0
    public internal(set) var findings: [Finding] = []

    public var isSound: Bool { findings.allSatisfy(\.isRepaired) }
}
