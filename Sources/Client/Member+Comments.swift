import Foundation
import Petitions
import Sodium
import TextDiff

/// What a comment is about.
public enum Topic: Codable, Hashable, Sendable {
    /// A draft, by its object id in hexadecimal.
    case draft(String)
    /// A petition in preparation, likewise.
    case plan(String)
    /// A leaf of the workplace's log, from 0: a change of the roster that somebody asks about.
    case leaf(Int)
}

/// What somebody wrote about a draft, a line of it, a demand of a petition in preparation, or a change of the roster.
public struct Comment: Sendable, Identifiable {
    struct Body: Codable {
        var topic: Topic
        /// The revision that it is about.
        var revision: UInt32?
        /// A line of that revision's `whole`, from 1, and its text.
        var line: Int?
        var quote: String?
        /// A demand of a petition in preparation, from 1.
        var demand: Int?
        var replyTo: String?
        var text: String
    }

    public let id: ID<Object>
    /// The sign key.
    public let author: Bytes32
    let body: Body
    /// Who settled it, if it is settled.
    public internal(set) var resolvedBy: Bytes32?

    public var topic: Topic { body.topic }
    public var revision: UInt32? { body.revision }
    public var line: Int? { body.line }
    public var quote: String? { body.quote }
    public var demand: Int? { body.demand }
    public var text: String { body.text }
    public var replyTo: ID<Object>? { body.replyTo.flatMap { ID(hex: $0) } }

    /// Bytes of a comment's text.
    static let lengths = 1...16_384
}

/// What an object of kind 2 holds.
enum CommentContent: Codable {
    /// A trustee's seal keys for a plan: set 0, then one for each level.
    case offer(plan: String, keys: [String])
    /// Base64 of an Acceptance.
    case acceptance(plan: String, petition: String, acceptance: String)
    case comment(Comment.Body)
    /// A comment is settled, or open again.
    case resolution(comment: String, isOpen: Bool)
    /// A revision of a draft is ready to be demanded; 0 takes that back.
    case adoption(draft: String, revision: UInt32)
}

extension Member {
    struct Contribution {
        let id: ID<Object>
        let author: Bytes32
        let content: CommentContent
    }

    /// Everything of kind 2 that can be read, oldest first.
    func contributions(in roster: WorkplaceLog) async throws -> [Contribution] {
        try await objects(of: .comment, in: roster).compactMap { opened in
            guard let content = try? JSONDecoder().decode(CommentContent.self, from: Data(opened.plaintext)) else {
                return nil
            }
            return Contribution(id: opened.object.id, author: opened.object.author, content: content)
        }
    }

    @discardableResult
    func contribute(_ content: CommentContent, in roster: WorkplaceLog) async throws -> ID<Object> {
        let id = ID<Object>(Random.bytes32())
        let plaintext = [UInt8](try JSONEncoder().encode(content))
        try await put(plaintext, kind: .comment, id: id, after: nil, in: roster)
        return id
    }

    // MARK: Comments

    /// Every comment, oldest first, each followed by its replies.
    public func comments() async throws -> [Comment] {
        let roster = try await roster()
        try await syncGroupKeys(roster)
        return Self.threads(try await contributions(in: roster))
    }

    static func threads(_ contributions: [Contribution]) -> [Comment] {
        var comments: [Comment] = []
        var resolved: [String: Bytes32] = [:]
        for contribution in contributions {
            switch contribution.content {
            case .comment(let body):
                comments.append(Comment(id: contribution.id, author: contribution.author, body: body))
            case .resolution(let comment, let isOpen): resolved[comment] = isOpen ? nil : contribution.author
            default: continue
            }
        }
        for i in comments.indices { comments[i].resolvedBy = resolved[comments[i].id.hex] }
        let replies = Dictionary(grouping: comments.filter { $0.replyTo != nil }, by: { $0.replyTo?.hex ?? "" })
        return comments.filter { $0.replyTo == nil }.flatMap { [$0] + (replies[$0.id.hex] ?? []) }
    }

    /// Comments on a draft, or on one line of it.
    /// - Parameter line: of the draft's `whole`, from 1.
    @discardableResult
    public func comment(on draft: Draft, line: Int? = nil, _ text: String) async throws -> ID<Object> {
        let lines = draft.whole.components(separatedBy: "\n")
        if let line, !lines.indices.contains(line - 1) { throw ClientError.noSuch("line") }
        return try await comment(
            .init(
                topic: .draft(draft.id.hex), revision: draft.revision, line: line, quote: line.map { lines[$0 - 1] },
                text: text))
    }

    /// Comments on a petition in preparation, or on one of its demands, from 1.
    @discardableResult
    public func comment(on plan: ID<Object>, demand: Int? = nil, _ text: String) async throws -> ID<Object> {
        guard let found = try await plans().first(where: { $0.id == plan })?.plan else {
            throw ClientError.noSuch("plan")
        }
        let demands = found.ratification?.questions.count ?? found.drafts.count
        if let demand, !(1...max(demands, 1)).contains(demand) { throw ClientError.noSuch("demand") }
        return try await comment(.init(topic: .plan(plan.hex), demand: demand, text: text))
    }

    /// Asks about a change of the roster, for everybody to see.
    @discardableResult
    public func challenge(leaf: Int, _ text: String) async throws -> ID<Object> {
        guard (0..<(try await roster().size)).contains(leaf) else { throw ClientError.noSuch("leaf") }
        return try await comment(.init(topic: .leaf(leaf), text: text))
    }

    /// Answers a comment. An answer to an answer joins the same thread.
    @discardableResult
    public func reply(to comment: Comment, _ text: String) async throws -> ID<Object> {
        var body = comment.body
        body.replyTo = comment.body.replyTo ?? comment.id.hex
        body.text = text
        return try await self.comment(body)
    }

    private func comment(_ body: Comment.Body) async throws -> ID<Object> {
        guard Comment.lengths.contains(body.text.utf8.count) else { throw ClientError.invalid("commentLength") }
        let roster = try await roster()
        try await syncGroupKeys(roster)
        return try await contribute(.comment(body), in: roster)
    }

    /// Marks a thread as settled, or opens it again.
    public func resolve(_ comment: Comment, isOpen: Bool = false) async throws {
        let roster = try await roster()
        try await syncGroupKeys(roster)
        try await contribute(.resolution(comment: comment.body.replyTo ?? comment.id.hex, isOpen: isOpen), in: roster)
    }

    /// The line of a draft's newest revision that a comment is about, from 1; nil when the line was changed or is gone.
    public func place(of comment: Comment, in draft: Draft) async throws -> Int? {
        guard let line = comment.line, let revision = comment.revision else { return nil }
        guard revision != draft.revision else { return line }
        let then = try await self.draft(draft.id, revision: revision)
        return LineDiff(from: then.whole, to: draft.whole).place(of: line - 1).map { $0 + 1 }
    }

    // MARK: Adoption

    /// As an organiser: marks a revision as ready to be demanded.
    /// - Parameter revision: 0 takes an adoption back.
    public func adopt(_ draft: ID<Object>, revision: UInt32) async throws {
        let roster = try await roster()
        guard roster.isOrganiser(signKey) else { throw ClientError.notOrganiser }
        try await syncGroupKeys(roster)
        if revision > 0 { _ = try await self.draft(draft, revision: revision) }
        try await contribute(.adoption(draft: draft.hex, revision: revision), in: roster)
    }

    /// The adopted revision of each draft that has one. Only organisers adopt.
    public func adoptions() async throws -> [ID<Object>: UInt32] {
        let roster = try await roster()
        try await syncGroupKeys(roster)
        return Self.adoptions(try await contributions(in: roster), in: roster)
    }

    static func adoptions(_ contributions: [Contribution], in roster: WorkplaceLog) -> [ID<Object>: UInt32] {
        var adopted: [ID<Object>: UInt32] = [:]
        for contribution in contributions where roster.isOrganiser(contribution.author) {
            guard case .adoption(let draft, let revision) = contribution.content, let id = ID<Object>(hex: draft) else {
                continue
            }
            adopted[id] = revision > 0 ? revision : nil
        }
        return adopted
    }
}
