import Presentation
import ArgumentParser
import Client
import Foundation
import Petitions
import Sodium
import Templates
import TextDiff

struct DraftCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "draft", abstract: words("help.draft"),
        subcommands: [
            New.self, List.self, Show.self, Edit.self, History.self, Diff.self, CommentOn.self, Comments.self,
            Reply.self, Resolve.self, Adopt.self,
        ])

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
        static let configuration = CommandConfiguration(abstract: words("help.draftNew"))

        @Option(help: help("templateName"))
        var template: String?

        @Option(help: help("pageLanguage"))
        var language = Words.language.rawValue

        @Option(help: help("draftTitle"))
        var title: String?

        @Option(help: help("draftFile", "file"))
        var file: String?

        @OptionGroup var values: TemplateValues
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        mutating func validate() throws {
            let isFromElsewhere = template != nil || file != nil
            guard isFromElsewhere || title != nil || Terminal.canAsk, template == nil || file == nil else {
                throw ValidationError(words("usage.templateOrFile"))
            }
            guard template == nil || title == nil else { throw ValidationError(words("usage.titleOfTemplate")) }
        }

        func run() async throws {
            let (title, text) = try content()
            let typed = template == nil && file == nil ? title + "\n\n" + text : nil
            let draft = try await Editor.keeping(typed) {
                try await keystore.withSession {
                    try await $0.newDraft(language: language, title: title, text: text)
                }
            }
            DraftCommand.warnOfMark(draft)
            if output.json { return try Terminal.json(Facts(draft)) }
            Terminal.line(
                words(
                    "draft.made",
                    ["id": String(draft.id.hex.prefix(16)), "title": Terminal.harmless(draft.title)]))
        }

        private func content() throws -> (String, String) {
            if let template {
                let library = try TemplateLibrary(directory: TemplateLibrary.standardDirectory())
                return try library.template(template, language: language).render(values.parsed())
            }
            if let file { return try DraftCommand.parts(of: file, title: title) }
            let title = try title ?? Terminal.ask(words("sitting.askTitle")) ?? ""
            guard !title.isEmpty else { throw ClientError.invalid(.demandTitle) }
            return (title, try Editor.write(file: nil).trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }

    /// Tells of a line that was perhaps meant to part the wording from a translation: nobody would notice it before people have signed.
    static func warnOfMark(_ draft: Draft) {
        // The text comes below the title and an empty line, as draft show --numbered counts.
        if let warning = doubtfulMark(in: draft.text, below: 2) { Terminal.warning(warning) }
    }

    /// - Parameter lines: those that stand before the text.
    static func doubtfulMark(in text: String, below lines: Int = 0) -> String? {
        guard let line = BilingualText.doubtfulMark(in: text) else { return nil }
        let mark = BilingualText.mark(Words.language.other.rawValue)
        return words("draft.doubtfulMark", ["line": "\(line + lines)", "mark": mark])
    }

    /// The title and the text in a file. Its first line is the title, with an empty line below, unless the title is given: then
    /// the file is the text, and a title that it begins with is not repeated. `draft new` and `draft edit` read files alike.
    static func parts(of file: String, title: String?) throws -> (title: String, text: String) {
        let whole = try OutsideFile.text(file)
        guard let title else { return try Draft.titled(whole) }
        let name = title.trimmingCharacters(in: .whitespaces)
        guard !name.isEmpty, !name.contains(where: \.isNewline) else { throw ClientError.invalid(.demandTitle) }
        if let parts = try? Draft.titled(whole), parts.title == name { return parts }
        return (name, whole.trimmingCharacters(in: .newlines))
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.draftList"))
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        private struct Entry: Encodable {
            let draft: Facts
            let adopted: UInt32?
            let open_comments: Int
        }

        func run() async throws {
            let (drafts, unreadable, adopted, comments) = try await keystore.withSession { session in
                let drafts = try await session.drafts()
                let unreadable = session.unreadableTexts
                return (drafts, unreadable, try await session.adoptions(), try await session.comments())
            }
            let open = Dictionary(grouping: comments.filter { $0.replyTo == nil && $0.resolvedBy == nil }, by: \.topic)
            let entries = drafts.map { draft in
                Entry(
                    draft: Facts(draft), adopted: adopted[draft.id]?.revision,
                    open_comments: open[.draft(draft.id)]?.count ?? 0)
            }
            if output.json { return try Terminal.json(["drafts": entries]) }
            if unreadable > 0 { Terminal.warning(words("draft.unreadable", count: unreadable)) }
            for (i, entry) in entries.enumerated() {
                var line = "\(i + 1)  \(entry.draft.id.prefix(16))  r\(entry.draft.revision)  "
                line += Terminal.harmless(entry.draft.title)
                if let adopted = entry.adopted {
                    line += "  " + Terminal.green(words("draft.adoptedMark", ["revision": "\(adopted)"]))
                }
                if entry.open_comments > 0 {
                    line += "  " + Terminal.faint(words("draft.openComments", count: entry.open_comments))
                }
                Terminal.line(line)
            }
        }
    }

    /// Which draft a command is about: by its number in the list, the first characters of its id or words of its title;
    /// or not named, where only one fits.
    struct DraftArgument: ParsableArguments {
        @Argument(help: help("draftID"))
        var draft: String?

        func find(_ session: Session, fits: (Draft) -> Bool = { _ in true }) async throws -> Draft {
            try choose(draft, among: try await session.drafts(), fits: fits)
        }
    }

    static func choose(
        _ name: String?, among drafts: [Draft], fits: (Draft) -> Bool = { _ in true }
    ) throws -> Draft {
        try Naming.choose(
            name, among: drafts.map { Nameable(ids: [$0.id.hex], title: $0.title, value: $0) }, .draft, fits: fits)
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.draftShow"))
        @OptionGroup var draft: DraftArgument
        @Option(help: help("earlierRevision"))
        var revision: UInt32?
        @Flag(help: help("numbered"))
        var numbered = false
        @Flag(help: help("draftRaw"))
        var raw = false
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws { try await Terminal.paged { try await show() } }

        private func show() async throws {
            let (found, author) = try await keystore.withSession { session in
                let newest = try await draft.find(session)
                let found = try await revision.asyncMap { try await session.draft(newest.id, revision: $0) } ?? newest
                if revision == nil { try session.noteShown(found) }
                return (found, Words.name(try await session.people().person(found.author)))
            }
            if raw { return Terminal.raw(found.whole) }
            if output.json { return try Terminal.json(Facts(found)) }
            if numbered {
                for (i, line) in TextLines.of(found.whole).enumerated() {
                    let number = String(repeating: " ", count: max(0, 4 - "\(i + 1)".count)) + "\(i + 1)"
                    Terminal.line(Terminal.faint(number) + "  " + Terminal.harmless(line))
                }
                return
            }
            Terminal.line(
                Terminal.bold(Terminal.harmless(found.title))
                    + Terminal.faint(
                        words("draft.head", ["revision": "\(found.revision)", "person": author])))
            if found.isByFormer { Terminal.warning(words("draft.byFormer")) }
            if found.overwrittenBy != nil { Terminal.warning(words("draft.overwritten")) }
            DraftCommand.warnOfMark(found)
            Terminal.line()
            Terminal.line(BilingualText.block(found.text))
        }
    }

    struct Edit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.draftEdit"))
        @OptionGroup var draft: DraftArgument
        @Option(help: help("draftEditFile", "file"))
        var file: String?
        @Option(help: help("draftEditTitle"))
        var title: String?
        @Option(
            help: help("draftBase", "revision"))
        var base: UInt32?
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        mutating func validate() throws {
            guard title == nil || file != nil else { throw ValidationError(words("usage.titleWithFile")) }
        }

        /// Shows whose changes would be signed along with this person's, before they are.
        private static func agree(_ merge: Merge, _ people: People) throws {
            let names = Words.list(merge.authors.map { Words.name(people.person($0)) })
            Terminal.note(words("draft.merges", ["people": names]))
            Terminal.note(Terminal.block(WordDiff(from: merge.own, to: merge.merged).segments))
            guard try Terminal.confirms(words("draft.mergesAsk")) else { throw ExitCode(2) }
        }

        func run() async throws {
            // Read before the passphrase is asked for.
            let given = try file.map { try DraftCommand.parts(of: $0, title: title) }
            let (revised, merged, isNew) = try await keystore.withSession { session in
                var current = try await draft.find(session)
                if let base { current = try await session.draft(current.id, revision: base) }
                let before = current.title
                var (title, text) = try given ?? Editor.edit(current.whole)
                while true {
                    guard title != current.title || text != current.text else { return (current, Draft?.none, false) }
                    if title != before, file != nil {
                        let titles = ["old": Terminal.harmless(before), "new": Terminal.harmless(title)]
                        Terminal.note(words("draft.retitled", titles))
                    }
                    let (from, whole) = (current, title + "\n\n" + text)
                    let revision = try await Editor.keeping(file == nil ? whole : nil) {
                        try await session.revise(from, title: title, text: text) {
                            try Self.agree($0, try await session.people())
                        }
                    }
                    switch revision {
                    case .written(let draft, let merged): return (draft, merged, true)
                    case .conflict(let theirs, let marked):
                        if let file { throw try Editor.leave(marked, beside: file, theirs.revision) }
                        Terminal.warning(words("draft.conflict", ["revision": "\(theirs.revision)"]))
                        (title, text) = try await Editor.settle(marked, with: theirs.revision)
                        current = theirs
                    }
                }
            }
            DraftCommand.warnOfMark(revised)
            guard isNew else { return Terminal.line(words("draft.unchanged", ["revision": "\(revised.revision)"])) }
            if output.json { return try Terminal.json(Facts(revised)) }
            if let merged { Terminal.line(words("draft.merged", ["revision": "\(merged.revision)"])) }
            Terminal.line(
                words(
                    "draft.revised",
                    ["revision": "\(revised.revision)", "title": Terminal.harmless(revised.title)]))
        }
    }

    struct History: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.history"))
        @OptionGroup var draft: DraftArgument
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await keystore.withSession { session in
                let people = try await session.people()
                let id = try await draft.find(session).id
                let history = try await session.history(of: id)
                let adopted = try await session.adoptions()[id]?.revision
                if output.json { return try Terminal.json(["revisions": history.map { Facts($0) }]) }
                for entry in history {
                    let mark = entry.revision == adopted ? "  " + words("draft.adoptedHere") : ""
                    Terminal.line(
                        "r\(entry.revision)  \(Words.name(people.person(entry.author)))  "
                            + Terminal.harmless(entry.title) + Terminal.green(mark))
                }
            }
        }
    }

    struct Diff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.diff"))
        @OptionGroup var draft: DraftArgument
        @Option(help: help("diffFrom"))
        var from: UInt32?
        @Option(help: help("diffTo"))
        var to: UInt32?
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        private struct Segment: Encodable {
            let change: String
            let text: String
        }

        func run() async throws {
            let (old, new) = try await keystore.withSession { session in
                let newest = try await draft.find(session) { $0.revision > 1 }
                let later = to ?? newest.revision
                guard later > 1 || from != nil else { throw ClientError.invalid(.oneRevision) }
                return (
                    try await session.draft(newest.id, revision: from ?? later - 1),
                    try await session.draft(newest.id, revision: later)
                )
            }
            let segments = WordDiff(from: old.whole, to: new.whole).segments
            if output.json {
                return try Terminal.json([
                    "segments": segments.map { Segment(change: $0.change.rawValue, text: $0.text) }
                ])
            }
            Terminal.line(Terminal.block(segments))
        }
    }
}
