import Presentation
import ArgumentParser
import Client
import Foundation
import Petitions
import Sodium

extension DraftCommand {
    /// A comment's text: from the arguments, a file, or the editor.
    struct CommentText: ParsableArguments {
        @Option(name: .shortAndLong, help: help("commentText"))
        var text: String?
        @Option(help: help("commentFile", "file"))
        var file: String?

        func read() throws -> String {
            let content = try text ?? file.map { try OutsideFile.text($0) } ?? Editor.write(file: nil)
            return content.trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    struct CommentOn: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "comment", abstract: words("help.comment"))
        @OptionGroup var draft: DraftArgument
        @Option(help: help("commentLine"))
        var line: Int?
        @OptionGroup var content: CommentText
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let id = try await keystore.withSession { session in
                let draft = try await draft.find(session)
                return try await session.comment(on: draft, line: line, content.read())
            }
            if output.json { return try Terminal.json(["comment": id.hex]) }
            Terminal.line(words("comment.made", ["id": String(id.hex.prefix(8))]))
        }
    }

    struct Comments: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.comments"))
        @OptionGroup var draft: DraftArgument
        @Flag(help: help("commentsAll"))
        var all = false
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await keystore.withSession { session in
                let known = try await session.comments()
                let draft = try await draft.find(session) { draft in known.contains { $0.topic == .draft(draft.id) } }
                let comments = known.filter { $0.topic == .draft(draft.id) }
                if output.json { return try Terminal.json(["comments": comments.map { CommentView.Facts($0) }]) }
                let people = try await session.people()
                let settled = Set(comments.filter { $0.resolvedBy != nil }.map(\.id))
                for comment in comments where all || !settled.contains(comment.replyTo ?? comment.id) {
                    var place = ""
                    if let line = comment.line, comment.replyTo == nil {
                        let now = await session.place(of: comment, in: draft)
                        place =
                            now.map { words("comment.line", ["line": "\($0)"]) }
                            ?? words("comment.lineGone", ["line": "\(line)", "revision": "\(comment.revision ?? 0)"])
                    }
                    CommentView.show(comment, place: place, people: people)
                }
            }
        }
    }

    /// Which comment a command is about: by the first characters of its id, or words of its text; or not named, where only
    /// one fits.
    struct CommentArgument: ParsableArguments {
        @Argument(help: help("commentID"))
        var comment: String?

        /// - Parameter settled: whether only settled threads are offered.
        func find(_ session: Session, settled: Bool = false) async throws -> Comment {
            let comments = try await session.comments()
            func nameable(_ comment: Comment) -> Nameable<Comment> {
                let words = comment.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
                return Nameable(
                    ids: [comment.id.hex], title: words.count > 60 ? words.prefix(59) + "…" : words, value: comment)
            }
            return try Naming.choose(comment, among: comments.map(nameable), .comment) {
                $0.replyTo == nil && ($0.resolvedBy != nil) == settled
            }
        }
    }

    struct Reply: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.reply"))
        @OptionGroup var comment: CommentArgument
        @OptionGroup var content: CommentText
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let id = try await keystore.withSession { session in
                try await session.reply(to: try await comment.find(session), content.read())
            }
            if output.json { return try Terminal.json(["comment": id.hex]) }
            Terminal.line(words("comment.made", ["id": String(id.hex.prefix(8))]))
        }
    }

    struct Resolve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.resolve"))
        @OptionGroup var comment: CommentArgument
        @Flag(help: help("reopen"))
        var reopen = false
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withSession { session in
                try await session.resolve(try await comment.find(session, settled: reopen), isOpen: reopen)
            }
            Terminal.line(reopen ? words("comment.reopened") : words("comment.settled"))
        }
    }

    struct Adopt: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.adopt"))
        @OptionGroup var draft: DraftArgument
        @Option(help: help("adoptRevision"))
        var revision: UInt32?
        @Flag(help: help("adoptUndo"))
        var undo = false
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            let (found, chosen) = try await keystore.withSession { session in
                let adopted = try await session.adoptions()
                let found = try await draft.find(session) {
                    undo ? adopted[$0.id] != nil : adopted[$0.id]?.revision != $0.revision
                }
                try await session.adopt(found.id, revision: undo ? 0 : revision)
                return (found, revision ?? found.revision)
            }
            if !undo, chosen == found.revision { DraftCommand.warnOfMark(found) }
            let values = ["title": Terminal.harmless(found.title), "revision": "\(chosen)"]
            Terminal.line(undo ? words("draft.unadopted", values) : words("draft.adopted", values))
        }
    }
}
