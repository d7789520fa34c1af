import ChildProcesses
import Foundation

/// A command of the user's that runs when something happens. What happened is in its environment, never in its text.
enum EventHook {
    static func run(_ command: String, _ variables: [String: String]) throws {
        let child = try ChildProcess(
            ["/bin/sh", "-c", command], environment: ProcessInfo.processInfo.environment.merging(variables) { $1 })
        child.wait()
    }
}
