import Foundation
import ServiceAPI
import Synchronization

/// What an operator sees of how a service does, as Prometheus reads it. Counters are shown in whole hundreds and sizes in whole
/// megabytes: who keeps the figures, second by second, must not read from them when a single request came. Nothing is counted by
/// workplace, petition, route or address.
final class Metrics: Sendable {
    private struct State {
        /// By the first digit of the status.
        var answers: [Int: Int] = [:]
        /// Each is listed from the start: one that appeared would tell when it came.
        var refusals = Dictionary(uniqueKeysWithValues: ProblemCode.allCases.map { ($0, 0) })
        var commitFailures = 0
        /// How many commits took up to each of `bounds` seconds, and longer.
        var commits = [Int](repeating: 0, count: bounds.count + 1)
    }

    private static let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    private static let step = 100
    private let state = Mutex(State())
    private let started = Date()

    func answered(_ status: Int) { state.withLock { $0.answers[status / 100, default: 0] += 1 } }

    func refused(_ code: ProblemCode) { state.withLock { $0.refusals[code, default: 0] += 1 } }

    func commitFailed() { state.withLock { $0.commitFailures += 1 } }

    func committed(in duration: Duration) {
        let seconds = duration / .seconds(1)
        let place = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
        state.withLock { $0.commits[place] += 1 }
    }

    /// Levels at the moment of asking.
    struct Levels {
        var waiting = 0
        var workplaces = 0
        /// Logs in memory that cannot be read.
        var unreadable = 0
        var isReady = true
        /// Bytes that the memory budget has given.
        var reserved = 0
        var files: [(name: String, bytes: Int)] = []
    }

    private static func coarse(_ count: Int) -> Int { count / step * step }

    /// The text exposition format, version 0.0.4.
    func text(_ levels: Levels) -> String {
        let state = state.withLock { $0 }
        var text = ""
        func metric(_ name: String, _ type: String, _ help: String, _ values: [(labels: String, value: String)]) {
            text += "# HELP roundrobin_\(name) \(help)\n# TYPE roundrobin_\(name) \(type)\n"
            for (labels, value) in values { text += "roundrobin_\(name)\(labels) \(value)\n" }
        }
        metric(
            "answers_total", "counter", "Answers by the class of their status, in whole hundreds.",
            (2...5).map { ("{class=\"\($0)xx\"}", "\(Self.coarse(state.answers[$0] ?? 0))") })
        metric(
            "refusals_total", "counter", "Refusals by their problem's type, in whole hundreds.",
            ProblemCode.allCases.map { code in
                ("{problem=\"\(code.rawValue)\"}", "\(Self.coarse(state.refusals[code] ?? 0))")
            })
        metric(
            "commit_failures_total", "counter", "Batches that the disk refused.", [("", "\(state.commitFailures)")])
        var sum = 0
        var buckets: [(String, String)] = []
        for (i, count) in state.commits.enumerated() {
            sum += count
            let bound = i < Self.bounds.count ? "\(Self.bounds[i])" : "+Inf"
            buckets.append(("_bucket{le=\"\(bound)\"}", "\(Self.coarse(sum))"))
        }
        text +=
            "# HELP roundrobin_commit_seconds How long batches took to the disk, in whole hundreds.\n"
            + "# TYPE roundrobin_commit_seconds histogram\n"
        for (labels, value) in buckets { text += "roundrobin_commit_seconds\(labels) \(value)\n" }
        text += "roundrobin_commit_seconds_count \(Self.coarse(sum))\n"
        metric(
            "waiting_statements", "gauge", "Statements that wait to be admitted, in whole hundreds.",
            [("", "\(Self.coarse(levels.waiting))")])
        metric(
            "workplaces_in_memory", "gauge", "Workplaces whose logs are in memory, in whole hundreds.",
            [("", "\(Self.coarse(levels.workplaces))")])
        metric(
            "unreadable_logs", "gauge", "Logs that were asked for and whose leaves are damaged.",
            [("", "\(levels.unreadable)")])
        metric(
            "reserved_megabytes", "gauge", "Memory that requests and responses have taken.",
            [("", "\(levels.reserved >> 20)")])
        metric("ready", "gauge", "Whether /readyz says so.", [("", levels.isReady ? "1" : "0")])
        metric(
            "file_megabytes", "gauge", "Sizes of the database's files.",
            levels.files.map { ("{file=\"\($0.name)\"}", "\($0.bytes >> 20)") })
        metric(
            "start_time_seconds", "gauge", "When the service started, in Unix seconds.",
            [("", "\(Int(started.timeIntervalSince1970))")])
        return text
    }
}
