import CProcess
import Foundation
import Synchronization

/// A program that runs alongside this one.
///
/// Foundation's `Process` puts a child into a process group of its own, so that a terminal stops an editor. And when
/// more than about 1,350 files are open, it reads past the end of a directory's buffer. This class calls posix_spawn(3)
/// itself.
public final class ChildProcess: Sendable {
    /// Where one of the child's three streams leads.
    public enum Stream {
        /// Nowhere: /dev/null.
        case nothing
        /// To the same place as this program's.
        case inherited
        /// To an open file.
        case file(FileHandle)
        /// The caller keeps the other end. This end is closed here once the child has it.
        case pipe(Pipe)
    }

    /// How a child ended.
    public enum End: Equatable, Sendable {
        /// With this exit status.
        case exited(Int32)
        /// By a signal.
        case killed(Int32)
    }

    /// The program could not be started.
    public struct NotStarted: Error, Sendable {
        /// The path or name that was to be started.
        public let program: String
        /// A value of `errno`.
        public let code: Int32
    }

    /// The child's process id.
    public let identifier: pid_t
    private let taken = Mutex<End?>(nil)

    /// Starts a program. It gets the three streams but no other open file, no blocked signal, and every signal with its
    /// default effect.
    /// - Parameters:
    ///   - command: a path, or a name that is looked up in PATH, followed by the arguments.
    ///   - environment: the whole environment; nil for this program's.
    ///   - directory: the working directory; nil for this program's.
    /// - Throws: `NotStarted`.
    public init(
        _ command: [String], environment: [String: String]? = nil, directory: String? = nil,
        input: Stream = .nothing, output: Stream = .inherited, error: Stream = .inherited
    ) throws(NotStarted) {
        guard let program = command.first else { throw NotStarted(program: "", code: ENOENT) }
        func check(_ code: Int32) throws(NotStarted) {
            guard code == 0 else { throw NotStarted(program: program, code: code) }
        }
        #if canImport(Darwin)
            var (actions, attributes): (posix_spawn_file_actions_t?, posix_spawnattr_t?)
        #else
            var (actions, attributes) = (posix_spawn_file_actions_t(), posix_spawnattr_t())
        #endif
        try check(posix_spawn_file_actions_init(&actions))
        defer { posix_spawn_file_actions_destroy(&actions) }
        try check(posix_spawnattr_init(&attributes))
        defer { posix_spawnattr_destroy(&attributes) }
        // Above the three streams, so that none is overwritten before it has been passed on.
        var own: [Int32] = []
        defer { for descriptor in own { close(descriptor) } }
        for (number, stream) in [input, output, error].enumerated() {
            let given: Int32? =
                switch stream {
                case .nothing: nil
                case .inherited: Int32(number)
                case .file(let handle): handle.fileDescriptor
                case .pipe(let pipe):
                    (number == 0 ? pipe.fileHandleForReading : pipe.fileHandleForWriting).fileDescriptor
                }
            guard let given else {
                try check(
                    posix_spawn_file_actions_addopen(
                        &actions, Int32(number), "/dev/null", number == 0 ? O_RDONLY : O_WRONLY, 0))
                continue
            }
            let copy = fcntl(given, F_DUPFD_CLOEXEC, 3)
            guard copy >= 0 else { throw NotStarted(program: program, code: errno) }
            own.append(copy)
            try check(posix_spawn_file_actions_adddup2(&actions, copy, Int32(number)))
        }
        if let directory { try check(roundrobin_spawn_in(&actions, directory)) }
        var (all, none) = (sigset_t(), sigset_t())
        sigfillset(&all)
        sigemptyset(&none)
        for never in [SIGKILL, SIGSTOP] { sigdelset(&all, never) }
        try check(posix_spawnattr_setsigdefault(&attributes, &all))
        try check(posix_spawnattr_setsigmask(&attributes, &none))
        let flags = Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK)
        try check(roundrobin_spawn_closing(&actions, &attributes, flags))

        let variables = environment ?? ProcessInfo.processInfo.environment
        var (arguments, settings) = (command.map { strdup($0) }, variables.map { strdup("\($0)=\($1)") })
        defer { for text in arguments + settings { free(text) } }
        arguments.append(nil)
        settings.append(nil)
        var identifier: pid_t = 0
        try check(posix_spawnp(&identifier, program, &actions, &attributes, arguments, settings))
        self.identifier = identifier
        if case .pipe(let pipe) = input { try? pipe.fileHandleForReading.close() }
        for case .pipe(let pipe) in [output, error] { try? pipe.fileHandleForWriting.close() }
    }

    /// Removes a child that has ended from the system's process table.
    deinit { _ = end }

    /// How the child ended; nil while it runs.
    public var end: End? {
        taken.withLock { taken in
            guard taken == nil else { return taken }
            var status: Int32 = 0
            guard waitpid(identifier, &status, WNOHANG) == identifier else { return nil }
            let signal = status & 0x7f
            taken = signal == 0 ? .exited((status >> 8) & 0xff) : .killed(signal)
            return taken
        }
    }

    /// Whether the child has not ended yet.
    public var isRunning: Bool { end == nil }

    /// Blocks the thread until the child has ended.
    @discardableResult
    public func wait() -> End {
        while true {
            if let end { return end }
            var info = siginfo_t()
            // Leaves the child in the process table, where `end` removes it.
            _ = waitid(P_PID, id_t(identifier), &info, WEXITED | WNOWAIT)
        }
    }

    /// Sends a signal, unless the child has ended: its process id may belong to another process then.
    public func send(_ signal: Int32) {
        taken.withLock { if $0 == nil { kill(identifier, signal) } }
    }

    /// The output of a program that has ended.
    public struct Said: Sendable {
        /// How it ended.
        public let end: End
        /// Its standard output.
        public let output: String
        /// Its standard error.
        public let error: String

        /// The exit status; nil if a signal ended it.
        public var status: Int32? {
            guard case .exited(let status) = end else { return nil }
            return status
        }
    }

    /// Runs a program to its end, and blocks the thread meanwhile.
    /// - Throws: `NotStarted`, or an error if a temporary file cannot be made.
    public static func run(
        _ command: [String], environment: [String: String]? = nil, directory: String? = nil, input: Stream = .nothing
    ) throws -> Said {
        // Files, because reading two pipes one after the other would wait for ever for a program that fills the second.
        let (output, error) = (try scratch(), try scratch())
        let child = try ChildProcess(
            command, environment: environment, directory: directory, input: input, output: .file(output),
            error: .file(error))
        let end = child.wait()
        func text(_ file: FileHandle) throws -> String {
            try file.seek(toOffset: 0)
            return String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
        }
        return Said(end: end, output: try text(output), error: try text(error))
    }

    /// A file without a name.
    private static func scratch() throws -> FileHandle {
        var path = Array((FileManager.default.temporaryDirectory.path + "/roundrobin-XXXXXX").utf8CString)
        let descriptor = mkstemp(&path)
        guard descriptor >= 0 else { throw CocoaError(.fileWriteUnknown) }
        unlink(path)
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }
}
