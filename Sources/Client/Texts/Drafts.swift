// docs/objects.md, kinds 1 and 6

import Foundation
import Petitions
import ServiceAPI
import Sodium
import TextDiff

/// The text of a future demand.
public struct Draft: Sendable, Equatable {
    /// The draft's object id.
    public let id: ID<Object>
    /// The revision, from 1.
    public let revision: UInt32
    /// Digest("object") of this revision, by which an adoption, a plan or a comment refers to it.
    public let digest: Bytes32
    /// The sign key of this revision's author.
    public let author: Bytes32
    /// The language tag.
    public let language: String
    /// The title, in one line.
    public let title: String
    /// The wording.
    public let text: String
    /// When it was begun, by the first author's clock in seconds since 1970; orders lists and decides nothing.
    public let created: UInt64
    /// Whether its author has left, and this device had not seen it before that: nothing is adopted on their authority.
    public let isByFormer: Bool
    /// The author of a newer revision that cannot be believed; nil if this is the newest.
    public let overwrittenBy: Bytes32?
}

extension Draft {
    /// The draft as it is edited, compared and merged: the title, an empty line, the text.
    public var whole: String { Self.whole(title, text) }

    static func whole(_ title: String, _ text: String) -> String { title + "\n\n" + text }

    /// Splits such a whole, from whichever program, into title and text; tidies line ends and byte order marks.
    public static func parts(_ whole: String) -> (title: String, text: String) {
        let lines = TextLines.of(OutsideText.tidied(whole))
        return (
            lines[0].trimmingCharacters(in: .whitespaces),
            lines.dropFirst().joined(separator: "\n").trimmingCharacters(in: .newlines)
        )
    }

    /// Splits a file whose first line is the title.
    /// - Throws: `ClientError.invalid(.noTitle)`; `.titleThenText` if the second line is not empty or no text follows,
    ///   because the first line may not be a title then.
    public static func titled(_ whole: String) throws -> (title: String, text: String) {
        let parts = parts(whole)
        guard !parts.title.isEmpty else { throw ClientError.invalid(.noTitle) }
        let lines = TextLines.of(OutsideText.tidied(whole))
        guard !parts.text.isBlank, lines[1].isBlank else { throw ClientError.invalid(.titleThenText) }
        return parts
    }

    /// Checks that it can be put to members: it has a title in one line, a text, and no character that lets it read as
    /// another text.
    /// - Throws: `ClientError.invalid(.demandTitle)`, `.demandText`, `.hidden` with the line of the whole.
    public func checkReadable() throws { try Self.checkReadable(title: title, text: text) }

    /// That there is a title in one line, and a text: nobody can discuss or sign a demand that says nothing.
    static func checkPresent(title: String, text: String) throws {
        guard !title.isBlank, !title.contains(where: \.isNewline) else { throw ClientError.invalid(.demandTitle) }
        guard !text.isBlank else { throw ClientError.invalid(.demandText, ["title": title]) }
    }

    static func checkReadable(title: String, text: String) throws {
        try checkPresent(title: title, text: text)
        if let hidden = ReadableText.firstHidden(in: whole(title, text)) {
            throw ClientError.invalid(.hidden, ["line": "\(hidden.line)", "code": ReadableText.code(hidden.scalar)])
        }
    }
}

extension String {
    /// Whether it contains nothing to read.
    var isBlank: Bool { allSatisfy { $0.isWhitespace } }
}

/// A new text for a draft with what others have written meanwhile. Whoever signs it signs their lines too.
public struct Merge: Sendable {
    /// The newest of the others' revisions.
    public let newest: Draft
    /// Who wrote these revisions besides this member, each once, in their order.
    public let authors: [Bytes32]
    /// The text as it was written, title first.
    public let own: String
    /// The text with the others' changes.
    public let merged: String
}

/// The result of writing a new text for a draft.
public enum Revision: Sendable {
    /// It is now the newest revision. What somebody else wrote meanwhile is merged into it.
    case written(Draft, mergedWith: Draft?)
    /// Somebody else changed the same lines meanwhile, and nothing was written. The text has both sides between
    /// conflict markers (`<` ours, `>` theirs); a person resolves it into a new text based on `theirs`.
    case conflict(with: Draft, marked: String)
}

/// The content of an object of kind 1.
struct DraftText: Codable {
    /// The greatest number of lines of a text: more than anybody reads, and few enough to compare.
    static let mostLines = 5_000
    static let mostBytes = 256 << 10

    var language: String
    var title: String
    var text: String
    var created: UInt64

    var isWithinBounds: Bool {
        let whole = Draft.whole(title, text)
        return whole.utf8.count <= Self.mostBytes && TextLines.count(whole) <= Self.mostLines
    }
}

/// The content of an object of kind 6.
struct AdoptionText: Codable {
    var draft: ID<Object>
    /// The adopted revision and its digest; if both are absent, an adoption is undone.
    var revision: UInt32?
    var digest: Bytes32?
}

extension Session {
    /// Writes the first revision of a new draft.
    public func newDraft(language: String, title: String, text: String) async throws -> Draft {
        let (title, text) = try (Self.clean(title, "title"), Self.clean(text, "text"))
        let draft = try await write(
            DraftText(language: language, title: title, text: text, created: device.clock()), id: ID(Random.bytes32()),
            after: nil)
        try noteShown(draft)
        return draft
    }

    /// Cleans a text of ours in the same way as every text from outside.
    static func clean(_ text: String, _ source: String) throws -> String {
        do { return try OutsideText.read(text) } catch { throw error.error(in: source) }
    }

    /// Writes the next revision of a draft. What somebody else has written since is merged in, line by line; nothing is
    /// overwritten.
    /// - Parameters:
    ///   - draft: the revision on which the new text is based.
    ///   - agree: shows the person what would be merged in, before it is written under their name. An error that it
    ///     throws ends this, and nothing is written.
    public func revise(
        _ draft: Draft, title: String, text: String, agree: (Merge) async throws -> Void
    ) async throws -> Revision {
        var (base, ours) = (draft, try Draft.whole(Self.clean(title, "title"), Self.clean(text, "text")))
        guard !LineMerge.hasMarkers(ours) else { throw ClientError.invalid(.markers) }
        let own = ours
        var merged: Draft?
        var authors: [Bytes32] = []
        var refusal: (over: UInt32, error: ClientError)?
        while true {
            let (newest, theirs) = try await newestDraft(draft.id)
            if let refusal, refusal.over == theirs.revision { throw refusal.error }
            let isMerged = theirs.revision != base.revision
            if isMerged {
                let merge = LineMerge(base: base.whole, ours: ours, theirs: theirs.whole)
                guard let text = merge.text else {
                    return .conflict(with: theirs, marked: merge.marked(ours: "<", theirs: ">"))
                }
                for author in try await self.authors(from: base, to: theirs, newest: newest)
                where author != signKey && !authors.contains(author) { authors.append(author) }
                (base, ours, merged) = (theirs, text, theirs)
            }
            // Somebody else has written exactly the same.
            if ours == theirs.whole { return .written(theirs, mergedWith: merged) }
            if isMerged, !authors.isEmpty {
                try await agree(Merge(newest: theirs, authors: authors, own: own, merged: ours))
            }
            let (title, text) = Draft.parts(ours)
            let content = DraftText(language: theirs.language, title: title, text: text, created: theirs.created)
            do {
                let written = try await write(content, id: draft.id, after: newest)
                try noteShown(written)
                return .written(written, mergedWith: merged)
            } catch let error as ClientError {
                guard error.isRefusal(.conflict) else { throw error }
                // Another revision arrived between reading and writing, so merge with that one too. Each round takes in
                // one revision, or ends.
                refusal = (theirs.revision, error)
            }
        }
    }

    /// The newest revision, to be followed by the next, and the newest that can be read as a draft.
    private func newestDraft(_ id: ID<Object>) async throws -> (StoredObject, Draft) {
        let text = try await text(.init(.draft, id)) { self.draftText($0) != nil }
        guard let draft = draft(text) else { throw ClientError.noSuch(.draft) }
        guard text.overwrittenBy != nil else { return (text.object, draft) }
        // An unreadable revision follows it: the next revision must follow that one.
        guard let pin = device.state.objects[text.object.name] else { return (text.object, draft) }
        return (try await object(text.object.name, pin.revision), draft)
    }

    /// Who wrote the revisions behind one up to another, each once, in their order.
    /// - Parameter newest: a revision that is not before either; the chain is followed from it.
    private func authors(from base: Draft, to theirs: Draft, newest: StoredObject) async throws -> [Bytes32] {
        var (authors, current) = ([Bytes32](), newest)
        while true {
            if current.revision <= theirs.revision, !authors.contains(current.author) { authors.append(current.author) }
            guard current.revision > base.revision + 1 else { return authors.reversed() }
            let parent = try await object(current.name, current.revision - 1)
            guard (try? current.follows(parent)) != nil else { throw ClientError.objectForged }
            current = parent
        }
    }

    private func write(_ content: DraftText, id: ID<Object>, after previous: StoredObject?) async throws -> Draft {
        guard content.isWithinBounds else { throw ClientError.invalid(.textTooLong) }
        try Draft.checkPresent(title: content.title, text: content.text)
        let object = try await put(try json(content), .init(.draft, id), after: previous)
        return Draft(
            id: id, revision: object.revision, digest: object.digest, author: signKey, language: content.language,
            title: content.title, text: content.text, created: content.created, isByFormer: false, overwrittenBy: nil)
    }

    private func draftText(_ plaintext: [UInt8]) -> DraftText? {
        read(DraftText.self, plaintext).flatMap { $0.isWithinBounds ? $0 : nil }
    }

    private func draft(_ text: Text) -> Draft? {
        draftText(text.plaintext).map {
            Draft(
                id: text.object.id, revision: text.object.revision, digest: text.object.digest,
                author: text.object.author, language: $0.language, title: $0.title, text: $0.text, created: $0.created,
                isByFormer: text.isByFormer, overwrittenBy: text.overwrittenBy)
        }
    }

    /// The newest revision of every draft, oldest draft first.
    public func drafts() async throws -> [Draft] {
        try await texts(of: .draft) { self.draftText($0) != nil }.compactMap { draft($0) }
            .sorted { ($0.created, $0.id.hex) < ($1.created, $1.id.hex) }
    }

    /// A draft at a revision; at the newest if none is given.
    /// - Parameter digest: the digest by which another text refers to the revision.
    public func draft(_ id: ID<Object>, revision: UInt32? = nil, digest: Bytes32? = nil) async throws -> Draft {
        let text: Text
        if let revision {
            text = try await self.text(.init(.draft, id), revision: revision, digest: digest)
        } else {
            text = try await self.text(.init(.draft, id)) { self.draftText($0) != nil }
            try device.save()
        }
        guard let draft = draft(text) else { throw ClientError.noSuch(.draft) }
        return draft
    }

    /// Every readable revision of a draft, oldest first, each checked against the one before.
    public func history(of id: ID<Object>) async throws -> [Draft] {
        let newest = try await draft(id)
        var history: [Draft] = []
        for revision in 1..<max(newest.revision, 1) {
            if let draft = try? await draft(id, revision: revision) { history.append(draft) }
        }
        return history + [newest]
    }

    /// Notes that a person has been shown a draft: only a draft that was shown can be adopted without naming its
    /// revision.
    public func noteShown(_ draft: Draft) throws {
        device.state.shown[draft.id] = draft.revision
        try device.save()
    }

    // MARK: Adoption

    /// As an organiser: marks a revision as ready to become a demand.
    /// - Parameter revision: nil for the newest, if it is the one that was shown last; 0 undoes an adoption.
    /// - Throws: `ClientError.invalid(.adoptNewer)` if somebody has written since; the errors of `Draft.checkReadable`
    ///   if the text cannot be put to members.
    public func adopt(_ id: ID<Object>, revision: UInt32?) async throws {
        try requireOrganiser()
        var content = AdoptionText(draft: id)
        if revision != 0 {
            let draft = try await draft(id, revision: revision)
            if revision == nil, device.state.shown[id] != draft.revision {
                throw ClientError.invalid(.adoptNewer, ["revision": "\(draft.revision)"])
            }
            guard !draft.isByFormer else { throw ClientError.objectForged }
            try draft.checkReadable()
            (content.revision, content.digest) = (draft.revision, draft.digest)
        }
        let name = StoredObject.Name(.adoption, .adoption(of: id))
        let previous: StoredObject?
        do { previous = try await newestObject(name) } catch ClientError.noSuch { previous = nil }
        try await put(try json(content), name, after: previous)
    }

    /// The adopted revision of each adopted draft, with its digest. Only organisers can adopt.
    public func adoptions() async throws -> [ID<Object>: (revision: UInt32, digest: Bytes32)] {
        var adopted: [ID<Object>: (revision: UInt32, digest: Bytes32)] = [:]
        for text in try await texts(of: .adoption, accepts: { self.read(AdoptionText.self, $0) != nil }) {
            guard !text.isByFormer, let content = read(AdoptionText.self, text.plaintext),
                text.object.id == .adoption(of: content.draft), let revision = content.revision,
                let digest = content.digest
            else { continue }
            adopted[content.draft] = (revision, digest)
        }
        return adopted
    }
}
