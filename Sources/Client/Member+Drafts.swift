import Foundation
import Petitions
import Sodium
import TextDiff

/// A demand in the making.
public struct Draft: Sendable, Equatable {
    public let id: ID<Object>
    public let revision: UInt32
    /// The sign key of who wrote this revision.
    public let author: Bytes32
    public let language: String
    public let title: String
    public let text: String
}

extension Draft {
    /// As a draft is edited, compared and merged: the title, an empty line, the text.
    public var whole: String { Self.whole(title, text) }

    static func whole(_ title: String, _ text: String) -> String { title + "\n\n" + text }

    /// The title and the text of a whole.
    public static func parts(_ whole: String) -> (title: String, text: String) {
        let parts = whole.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        return (
            parts[0].trimmingCharacters(in: .whitespaces),
            parts.count > 1 ? parts[1].trimmingCharacters(in: .newlines) : ""
        )
    }
}

/// What became of a new text for a draft.
public enum Revision: Sendable {
    /// It is the newest revision now. Somebody else's, written meanwhile, is merged into it.
    case written(Draft, mergedWith: Draft?)
    /// Somebody else changed the same lines meanwhile, and nothing was written. The text has both sides between conflict
    /// markers (`<` ours, `>` theirs); what a person makes of it is a new text for `theirs`.
    case conflict(with: Draft, marked: String)
}

/// What an object of kind 1 holds: a demand, or a petition in preparation.
enum DraftContent: Codable {
    case demand(Demand)
    case plan(PetitionPlan)

    struct Demand: Codable {
        var language: String
        var title: String
        var text: String
    }
}

extension Member {
    public func newDraft(language: String, title: String, text: String) async throws -> Draft {
        let roster = try await roster()
        try await syncGroupKeys(roster)
        let content = DraftContent.Demand(language: language, title: title, text: text)
        return try await write(content, id: ID(Random.bytes32()), after: nil, in: roster)
    }

    /// Writes the next revision of a draft. What somebody else wrote since is merged in, line by line; nothing is overwritten.
    /// - Parameter draft: the revision that the new text was made from.
    public func revise(_ draft: Draft, title: String, text: String) async throws -> Revision {
        var (base, ours) = (draft, Draft.whole(title, text))
        guard !LineMerge.hasMarkers(ours) else { throw ClientError.invalid("markers") }
        var merged: Draft?
        var refusal: (over: UInt32, error: ClientError)?
        while true {
            let roster = try await roster()
            try await syncGroupKeys(roster)
            let newest = try await object(draft.id, in: roster)
            guard let theirs = try self.draft(newest) else { throw ClientError.noSuch("draft") }
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
            let content = DraftContent.Demand(language: theirs.language, title: title, text: text)
            do {
                let written = try await write(content, id: draft.id, after: newest.object, in: roster)
                return .written(written, mergedWith: merged)
            } catch let error as ClientError {
                guard case .refused(409, _, _, _) = error else { throw error }
                // Another revision came between reading and writing: merge with that one too. Each round takes one in, or
                // ends.
                refusal = (theirs.revision, error)
            }
        }
    }

    private func write(
        _ content: DraftContent.Demand, id: ID<Object>, after previous: StoredObject?, in roster: WorkplaceLog
    ) async throws -> Draft {
        let plaintext = [UInt8](try JSONEncoder().encode(DraftContent.demand(content)))
        let object = try await put(plaintext, kind: .draft, id: id, after: previous, in: roster)
        return Draft(
            id: id, revision: object.revision, author: signKey, language: content.language, title: content.title,
            text: content.text)
    }

    private func draft(_ opened: Opened) throws -> Draft? {
        guard let content = try? JSONDecoder().decode(DraftContent.self, from: Data(opened.plaintext)) else {
            throw ClientError.badAnswer("draft")
        }
        guard case .demand(let demand) = content else { return nil }
        return Draft(
            id: opened.object.id, revision: opened.object.revision, author: opened.object.author,
            language: demand.language, title: demand.title, text: demand.text)
    }

    /// Every draft at its newest revision, oldest first.
    public func drafts() async throws -> [Draft] {
        let roster = try await roster()
        try await syncGroupKeys(roster)
        var drafts: [Draft] = []
        for opened in try await objects(of: .draft, in: roster) {
            do { if let draft = try draft(opened) { drafts.append(draft) } } catch { unreadableObjects += 1 }
        }
        return drafts
    }

    /// A draft at a revision, the newest when none is named.
    public func draft(_ id: ID<Object>, revision: UInt32? = nil) async throws -> Draft {
        let roster = try await roster()
        try await syncGroupKeys(roster)
        guard let draft = try draft(await object(id, revision: revision, in: roster)) else {
            throw ClientError.noSuch("draft")
        }
        return draft
    }

    /// Every revision, oldest first, after checking that each names the one before it as its parent.
    public func history(of id: ID<Object>) async throws -> [Draft] {
        let roster = try await roster()
        try await syncGroupKeys(roster)
        let newest = try await object(id, in: roster)
        var drafts: [Draft] = []
        var parent = Bytes32.zero
        for revision in 1...newest.object.revision {
            let opened = try await object(id, revision: revision, in: roster)
            guard opened.object.parent == parent else { throw ClientError.objectForged }
            parent = opened.object.digest
            if let draft = try draft(opened) { drafts.append(draft) }
        }
        guard parent == newest.object.digest else { throw ClientError.objectRolledBack }
        return drafts
    }
}
