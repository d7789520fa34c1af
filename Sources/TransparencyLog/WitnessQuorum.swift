// docs/protocol.md, section 4, "Witnesses"; C2SP tlog-cosignature

import Sodium

/// Witnesses of whom at least `threshold` must have signed a checkpoint. A workplace's log names them for all readers alike.
public struct WitnessQuorum: Sendable, Hashable {
    /// 0 exactly where no witness is named.
    public let threshold: UInt8
    /// Names and keys once each.
    public let witnesses: [WitnessVerifier]

    /// Nothing is asked for.
    public static let empty = WitnessQuorum(threshold: 0, witnesses: [])

    public init(threshold: UInt8, witnesses: [WitnessVerifier]) {
        (self.threshold, self.witnesses) = (threshold, witnesses)
    }

    /// What the lines of a checkpoint come to.
    public struct Verdict: Sendable, Equatable {
        /// The newest time of each witness who signed, in the order of the naming. Unix seconds.
        public let times: [(name: String, time: UInt64)]
        /// Names of those who have not signed.
        public let missing: [String]
        /// Names whose line under the named key does not verify: such a checkpoint is at fault, whoever else signed.
        public let failing: [String]
        public let threshold: Int

        public var isSatisfied: Bool { failing.isEmpty && times.count >= threshold }

        /// The latest time that `threshold` witnesses have reached: the checkpoint was shown to them by then. Nil where too few
        /// signed, or none is asked.
        public var time: UInt64? {
            guard threshold > 0, times.count >= threshold else { return nil }
            return times.map { $0.time }.sorted(by: >)[threshold - 1]
        }

        public static func == (a: Verdict, b: Verdict) -> Bool {
            a.missing == b.missing && a.failing == b.failing && a.threshold == b.threshold
                && a.times.elementsEqual(b.times) { $0 == $1 }
        }
    }

    /// Judges the lines of a checkpoint whose log's own signature has been checked.
    public func judge(_ verified: VerifiedCheckpoint) -> Verdict {
        judge(verified.note.signatures, on: verified.note.text)
    }

    /// The same for lines that do not stand in the note yet.
    public func judge(_ signatures: [SignedNote.Signature], on text: String) -> Verdict {
        var times: [(name: String, time: UInt64)] = []
        var missing: [String] = []
        var failing: [String] = []
        for witness in witnesses {
            do throws(LogError) {
                if let time = try witness.signatureTime(in: signatures, on: text) {
                    times.append((witness.name, time))
                } else {
                    missing.append(witness.name)
                }
            } catch { failing.append(witness.name) }
        }
        return Verdict(times: times, missing: missing, failing: failing, threshold: Int(threshold))
    }
}
