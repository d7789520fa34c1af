import Presentation
import ChildProcesses
import Client
import Foundation
import Sodium
import TextDiff

/// The user's editor, in the foreground of the terminal, on a file that only this user can read, in a directory that goes with it.
enum Editor {
    /// - Parameter whole: the first line is the title, the rest the text.
    static func edit(_ whole: String) throws -> (title: String, text: String) { try split(run(on: whole)) }

    /// Shows a text with conflict markers until none is left in it.
    /// - Parameter revision: whose side is below the middle.
    static func settle(_ marked: String, with revision: UInt32) async throws -> (title: String, text: String) {
        let settled = try run(on: named(marked, revision))
        return try await keeping(settled) {
            guard !LineMerge.hasMarkers(settled) else { throw ClientError.invalid(.markers) }
            return try split(settled)
        }
    }

    /// The markers with whose side each is.
    static func named(_ marked: String, _ revision: UInt32) -> String {
        marked.replacingOccurrences(of: "<<<<<<< <\n", with: "<<<<<<< \(words("editor.yours"))\n").replacingOccurrences(
            of: ">>>>>>> >\n", with: ">>>>>>> \(words("editor.theirs", ["revision": "\(revision)"]))\n")
    }

    /// A text that somebody writes from nothing.
    static func write(file: String?) throws -> String {
        try file.map { try OutsideFile.text($0) } ?? run(on: "")
    }

    /// Runs what uses a text that somebody wrote. When it fails the text is kept where it was written, and said where.
    /// - Parameter text: nil when it is in a file of theirs anyway.
    static func keeping<R>(_ text: String?, _ body: () async throws -> R) async throws -> R {
        do { return try await body() } catch {
            keep(text)
            throw error
        }
    }

    /// Keeps a text that was written and is not used, and says where.
    static func keep(_ text: String?) {
        if let text, !text.allSatisfy(\.isWhitespace) { keep(Data(text.utf8)) }
    }

    /// - Returns: where it is kept; nil if it could not be written.
    @discardableResult
    private static func keep(_ bytes: Data) -> String? {
        let path = place().appending(path: "roundrobin-unsaved-" + Hex.encode(Random.bytes(4)) + ".md").path
        guard (try? SecureFiles.write(Array(bytes), to: path)) != nil else { return nil }
        Terminal.note(words("editor.kept", ["file": path]))
        return path
    }

    /// A conflict where there is no editor: both sides go into a file beside theirs, to be settled there.
    static func leave(_ marked: String, beside file: String, _ revision: UInt32) throws -> ClientError {
        let path = file + ".conflict"
        try SecureFiles.write(Array(named(marked, revision).utf8), to: path)
        return .invalid(.conflict, ["file": path, "revision": "\(revision)"])
    }

    /// In memory where the system offers it, so that the plaintext never reaches the disk: $XDG_RUNTIME_DIR, if it is what the
    /// specification says, a directory of this user's that nobody else can enter. Else $TMPDIR, else /tmp.
    static func place(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> URL {
        if let runtime = environment["XDG_RUNTIME_DIR"], runtime.hasPrefix("/"), isOurs(runtime) {
            return URL(filePath: runtime)
        }
        if let temporary = environment["TMPDIR"], temporary.hasPrefix("/"), access(temporary, W_OK | X_OK) == 0 {
            return URL(filePath: temporary)
        }
        return URL(filePath: "/tmp")
    }

    private static func isOurs(_ directory: String) -> Bool {
        var information = stat()
        return lstat(directory, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
            && information.st_mode & 0o777 == 0o700 && information.st_uid == geteuid()
    }

    /// A form that somebody fills in.
    static func fill(_ form: String) throws -> String { try run(on: form) }

    /// $VISUAL or $EDITOR, which may have arguments; else what the system calls its editor, or one that is on nearly every system.
    /// - Throws: `ClientError.invalid(.noEditor)` when there is none, or no terminal for one that nobody has named.
    static func command(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws -> String {
        for name in ["VISUAL", "EDITOR"] {
            if let editor = environment[name], !editor.trimmingCharacters(in: .whitespaces).isEmpty { return editor }
        }
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1, environment["TERM"] != "dumb",
            let found = ["editor", "nano", "vi"].lazy.compactMap(Programs.find).first
        else { throw ClientError.invalid(.noEditor) }
        return ShellQuoting.word(found)
    }

    /// Editors whose copies elsewhere can be switched off: swap and backup files, the text of undone changes, and what
    /// registers and searches keep.
    private enum Known {
        case vim, nano, emacs

        /// - Parameter program: the file that is run, links followed: `vi` is one of several editors.
        init?(_ program: String) {
            switch program {
            case "nvim": self = .vim
            case let name where name == "vim" || name.hasPrefix("vim.") || name.hasPrefix("vim-"): self = .vim
            case "nano": self = .nano
            case let name where name == "emacs" || name.hasPrefix("emacs-"): self = .emacs
            default: return nil
            }
        }

        /// Behind the person's own arguments, and effective after what their configuration says.
        func arguments(_ directory: String) -> [String] {
            switch self {
            case .vim: ["-n", "-i", "NONE", "-c", "silent! set noswapfile noundofile nobackup nowritebackup"]
            // Where a configuration asks for backups, they go with the directory.
            case .nano: ["--backupdir=" + directory]
            case .emacs:
                ["--eval", "(setq make-backup-files nil auto-save-default nil auto-save-list-file-prefix nil)"]
            }
        }
    }

    /// A command with what keeps the text in one place.
    /// - Returns: nil for an editor that is not known, or that a shell has to find.
    static func discreet(_ command: String, in directory: String) -> String? {
        guard let program = command.split(separator: " ").first.map(String.init),
            let path = program.contains("/") ? program : Programs.find(program),
            let known = Known(URL(filePath: path).resolvingSymlinksInPath().lastPathComponent)
        else { return nil }
        return command + " " + ShellQuoting.command(known.arguments(directory))
    }

    private static func run(on text: String) throws -> String {
        let editor = try command()
        let directory = place().appending(path: "roundrobin-" + Hex.encode(Random.bytes(8)))
        // 0700 whatever the umask adds: it can only take away.
        guard mkdir(directory.path, 0o700) == 0 else { throw ClientError.disk(directory.path) }
        // Whatever the editor leaves beside the file goes too. A signal that ends this program comes through here as an error.
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appending(path: "draft.md")
        guard
            FileManager.default.createFile(
                atPath: path.path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        else { throw ClientError.disk(path.path) }
        Pager.show()
        let discreet = discreet(editor, in: directory.path)
        if discreet == nil { Terminal.note(words("editor.place", ["file": path.path])) }
        let end: ChildProcess.End
        do {
            end = try ForegroundProgram.run(["/bin/sh", "-c", (discreet ?? editor) + " \"$0\"", path.path])
        } catch is ChildProcess.NotStarted { throw ClientError.invalid(.editorFailed) }
        let bytes = FileManager.default.contents(atPath: path.path)
        // What somebody wrote before their editor failed, or what is no text, is not lost.
        guard end == .exited(0), let bytes else {
            if let bytes, bytes != Data(text.utf8) { keep(bytes) }
            throw ClientError.invalid(.editorFailed)
        }
        do { return try OutsideText.read(Array(bytes)) } catch {
            throw error.error(in: keep(bytes) ?? path.lastPathComponent)
        }
    }

    private static func split(_ content: String) throws -> (title: String, text: String) {
        let (title, text) = Draft.parts(content)
        guard !title.isEmpty else { throw ClientError.invalid(.noTitle) }
        return (title, text)
    }
}
