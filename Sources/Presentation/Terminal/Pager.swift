import ChildProcesses
import Foundation
import Synchronization

/// Long answers a screen at a time: in $PAGER, else in `less`, as git shows its own.
package enum Pager {
    private struct Held {
        var lines: [String] = []
        /// Notes and warnings, which come behind: whoever leaves the pager early sees them all the same.
        var notes: [String] = []
    }

    private static let held = Mutex<Held?>(nil)
    private static let off = Mutex(false)

    /// A sitting goes on below what it shows: while one lasts, nothing is held.
    package static func turn(off: Bool) { Self.off.withLock { $0 = off } }

    /// Keeps a line for the pager. False when nothing is held, so that it is printed.
    package static func hold(_ line: String) -> Bool {
        held.withLock {
            $0?.lines.append(line)
            return $0 != nil
        }
    }

    /// The same for what goes to standard error.
    package static func holdNote(_ text: String) -> Bool {
        held.withLock {
            $0?.notes.append(text)
            return $0 != nil
        }
    }

    /// Shows what is held before something is asked: a question is about what stands above it.
    package static func show() {
        let shown = held.withLock { held -> Held? in
            guard let shown = held else { return nil }
            held = Held()
            return shown
        }
        guard let shown else { return }
        for line in shown.lines { print(line) }
        for note in shown.notes { Terminal.write(note) }
    }

    fileprivate static func begin() -> Bool {
        guard isatty(STDOUT_FILENO) == 1, !off.withLock({ $0 }) else { return false }
        return held.withLock { held in
            guard held == nil else { return false }
            held = Held()
            return true
        }
    }

    fileprivate static func end() throws {
        let taken = held.withLock { held -> Held in
            defer { held = nil }
            return held ?? Held()
        }
        defer { for note in taken.notes { Terminal.write(note) } }
        let width = Columns.width
        let rows = taken.lines.reduce(0) { $0 + max(1, (Columns.cells($1) + width - 1) / width) }
        let text = taken.lines.map { $0 + "\n" }.joined()
        // The prompt of the shell takes a row too.
        guard rows >= Columns.height, let command, try run(command, text) else {
            print(text, terminator: "")
            fflush(nil)
            return
        }
    }

    /// What is run; nil for none.
    private static var command: String? {
        let environment = ProcessInfo.processInfo.environment
        if let chosen = environment["PAGER"] {
            return chosen.trimmingCharacters(in: .whitespaces).isEmpty || chosen == "cat" ? nil : chosen
        }
        return environment["TERM"] == "dumb" ? nil : Programs.find("less")
    }

    /// How to go on and how to leave, for the last option of LESS: a prompt ends with a dollar sign there.
    private static var lessPrompt: String {
        // Less garbles other letters there; the whole sentence stands above the text then.
        let hint = words("pager.prompt")
        let prompt = isASCII(hint) ? hint : "Space / q"
        // Signs that mean something in a prompt of less.
        let escaped = prompt.reduce(into: "") { text, character in
            if "?:.%\\".contains(character) { text.append("\\") }
            text.append(character)
        }
        // The short, the medium and the long prompt, whichever a person's own options choose.
        return ["-Ps", "-Pm", "-PM"].map { $0 + escaped + "$" }.joined(separator: " ")
    }

    private static func isASCII(_ text: String) -> Bool { text.utf8.allSatisfy { $0 < 0x80 } }

    /// - Returns: whether it could be started.
    private static func run(_ command: String, _ text: String) throws -> Bool {
        var environment = ProcessInfo.processInfo.environment
        // Colours as they are; nothing where it fits on the screen; what was shown stays. And no file of what was searched for.
        for (name, value) in ["LESS": "FRX", "LESSCHARSET": "utf-8", "LESSHISTFILE": "-"] where environment[name] == nil
        {
            environment[name] = value
        }
        // Nothing that is typed there writes a file or runs a program, whatever a person's own settings allow.
        environment["LESSSECURE"] = "1"
        environment["LESS"] = (environment["LESS"] ?? "") + " " + lessPrompt
        let hint = words("pager.prompt")
        let isLess = command.split(separator: " ").first.map { $0 == "less" || $0.hasSuffix("/less") } ?? false
        let text = isLess && !isASCII(hint) ? Terminal.faint(hint) + "\n" + text : text
        let pipe = Pipe()
        do {
            let end = try ForegroundProgram.run(
                ["/bin/sh", "-c", command], environment: environment, input: .pipe(pipe)
            ) {
                defer { try? pipe.fileHandleForWriting.close() }
                try pipe.fileHandleForWriting.write(contentsOf: Data(text.utf8))
            }
            // The shell's word for a program that is not there, or cannot be run.
            return ![.exited(126), .exited(127)].contains(end)
        } catch is ChildProcess.NotStarted { return false }
    }
}

extension Terminal {
    /// Runs what prints a long answer, and shows it in a pager if it is longer than the screen. Where the output is no terminal, it is
    /// printed as it comes.
    package static func paged<R>(_ body: () async throws -> R) async throws -> R {
        guard Pager.begin() else { return try await body() }
        let result: R
        do { result = try await body() } catch {
            try Pager.end()
            throw error
        }
        try Pager.end()
        return result
    }

    /// The same for what waits for nothing.
    package static func paged<R>(_ body: () throws -> R) throws -> R {
        guard Pager.begin() else { return try body() }
        let result: R
        do { result = try body() } catch {
            try Pager.end()
            throw error
        }
        try Pager.end()
        return result
    }
}

/// Programs by name.
package enum Programs {
    /// The path of a program that can be run; nil when PATH leads to none.
    package static func find(_ name: String) -> String? {
        (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":").lazy
            .map { "\($0)/\(name)" }
            .first { access($0, X_OK) == 0 && !isDirectory($0) }
    }

    private static func isDirectory(_ path: String) -> Bool {
        var information = stat()
        return stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
    }
}
