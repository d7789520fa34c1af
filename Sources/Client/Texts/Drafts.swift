// docs/objects.md, kinds 1 and 6

import Foundation
import Petitions
import ServiceAPI
import Sodium
import TextDiff

/// A demand in the making.
public struct Draft: Sendable, Equatable {
    public let id: ID<Object>
    public let revision: UInt32
    /// Digest("object") of this revision: what an adoption, a plan or a comment names it by.
    public let digest: Bytes32
    /// The sign key of who wrote this revision.
    public let author: Bytes32
    public let language: String
    public let title: String
    public let text: String
    /// Unix seconds, as the first author's device had them; orders lists and decides nothing.
    public let created: UInt64
    /// Whether its author has left, and this device had not seen it before: nothing is adopted on their authority.
    public let isByFormer: Bool
    /// Who wrote a newer revision that cannot be believed; nil where this is the newest.
    public let overwrittenBy: Bytes32?
}

extension Draft {
    /// As a draft is edited, compared and merged: the title, an empty line, the text.
    public var whole: String { Self.whole(title, text) }

    static func whole(_ title: String, _ text: String) -> String { title + "\n\n" + text }

    /// The title and the text of a whole, whichever program wrote it: its line ends and marks are tidied.
    public static func parts(_ whole: String) -> (title: String, text: String) {
        let lines = TextLines.of(OutsideText.tidied(whole))
        return (
            lines[0].trimmingCharacters(in: .whitespaces),
            lines.dropFirst().joined(separator: "\n").trimmingCharacters(in: .newlines)
        )
    }

    /// The title and the text of a file in which the first line is the title.
    /// - Throws: `ClientError.invalid(.noTitle)`, `.titleThenText` where the second line is not empty or no text follows: the
    ///   first line may then be no title at all.
    public static func titled(_ whole: String) throws -> (title: String, text: String) {
        let parts = parts(whole)
        guard !parts.title.isEmpty else { throw ClientError.invalid(.noTitle) }
        let lines = TextLines.of(OutsideText.tidied(whole))
        guard !parts.text.isBlank, lines[1].isBlank else { throw ClientError.invalid(.titleThenText) }
        return parts
    }

    /// That members can be asked about it: a title in one line, a text, and no character that lets it read as another text.
    /// - Throws: `ClientError.invalid(.demandTitle)`, `.demandText`, `.hidden` with the line of the whole.
    public func checkReadable() throws { try Self.checkReadable(title: title, text: text) }

    static func checkReadable(title: String, text: String) throws {
        guard !title.isBlank, !title.contains(where: \.isNewline) else { throw ClientError.invalid(.demandTitle) }
        guard !text.isBlank else { throw ClientError.invalid(.demandText, ["title": title]) }
        if let hidden = ReadableText.firstHidden(in: whole(title, text)) {
            throw ClientError.invalid(.hidden, ["line": "\(hidden.line)", "code": ReadableText.code(hidden.scalar)])
        }
    }
}

extension String {
    /// Whether it has nothing to read in it.
    var isBlank: Bool { allSatisfy { $0.isWhitespace } }
}

/// What became of a new text for a draft.
public enum Revision: Sendable {
    /// It is the newest revision now. Somebody else's, written meanwhile, is merged into it.
    case written(Draft, mergedWith: Draft?)
    /// Somebody else changed the same lines meanwhile, and nothing was written. The text has both sides between conflict
    /// markers (`<` ours, `>` theirs); what a person makes of it is a new text for `theirs`.
    case conflict(with: Draft, marked: String)
}

/// What an object of kind 1 holds.
struct DraftText: Codable {
    /// Lines of a text: more than anybody reads, and few enough to compare.
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

/// What an object of kind 6 holds.
struct AdoptionText: Codable {
    var draft: ID<Object>
    /// The adopted revision and its digest; both absent undo an adoption.
    var revision: UInt32?
    var digest: Bytes32?
}

extension Session {
    public func newDraft(language: String, title: String, text: String) async throws -> Draft {
        let (title, text) = try (Self.clean(title, "title"), Self.clean(text, "text"))
        guard !title.contains(where: \.isNewline) else { throw ClientError.invalid(.demandTitle) }
        let draft = try await write(
            DraftText(language: language, title: title, text: text, created: device.clock()), id: ID(Random.bytes32()),
            after: nil)
        try noteShown(draft)
        return draft
    }

    /// A text of ours, as every text from outside comes in.
    static func clean(_ text: String, _ source: String) throws -> String {
        do { return try OutsideText.read(text) } catch { throw error.error(in: source) }
    }

    /// Writes the next revision of a draft. What somebody else wrote since is merged in, line by line; nothing is overwritten.
    /// - Parameter draft: the revision that the new text was made from.
    public func revise(_ draft: Draft, title: String, text: String) async throws -> Revision {
        var (base, ours) = (draft, try Draft.whole(Self.clean(title, "title"), Self.clean(text, "text")))
        guard !LineMerge.hasMarkers(ours) else { throw ClientError.invalid(.markers) }
        var merged: Draft?
        var refusal: (over: UInt32, error: ClientError)?
        while true {
            let (newest, theirs) = try await newestDraft(draft.id)
            if let refusal, refusal.over == theirs.revision { throw refusal.error }
            if theirs.revision != base.revision {
                let merge = LineMerge(base: base.whole, ours: ours, theirs: theirs.whole)
                guard let text = merge.text else {
                    return .conflict(with: theirs, marked: merge.marked(ours: "<", theirs: ">"))
                }
                (base, ours, merged) = (theirs, text, theirs)
            }
            // Somebody else wrote the very same.
            if ours == theirs.whole { return .written(theirs, mergedWith: merged) }
            let (title, text) = Draft.parts(ours)
            let content = DraftText(language: theirs.language, title: title, text: text, created: theirs.created)
            do {
                let written = try await write(content, id: draft.id, after: newest)
                // Whoever wrote it has seen it, unless lines of others were merged in.
                if merged == nil { try noteShown(written) }
                return .written(written, mergedWith: merged)
            } catch let error as ClientError {
                guard error.isRefusal(.conflict) else { throw error }
                // Another revision came between reading and writing: merge with that one too. Each round takes one in, or
                // ends.
                refusal = (theirs.revision, error)
            }
        }
    }

    /// The newest revision, to write after, and the newest that says something.
    private func newestDraft(_ id: ID<Object>) async throws -> (StoredObject, Draft) {
        let text = try await text(.init(.draft, id)) { self.draftText($0) != nil }
        guard let draft = draft(text) else { throw ClientError.noSuch(.draft) }
        guard text.overwrittenBy != nil else { return (text.object, draft) }
        // Something that says nothing stands over it: the next revision follows that one.
        guard let pin = device.state.objects[text.object.name] else { return (text.object, draft) }
        return (try await object(text.object.name, pin.revision), draft)
    }

    private func write(_ content: DraftText, id: ID<Object>, after previous: StoredObject?) async throws -> Draft {
        guard content.isWithinBounds else { throw ClientError.invalid(.textTooLong) }
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

    /// Every draft at its newest revision, oldest first.
    public func drafts() async throws -> [Draft] {
        try await texts(of: .draft) { self.draftText($0) != nil }.compactMap { draft($0) }
            .sorted { ($0.created, $0.id.hex) < ($1.created, $1.id.hex) }
    }

    /// A draft at a revision, the newest when none is named.
    /// - Parameter digest: by which another text names the revision.
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

    /// Every revision of a draft that can be read, oldest first, each held against the one before.
    public func history(of id: ID<Object>) async throws -> [Draft] {
        let newest = try await draft(id)
        var history: [Draft] = []
        for revision in 1..<max(newest.revision, 1) {
            if let draft = try? await draft(id, revision: revision) { history.append(draft) }
        }
        return history + [newest]
    }

    /// Notes that a person has been shown a draft: only what was shown is adopted without naming it.
    public func noteShown(_ draft: Draft) throws {
        device.state.shown[draft.id] = draft.revision
        try device.save()
    }

    // MARK: Adoption

    /// As an organiser: marks a revision as ready to be demanded.
    /// - Parameter revision: nil for the newest, if it is the one that was shown last; 0 takes an adoption back.
    /// - Throws: `ClientError.invalid(.adoptNewer)` when somebody has written since; what `Draft.checkReadable` throws for a
    ///   text that nobody can be asked about.
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

    /// The adopted revision of each draft that has one, by its digest. Only organisers adopt.
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
