import ChildProcesses
import Client
import Foundation
import Sodium
import TextDiff

/// $EDITOR on a file that only this user can read, in a directory that goes with it.
enum Editor {
    /// - Parameter whole: the first line is the title, the rest the text.
    static func edit(_ whole: String, file: String?) throws -> (title: String, text: String) {
        if let file {
            guard let data = FileManager.default.contents(atPath: file),
                let content = String(data: data, encoding: .utf8)
            else { throw ClientError.invalid(.notText, ["file": file]) }
            return try split(content)
        }
        return try split(run(on: whole))
    }

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
        guard let file else { return try run(on: "") }
        guard let data = FileManager.default.contents(atPath: file), let content = String(data: data, encoding: .utf8)
        else { throw ClientError.invalid(.notText, ["file": file]) }
        return content
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
        guard let text else { return }
        let path = place().appending(path: "roundrobin-unsaved-" + Hex.encode(Random.bytes(4)) + ".md").path
        if (try? SecureFiles.write(Array(text.utf8), to: path)) != nil {
            Terminal.note(words("editor.kept", ["file": path]))
        }
    }

    /// A conflict where there is no editor: both sides go into a file beside theirs, to be settled there.
    static func leave(_ marked: String, beside file: String, _ revision: UInt32) throws -> ClientError {
        let path = file + ".conflict"
        try SecureFiles.write(Array(named(marked, revision).utf8), to: path)
        return .invalid(.conflict, ["file": path, "revision": "\(revision)"])
    }

    /// In memory where the system offers it, so that the plaintext never reaches the disk.
    private static func place() -> URL {
        ProcessInfo.processInfo.environment["XDG_RUNTIME_DIR"].map { URL(filePath: $0) }
            ?? FileManager.default.temporaryDirectory
    }

    /// A form that somebody fills in.
    static func fill(_ form: String) throws -> String { try run(on: form) }

    private static func run(on text: String) throws -> String {
        let environment = ProcessInfo.processInfo.environment
        guard let editor = environment["VISUAL"] ?? environment["EDITOR"], !editor.isEmpty else {
            throw ClientError.invalid(.noEditor)
        }
        let directory = place().appending(path: "roundrobin-" + Hex.encode(Random.bytes(8)))
        try FileManager.default.createDirectory(
            at: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appending(path: "draft.md")
        guard
            FileManager.default.createFile(
                atPath: path.path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        else { throw ClientError.disk(path.path) }
        let child = try ChildProcess(["/bin/sh", "-c", editor + " \"$0\"", path.path], input: .inherited)
        guard child.wait() == .exited(0), let data = FileManager.default.contents(atPath: path.path),
            let content = String(data: data, encoding: .utf8)
        else { throw ClientError.invalid(.editorFailed) }
        return content
    }

    private static func split(_ content: String) throws -> (title: String, text: String) {
        let (title, text) = Draft.parts(content)
        guard !title.isEmpty else { throw ClientError.invalid(.noTitle) }
        return (title, text)
    }
}
