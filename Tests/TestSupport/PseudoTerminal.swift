import ChildProcesses
import Foundation
import Synchronization

/// A terminal of the system, with a program in its foreground and a test in the person's place.
public final class PseudoTerminal: Sendable {
    private static let nameOfOther = 0x8004_5430
    private static let lock = 0x4004_5431

    struct Failed: Error { let what: String }

    private let master: FileHandle
    private let shown = Mutex<[UInt8]>([])
    public let program: ChildProcess

    /// Starts a program in a new session, whose terminal this is.
    /// - Parameter environment: the differences from this program's.
    public init(
        _ command: [String], environment: [String: String] = [:], columns: Int = 80, rows: Int = 24,
        directory: String? = nil
    ) throws {
        // As posix_openpt(3), unlockpt(3) and ptsname(3) do, which are missing from Swift's view of glibc.
        let descriptor = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var (locked, number): (CInt, CUnsignedInt) = (0, 0)
        guard descriptor >= 0, ioctl(descriptor, UInt(Self.lock), &locked) == 0,
            ioctl(descriptor, UInt(Self.nameOfOther), &number) == 0
        else { throw Failed(what: "no terminal: \(errno)") }
        master = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var size = winsize(ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(descriptor, UInt(TIOCSWINSZ), &size)
        let other = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard other >= 0 else { throw Failed(what: "no other end: \(errno)") }
        let stream = ChildProcess.Stream.file(FileHandle(fileDescriptor: other, closeOnDealloc: true))
        let surroundings = ProcessInfo.processInfo.environment.merging(["TERM": "xterm", "LC_ALL": "C.UTF-8"]) { $1 }
        // `setsid --ctty` makes its standard input the controlling terminal of a new session, and then executes the
        // program.
        program = try ChildProcess(
            ["setsid", "--ctty"] + command, environment: surroundings.merging(environment) { $1 }, directory: directory,
            input: stream, output: stream, error: stream)
    }

    deinit { program.send(SIGKILL) }

    /// Everything that has been shown so far.
    public var screen: String {
        read()
        return shown.withLock { String(decoding: $0, as: UTF8.self) }
    }

    /// The screen without colours and cursor movements.
    public var text: String { screen.replacing("\r\n", with: "\n").replacing(/\u{1b}\[[0-9;?]*[A-Za-z]|\r/, with: "") }

    private func read() {
        shown.withLock { shown in
            var wanted = pollfd(fd: master.fileDescriptor, events: Int16(POLLIN), revents: 0)
            while poll(&wanted, 1, 0) > 0, wanted.revents & Int16(POLLIN) != 0 {
                var bytes = [UInt8](repeating: 0, count: 65_536)
                let count = Foundation.read(master.fileDescriptor, &bytes, bytes.count)
                guard count > 0 else { return }
                shown += bytes.prefix(count)
            }
        }
    }

    /// Waits until the condition holds. The limit is long, because the machine may be busy.
    /// - Throws: what was shown, if the condition does not hold within ten minutes.
    public func wait(_ what: String, until condition: () -> Bool) throws {
        for _ in 0..<30_000 {
            read()
            if condition() { return }
            usleep(20_000)
        }
        throw Failed(what: "\(what), shown: \(screen)")
    }

    /// Waits until a text has been shown `count` times.
    public func see(_ text: String, count: Int = 1) throws {
        try wait("waited for \(text)") { self.text.components(separatedBy: text).count > count }
    }

    /// Types a text; use a carriage return where a person presses Enter.
    public func type(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Foundation.write(master.fileDescriptor, bytes, bytes.count)
    }

    /// Waits until the program has ended.
    public func end() throws -> ChildProcess.End {
        try wait("waited for the end") { program.end != nil }
        read()
        return program.end ?? .exited(-1)
    }

    /// Whether typed characters are shown.
    public var isEchoing: Bool {
        var state = termios()
        return tcgetattr(master.fileDescriptor, &state) == 0 && state.c_lflag & tcflag_t(ECHO) != 0
    }
}
