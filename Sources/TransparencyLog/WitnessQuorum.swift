// docs/protocol.md, section 4, "Witnesses"; C2SP tlog-cosignature

import Sodium

/// Witnesses, at least `threshold` of which must have signed a checkpoint. A workplace's log names them, for all
/// readers alike.
public struct WitnessQuorum: Sendable, Hashable {
    /// 0 exactly if no witness is named.
    public let threshold: UInt8
    /// Each name and each key occurs once.
    public let witnesses: [WitnessVerifier]

    /// Requires no signature.
    public static let empty = WitnessQuorum(threshold: 0, witnesses: [])

    /// Checks nothing; the log's rules do.
    public init(threshold: UInt8, witnesses: [WitnessVerifier]) {
        (self.threshold, self.witnesses) = (threshold, witnesses)
    }

    /// The result of judging a checkpoint's signature lines.
    public struct Verdict: Sendable, Equatable {
        /// The newest time of each witness that has signed, in the order of the naming. Seconds since 1970.
        public let times: [(name: String, time: UInt64)]
        /// Names of the witnesses that have not signed.
        public let missing: [String]
        /// Names with a line that does not verify under the named key. Such a checkpoint is faulty, whoever else
        /// signed.
        public let failing: [String]
        /// How many witnesses must have signed.
        public let threshold: Int

        /// Whether enough have signed, and no line is false.
        public var isSatisfied: Bool { failing.isEmpty && times.count >= threshold }

        /// The latest time that at least `threshold` witnesses have reached; they had been shown the checkpoint by
        /// then. Nil if too few have signed, or none is required.
        public var time: UInt64? {
            guard threshold > 0, times.count >= threshold else { return nil }
            return times.map { $0.time }.sorted(by: >)[threshold - 1]
        }

        /// Equal if all parts are.
        public static func == (a: Verdict, b: Verdict) -> Bool {
            a.missing == b.missing && a.failing == b.failing && a.threshold == b.threshold
                && a.times.elementsEqual(b.times) { $0 == $1 }
        }
    }

    /// Judges the lines of a checkpoint. The log's own signature has already been verified.
    public func judge(_ verified: VerifiedCheckpoint) -> Verdict {
        judge(verified.note.signatures, on: verified.note.text)
    }

    /// The same for lines that are not in the note yet.
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
