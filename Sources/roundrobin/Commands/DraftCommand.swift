import ArgumentParser
import Client
import Foundation
import Petitions
import Sodium
import Templates
import TextDiff

struct DraftCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "draft", abstract: "Write demands together; the service sees ciphertext only.",
        subcommands: [New.self, List.self, Show.self, Edit.self, History.self, Diff.self])

    struct Facts: Encodable {
        let id: String
        let revision: UInt32
        let author: String
        let language: String
        let title: String
        let text: String

        init(_ draft: Draft) {
            (id, revision, author) = (draft.id.hex, draft.revision, draft.author.hex)
            (language, title, text) = (draft.language, draft.title, draft.text)
        }
    }

    struct New: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Start a demand from a template or a file.")

        @Option(help: "A template's name, from template list.")
        var template: String?

        @Option(help: "en or zh-Hans.")
        var language = "en"

        @Option(help: "The title, when it is not from a template.")
        var title: String?

        @Option(help: ArgumentHelp("Read the text from this file (- for standard input).", valueName: "file"))
        var file: String?

        @OptionGroup var values: TemplateValues
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        mutating func validate() throws {
            guard (template == nil) != (file == nil) else { throw ValidationError("Give --template or --file.") }
            guard template != nil || title != nil else { throw ValidationError("--file needs a --title.") }
        }

        func run() async throws {
            let (title, text) = try content()
            let draft = try await keystore.withMember {
                try await $0.newDraft(language: language, title: title, text: text)
            }
            if output.json { return try Terminal.json(Facts(draft)) }
            Terminal.line("Draft \(draft.id.hex.prefix(16)): \(draft.title)")
        }

        private func content() throws -> (String, String) {
            if let template {
                let library = try TemplateLibrary(directory: TemplateLibrary.standardDirectory())
                return try library.template(template, language: language).render(values.parsed())
            }
            let path = file ?? "-"
            guard
                let data = path == "-"
                    ? FileHandle.standardInput.readDataToEndOfFile() : FileManager.default.contents(atPath: path),
                let text = String(data: data, encoding: .utf8)
            else { throw ClientError.invalid("notText", ["file": path]) }
            return (title ?? "", text)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the drafts.")
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let (drafts, unreadable) = try await keystore.withMember { (try await $0.drafts(), $0.unreadableObjects) }
            if output.json { return try Terminal.json(["drafts": drafts.map { Facts($0) }]) }
            if unreadable > 0 {
                Terminal.warning(
                    "\(Terminal.count(unreadable, "text")) cannot be read on this device and left out: made under a group key that it "
                        + "lacks (invited before a rotation), or damaged. Ask who wrote it to make it anew.")
            }
            for (i, draft) in drafts.enumerated() {
                Terminal.line(
                    "\(i + 1)  \(draft.id.hex.prefix(16))  r\(draft.revision)  \(Terminal.harmless(draft.title))")
            }
        }
    }

    /// A draft by its number in the list or the first characters of its id.
    static func find(_ name: String, _ member: Member) async throws -> Draft {
        let drafts = try await member.drafts()
        let id = try Naming.object(name, among: drafts.map(\.id), "draft")
        guard let draft = drafts.first(where: { $0.id == id }) else { throw ClientError.noSuch("draft") }
        return draft
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a draft.")
        @Argument(help: "Its number or the first characters of its id.")
        var draft: String
        @Option(help: "An earlier revision.")
        var revision: UInt32?
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let found = try await keystore.withMember { member in
                let newest = try await find(draft, member)
                return try await revision.asyncMap { try await member.draft(newest.id, revision: $0) } ?? newest
            }
            if output.json { return try Terminal.json(Facts(found)) }
            Terminal.line(
                Terminal.bold(Terminal.harmless(found.title)) + Terminal.faint("  (revision \(found.revision))"))
            Terminal.line()
            Terminal.line(Terminal.block(found.text))
        }
    }

    struct Edit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change a draft in $EDITOR, or from a file: the first line is the title, the rest the text.")
        @Argument(help: "Its number or the first characters of its id.")
        var draft: String
        @Option(help: ArgumentHelp("Take the new text from this file instead.", valueName: "file"))
        var file: String?
        @Option(
            help: ArgumentHelp(
                "The revision that the file was made from, when it is not the newest.", valueName: "revision"))
        var base: UInt32?
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let (revised, merged) = try await keystore.withMember { member in
                var current = try await find(draft, member)
                if let base { current = try await member.draft(current.id, revision: base) }
                var (title, text) = try Editor.edit(current.whole, file: file)
                while true {
                    guard title != current.title || text != current.text else { return (current, Draft?.none) }
                    switch try await member.revise(current, title: title, text: text) {
                    case .written(let draft, let merged): return (draft, merged)
                    case .conflict(let theirs, let marked):
                        guard file == nil else { throw ClientError.invalid("conflict") }
                        Terminal.warning(words("draft.conflict", ["revision": "\(theirs.revision)"]))
                        (title, text) = try Editor.settle(marked)
                        current = theirs
                    }
                }
            }
            if output.json { return try Terminal.json(Facts(revised)) }
            if let merged { Terminal.line(words("draft.merged", ["revision": "\(merged.revision)"])) }
            Terminal.line(
                words(
                    "draft.revised",
                    ["revision": "\(revised.revision)", "title": Terminal.harmless(revised.title)]))
        }
    }

    struct History: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show who wrote which revision.")
        @Argument(help: "Its number or the first characters of its id.")
        var draft: String
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await keystore.withMember { member in
                let roster = try await member.roster()
                let history = try await member.history(of: find(draft, member).id)
                if output.json { return try Terminal.json(["revisions": history.map { Facts($0) }]) }
                for entry in history {
                    Terminal.line(
                        "r\(entry.revision)  \(Words.name(roster.person(entry.author)))  \(Terminal.harmless(entry.title))"
                    )
                }
            }
        }
    }

    struct Diff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what changed between two revisions, word by word: [-removed-]{+added+}.")
        @Argument(help: "Its number or the first characters of its id.")
        var draft: String
        @Option(help: "The earlier revision; the one before the newest when not given.")
        var from: UInt32?
        @Option(help: "The later revision; the newest when not given.")
        var to: UInt32?
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        private struct Segment: Encodable {
            let change: String
            let text: String
        }

        func run() async throws {
            let (old, new) = try await keystore.withMember { member in
                let newest = try await find(draft, member)
                let later = to ?? newest.revision
                guard later > 1 || from != nil else { throw ClientError.invalid("oneRevision") }
                return (
                    try await member.draft(newest.id, revision: from ?? later - 1),
                    try await member.draft(newest.id, revision: later)
                )
            }
            let segments = WordDiff(from: old.whole, to: new.whole).segments
            if output.json {
                return try Terminal.json([
                    "segments": segments.map { Segment(change: $0.change.rawValue, text: $0.text) }
                ])
            }
            Terminal.line(Terminal.block(segments.map(Terminal.changed).joined()))
        }
    }
}

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
