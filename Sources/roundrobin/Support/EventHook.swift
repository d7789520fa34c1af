import Foundation

/// A command of the user's that runs when something happens. What happened is in its environment, never in its text.
enum EventHook {
    static func run(_ command: String, _ variables: [String: String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", command]
        process.environment = ProcessInfo.processInfo.environment.merging(variables) { $1 }
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
    }
}
