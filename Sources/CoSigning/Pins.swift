// docs/protocol.md, section 10, "Two views"

import Petitions
import Sodium
import TransparencyLog

/// Which kind of connection showed something. The two are kept apart, and compared only after a run has made all its
/// requests.
public enum View: UInt8, Sendable, CaseIterable {
    /// Connections that carry signed requests, and whatever else is read over them.
    case member = 1
    /// Connections that carry what a co-signature depends on.
    case anonymous
}

/// A checkpoint that this device has verified.
public struct Pin: Hashable, Sendable {
    /// Number of leaves.
    public let size: UInt64
    /// The tree's root at that size.
    public let root: Bytes32
    /// The checkpoint with the log's own signature only. A witness's signature has a time, which would show when this
    /// device read it.
    public let note: String

    /// The pin of a verified checkpoint.
    /// - Parameter verifier: the log's; only its signature is kept of the note.
    public init(_ checkpoint: VerifiedCheckpoint, by verifier: LogVerifier) {
        (size, root) = (checkpoint.size, checkpoint.root)
        let own = checkpoint.note.signatures.filter { $0.name.utf8.elementsEqual(verifier.origin.utf8) }
        note = SignedNote(text: checkpoint.note.text, signatures: own).serialized
    }

    init(size: UInt64, root: Bytes32, note: String) { (self.size, self.root, self.note) = (size, root, note) }
}

/// The checkpoints of each log that one view has shown.
public struct Pins: Sendable, Equatable {
    /// For each log, the newest checkpoint up to which it was read whole.
    public internal(set) var read: [LogName: Pin] = [:]
    /// Checkpoints of receipts that arrived since; the next reading must contain them too.
    public internal(set) var promised: [LogName: [Pin]] = [:]

    /// No pins yet.
    public init() {}

    func all(of log: LogName) -> [Pin] { (promised[log] ?? []) + (read[log].map { [$0] } ?? []) }

    mutating func move(_ log: LogName, to pin: Pin) {
        promised[log] = nil
        read[log] = pin
    }
}

/// Something shown to a device that does not fit what it was shown before. An alarm stops nothing, so all devices that
/// are served the same bytes behave the same. Every command reports it until the person settles it.
public struct Alarm: Hashable, Sendable {
    /// The kinds of difference.
    public enum Kind: UInt8, Sendable, CaseIterable {
        /// The log is shorter than it was.
        case older = 1
        /// The log lacks leaves that it contained before.
        case forked
        /// The log is no longer served.
        case gone
        /// The checkpoint lacks signatures that the member's own policy requires.
        case policy
        /// The service promised a co-signature a place, and it has none.
        case promiseBroken
        /// The log was closed for its deadline before the deadline.
        case closedEarly
        /// A receipt of this device does not fit the log.
        case receipt
        /// A petition was shown only in the member's view.
        case memberViewOnly
        /// A stored text is older than before, or gone.
        case text

        /// Whether a log differs from its pins.
        var isOfPins: Bool { self == .older || self == .forked || self == .gone }

        /// Whether it is about what is served now, and has no evidence; the next reading raises it again.
        var comesAgain: Bool { self == .policy || self == .closedEarly || self == .memberViewOnly || self == .text }
    }

    /// The kind of difference.
    public let kind: Kind
    /// The log that it is about.
    public let log: LogName
    /// The view in which the difference was seen.
    public let view: View
    /// Size of the checkpoint seen earlier, if there is one. For `.promiseBroken` the promised time, for `.closedEarly`
    /// the closing time.
    public let seen: UInt64
    /// Size of the checkpoint that is served now, if there is one. For `.closedEarly` the device's clock.
    public let served: UInt64
    /// When it was raised, by the device's clock (seconds since 1970).
    public let time: UInt64
    /// Signed notes, or a file, that prove it to others; may be empty.
    public let evidence: [UInt8]

    /// Sizes default to 0, and evidence to none.
    public init(
        _ kind: Kind, _ log: LogName, in view: View, seen: UInt64 = 0, served: UInt64 = 0, at time: UInt64,
        evidence: [UInt8] = []
    ) {
        (self.kind, self.log, self.view) = (kind, log, view)
        (self.seen, self.served, self.time, self.evidence) = (seen, served, time, evidence)
    }

    /// Whether it says the same as another alarm, at whatever time.
    public func repeats(_ other: Alarm) -> Bool {
        kind == other.kind && log == other.log && view == other.view && seen == other.seen
    }
}
