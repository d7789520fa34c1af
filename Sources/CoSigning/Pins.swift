// docs/protocol.md, section 10, "Two views"

import Petitions
import Sodium
import TransparencyLog

/// Which kind of connection showed something. The two are kept apart, and compared only once a run has made all its requests.
public enum View: UInt8, Sendable, CaseIterable {
    /// Connections that carry signed requests, and whatever is read beside them.
    case member = 1
    /// Connections that carry what a co-signature depends on.
    case anonymous
}

/// A checkpoint that this device has verified.
public struct Pin: Hashable, Sendable {
    public let size: UInt64
    public let root: Bytes32
    /// With the log's own signature and no witness's, whose time would say when this device read it.
    public let note: String

    public init(_ checkpoint: VerifiedCheckpoint, by verifier: LogVerifier) {
        (size, root) = (checkpoint.size, checkpoint.root)
        let own = checkpoint.note.signatures.filter { $0.name.utf8.elementsEqual(verifier.origin.utf8) }
        note = SignedNote(text: checkpoint.note.text, signatures: own).serialized
    }

    init(size: UInt64, root: Bytes32, note: String) { (self.size, self.root, self.note) = (size, root, note) }
}

/// What one view has shown of the logs.
public struct Pins: Sendable, Equatable {
    /// By log, the newest checkpoint whose log was read whole.
    public internal(set) var read: [LogName: Pin] = [:]
    /// Checkpoints of receipts since, which the next reading must contain too.
    public internal(set) var promised: [LogName: [Pin]] = [:]

    public init() {}

    func all(of log: LogName) -> [Pin] { (promised[log] ?? []) + (read[log].map { [$0] } ?? []) }

    mutating func move(_ log: LogName, to pin: Pin) {
        promised[log] = nil
        read[log] = pin
    }
}

/// Something that a device was shown and that does not fit what it was shown before. It stops nothing: whoever is served the same
/// does the same. It is told with every command until the person settles it.
public struct Alarm: Hashable, Sendable {
    public enum Kind: UInt8, Sendable, CaseIterable {
        /// The log is shorter than it was.
        case older = 1
        /// The log does not contain what it contained.
        case forked
        /// The log is gone.
        case gone
        /// The checkpoint lacks signatures that the member's own policy asks for.
        case policy
        /// A co-signature was promised a place and has none.
        case promiseBroken
        /// The deadline's close came before the deadline.
        case closedEarly
        /// A receipt of this device does not fit the log.
        case receipt
        /// A petition that only the member's view shows.
        case memberViewOnly
        /// A stored text is older than it was, or gone.
        case text

        /// Whether a log differs from what was pinned of it.
        var isOfPins: Bool { self == .older || self == .forked || self == .gone }

        /// Whether it is about what is served now, and has no evidence.
        var comesAgain: Bool { self == .policy || self == .closedEarly || self == .memberViewOnly || self == .text }
    }

    public let kind: Kind
    public let log: LogName
    /// In which view the difference was seen.
    public let view: View
    /// Sizes of the two checkpoints, where there are two.
    public let seen: UInt64
    public let served: UInt64
    /// The device's clock.
    public let time: UInt64
    /// Signed notes or a file that shows it to others; may be empty.
    public let evidence: [UInt8]

    public init(
        _ kind: Kind, _ log: LogName, in view: View, seen: UInt64 = 0, served: UInt64 = 0, at time: UInt64,
        evidence: [UInt8] = []
    ) {
        (self.kind, self.log, self.view) = (kind, log, view)
        (self.seen, self.served, self.time, self.evidence) = (seen, served, time, evidence)
    }

    /// Whether it says the same as another, whenever that was.
    func repeats(_ other: Alarm) -> Bool {
        kind == other.kind && log == other.log && view == other.view && seen == other.seen
    }
}
