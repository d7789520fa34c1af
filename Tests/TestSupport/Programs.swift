import ChildProcesses
import Foundation

extension ChildProcess {
    /// Starts a program whose output goes to a file, so that no pipe can fill up.
    /// - Parameter environment: the differences from this program's.
    public convenience init(logging command: [String], environment: [String: String] = [:], to log: String) throws {
        try Data().write(to: URL(filePath: log))
        let file = try FileHandle(forWritingTo: URL(filePath: log))
        try self.init(
            command, environment: ProcessInfo.processInfo.environment.merging(environment) { $1 },
            output: .file(file), error: .file(file))
    }
}

/// Runs a program that ends by itself, without blocking a thread; a program that does not end is killed.
public enum Finished {
    struct DidNotEnd: Error { let command: [String] }

    /// - Parameter output: the file that its output goes to.
    /// - Returns: the exit status, or the negative number of a signal; and the output.
    public static func run(
        _ program: String, _ arguments: [String], output: String
    ) async throws -> (status: Int32, said: String) {
        let command = [program] + arguments
        let process = try ChildProcess(logging: command, to: output)
        for _ in 0..<30_000 {
            guard let end = process.end else {
                try await Task.sleep(for: .milliseconds(10))
                continue
            }
            let said = String(decoding: FileManager.default.contents(atPath: output) ?? Data(), as: UTF8.self)
            return switch end {
            case .exited(let status): (status, said)
            case .killed(let signal): (-signal, said)
            }
        }
        process.send(SIGKILL)
        throw DidNotEnd(command: command)
    }
}
