import ArgumentParser
import Foundation
import Petitions

struct Stages: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Time each stage of verifying a bundle: where the time of `roundrobin verify` goes.")

    @Argument(help: "A bundle.")
    var file: String

    func run() throws {
        func stage<R>(_ name: String, _ body: () throws -> R) rethrows -> R {
            let (start, cpu) = (ContinuousClock.now, Usage.now)
            let result = try body()
            let used = Usage.now
            print(
                "\(name.padding(toLength: 24, withPad: " ", startingAt: 0)) \((ContinuousClock.now - start).milliseconds) ms, "
                    + "user \((used.user - cpu.user).milliseconds) ms, system \((used.system - cpu.system).milliseconds) ms"
            )
            return result
        }
        let bytes = stage("read") { FileManager.default.contents(atPath: file).map { [UInt8]($0) } ?? [] }
        let bundle = try stage("parse") { try PetitionBundle(parsing: bytes) }
        let workplace = try stage("roster") { try WorkplaceLog.audit(bundle.workplace.leaves) }
        let petition = try stage("co-signatures") { try PetitionLog.audit(bundle.petition.leaves, in: workplace.log) }
        let tally = stage("ballots") { petition.log.tally(in: workplace.log) }
        guard workplace.faults.isEmpty, petition.faults.isEmpty, tally.spoiled == 0 else { throw ExitCode(1) }
        print("peak memory              \(Usage.now.peak >> 20) MiB")
    }
}

/// What this process has used so far.
struct Usage {
    let user: Duration
    let system: Duration
    /// Bytes.
    let peak: Int

    static var now: Usage {
        var usage = rusage()
        #if canImport(Darwin)
            getrusage(RUSAGE_SELF, &usage)
            let unit = 1
        #else
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            let unit = 1024
        #endif
        func duration(_ time: timeval) -> Duration { .seconds(Int(time.tv_sec)) + .microseconds(Int(time.tv_usec)) }
        return Usage(
            user: duration(usage.ru_utime), system: duration(usage.ru_stime), peak: Int(usage.ru_maxrss) * unit)
    }
}

extension Duration {
    var nanoseconds: Double { Double(components.seconds) * 1e9 + Double(components.attoseconds) / 1e9 }
    var milliseconds: Int { Int(nanoseconds / 1e6) }
}
