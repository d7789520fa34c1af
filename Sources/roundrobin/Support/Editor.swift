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
            else { throw ClientError.invalid("notText", ["file": file]) }
            return try split(content)
        }
        return try split(run(on: whole))
    }

    /// Shows a text with conflict markers until none is left in it.
    static func settle(_ marked: String) throws -> (title: String, text: String) {
        let settled = try run(on: marked)
        guard !LineMerge.hasMarkers(settled) else { throw ClientError.invalid("markers") }
        return try split(settled)
    }

    /// A text that somebody writes from nothing.
    static func write(file: String?) throws -> String {
        guard let file else { return try run(on: "") }
        guard let data = FileManager.default.contents(atPath: file), let content = String(data: data, encoding: .utf8)
        else { throw ClientError.invalid("notText", ["file": file]) }
        return content
    }

    /// A form that somebody fills in.
    static func fill(_ form: String) throws -> String { try run(on: form) }

    private static func run(on text: String) throws -> String {
        let environment = ProcessInfo.processInfo.environment
        guard let editor = environment["VISUAL"] ?? environment["EDITOR"], !editor.isEmpty else {
            throw ClientError.invalid("noEditor")
        }
        // In memory where the system offers it, so that the plaintext never reaches the disk.
        let place = environment["XDG_RUNTIME_DIR"].map { URL(filePath: $0) } ?? FileManager.default.temporaryDirectory
        let directory = place.appending(path: "roundrobin-" + Hex.encode(Random.bytes(8)))
        try FileManager.default.createDirectory(
            at: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appending(path: "draft.md")
        guard
            FileManager.default.createFile(
                atPath: path.path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        else { throw ClientError.disk(path.path) }
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", editor + " \"$0\"", path.path]
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0, let data = FileManager.default.contents(atPath: path.path),
            let content = String(data: data, encoding: .utf8)
        else { throw ClientError.invalid("editorFailed") }
        return content
    }

    private static func split(_ content: String) throws -> (title: String, text: String) {
        let (title, text) = Draft.parts(content)
        guard !title.isEmpty else { throw ClientError.invalid("noTitle") }
        return (title, text)
    }
}
