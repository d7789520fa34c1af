import ChildProcesses
import Foundation

extension ChildProcess {
    /// Starts a program that says everything into a file, so that no pipe can fill up.
    /// - Parameter environment: what differs from this program's.
    public convenience init(logging command: [String], environment: [String: String] = [:], to log: String) throws {
        try Data().write(to: URL(filePath: log))
        let file = try FileHandle(forWritingTo: URL(filePath: log))
        try self.init(
            command, environment: ProcessInfo.processInfo.environment.merging(environment) { $1 },
            output: .file(file), error: .file(file))
    }
}

/// A program that ends by itself, waited for without a thread; one that does not is killed.
public enum Finished {
    struct DidNotEnd: Error { let command: [String] }

    /// - Parameter output: the file that takes what it says.
    /// - Returns: the exit status, or a signal's number with a minus; and what it said.
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
