import Client
import Foundation
import TransparencyLog

/// A tlog-policy file on the disk.
package enum PolicyFile {
    /// - Throws: `ClientError` that names the line.
    package static func read(_ path: String) throws -> (policy: WitnessPolicy, bytes: [UInt8]) {
        // Whichever editor wrote it, the same lines are kept; what else is wrong with a character the policy's own rules say.
        let raw = try OutsideFile.bytes(path)
        let bytes = (try? OutsideText.read(raw)).map { Array($0.utf8) } ?? raw
        do { return (try WitnessPolicy(parsing: bytes), bytes) } catch {
            throw ClientError.invalid(.policy, ["line": "\(error.line)", "what": say(error.what)])
        }
    }

    private static func say(_ what: WitnessPolicy.ParsingError.What) -> String {
        switch what {
        case .tooLong: words("policyFault.tooLong")
        case .character: words("policyFault.character")
        case .line: words("policyFault.line")
        case .key: words("policyFault.key")
        case .keyRepeats: words("policyFault.keyRepeats")
        case .name: words("policyFault.name")
        case .nameRepeats: words("policyFault.nameRepeats")
        case .noSuchName: words("policyFault.noSuchName")
        case .memberRepeats: words("policyFault.memberRepeats")
        case .threshold: words("policyFault.threshold")
        case .quorumRepeats: words("policyFault.quorumRepeats")
        case .noQuorum: words("policyFault.noQuorum")
        case .address: words("policyFault.address")
        }
    }

    /// What each witness has signed, a line each.
    package static func show(_ verdict: WitnessPolicy.Verdict) {
        for (label, time) in verdict.times {
            Terminal.line(
                words("policy.signed", ["witness": Terminal.harmless(label), "time": Self.say(time)]))
        }
        for label in verdict.missing {
            Terminal.line(words("policy.missing", ["witness": Terminal.harmless(label)]))
        }
    }

    /// UTC, to the minute: a witness's clock is no better known than that.
    package static func say(_ time: UInt64) -> String {
        Date(timeIntervalSince1970: Double(min(time, 253_402_300_799))).formatted(
            .iso8601.year().month().day().dateTimeSeparator(.space).time(includingFractionalSeconds: false)) + " UTC"
    }
}
