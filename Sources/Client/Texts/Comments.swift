// docs/objects.md, kind 2

import Foundation
import Petitions
import Sodium
import TextDiff

/// The subject of a comment.
public enum Topic: Hashable, Sendable {
    /// A draft.
    case draft(ID<Object>)
    /// A petition in preparation.
    case plan(ID<Object>)
    /// A leaf of the workplace's log, from 0: a change of the roster that somebody asks about.
    case leaf(Int)
}

/// The content of an object of kind 2: a comment, or the statement that a thread is settled.
struct CommentText: Codable {
    struct DraftPlace: Codable, Hashable {
        var id: ID<Object>
        var revision: UInt32
        var digest: Bytes32
        /// A line of that revision's `whole`, from 1; nil for the whole draft.
        var line: Int?
    }

    struct PlanPlace: Codable, Hashable {
        var id: ID<Object>
        /// A demand, from 1; nil for the whole plan.
        var demand: Int?
    }

    /// The number of the comment among its author's in this workplace, from 0.
    var number: UInt32
    /// When it was written, by the author's clock in seconds since 1970; orders lists.
    var written: UInt64
    // Exactly one of these, except in settlements.
    var draft: DraftPlace?
    var plan: PlanPlace?
    var leaf: Int?
    var replyTo: ID<Object>?
    var text: String?
    /// The comment whose thread is settled, or reopened.
    var settles: ID<Object>?
    var isOpen: Bool?

    /// Length of a comment's text, in bytes.
    static let lengths = 1...16_384
    private static let lines = 1...DraftText.mostLines
    private static let demands = 1...Manifest.maximalQuestions

    var topic: Topic? {
        switch (draft, plan, leaf) {
        case (let draft?, nil, nil): .draft(draft.id)
        case (nil, let plan?, nil): .plan(plan.id)
        case (nil, nil, let leaf?): .leaf(leaf)
        default: nil
        }
    }

    /// Whether the content is well-formed. Numbers that others wrote are checked against bounds before anything is done
    /// with them.
    var isWellFormed: Bool {
        if let settles {
            return text == nil && topic == nil && replyTo == nil && isOpen != nil && settles.bytes != .zero
        }
        guard let text, Self.lengths.contains(text.utf8.count), topic != nil, isOpen == nil else { return false }
        return (draft?.line.map { Self.lines.contains($0) } ?? true)
            && (plan?.demand.map { Self.demands.contains($0) } ?? true)
            && (leaf.map { $0 >= 0 && $0 < 1 << 30 } ?? true)
    }
}

/// A comment on a draft, a line of it, a demand of a petition in preparation, or a change of the roster.
public struct Comment: Sendable, Identifiable {
    /// The comment's object id.
    public let id: ID<Object>
    /// The author's sign key.
    public let author: Bytes32
    let body: CommentText
    /// Whether its author has left since, and this device had not seen it before that.
    public let isByFormer: Bool
    /// Whether another comment of this author has the same number, which means that one of the two was withheld from
    /// somebody.
    public internal(set) var isNumberedTwice = false
    /// The member who settled the thread, if it is settled.
    public internal(set) var resolvedBy: Bytes32?
    /// The line that it is about, as that revision of the draft has it; nil if it is about no line, or the revision
    /// cannot be read. Never a quotation from the comment itself.
    public internal(set) var quote: String?

    /// Its subject.
    public var topic: Topic { body.topic ?? .leaf(0) }
    /// The draft's revision that it is about.
    public var revision: UInt32? { body.draft?.revision }
    /// The draft's line that it is about, from 1.
    public var line: Int? { body.draft?.line }
    /// The demand that it is about, from 1.
    public var demand: Int? { body.plan?.demand }
    /// The text; empty in a settlement.
    public var text: String { body.text ?? "" }
    /// The comment that it answers.
    public var replyTo: ID<Object>? { body.replyTo }
    /// When it was written, by the author's clock in seconds since 1970.
    public var written: UInt64 { body.written }
}

extension Session {
    /// Every comment, oldest first, each followed by its replies.
    public func comments() async throws -> [Comment] {
        var comments = Self.threads(
            try await texts(of: .comment) { self.read(CommentText.self, $0)?.isWellFormed == true }.compactMap { text in
                read(CommentText.self, text.plaintext).map {
                    Comment(
                        id: text.object.id, author: text.object.author, body: $0, isByFormer: text.isByFormer)
                }
            })
        let highest = comments.filter { $0.author == signKey }.map(\.body.number).max()
        device.state.nextComment = max(device.state.nextComment, highest.map { $0 &+ 1 } ?? 0)
        var wholes: [CommentText.DraftPlace: [String]?] = [:]
        for i in comments.indices {
            guard var place = comments[i].body.draft, let line = place.line else { continue }
            place.line = nil
            let lines: [String]?
            if let known = wholes[place] {
                lines = known
            } else {
                let draft = try? await draft(place.id, revision: place.revision, digest: place.digest)
                lines = draft.map { TextLines.of($0.whole) }
                wholes[place] = .some(lines)
            }
            comments[i].quote = lines.flatMap { $0.indices.contains(line - 1) ? $0[line - 1] : nil }
        }
        return comments
    }

    static func threads(_ all: [Comment]) -> [Comment] {
        struct Numbered: Hashable {
            let author: Bytes32
            let number: UInt32
        }
        var counts: [Numbered: Int] = [:]
        for one in all { counts[Numbered(author: one.author, number: one.body.number), default: 0] += 1 }
        func isTwice(_ one: Comment) -> Bool {
            counts[Numbered(author: one.author, number: one.body.number), default: 0] > 1
        }
        let ordered = all.sorted {
            ($0.body.written, $0.author.hex, $0.body.number, $0.id.hex)
                < ($1.body.written, $1.author.hex, $1.body.number, $1.id.hex)
        }
        var resolved: [ID<Object>: Bytes32] = [:]
        // If two have the same number, neither is followed.
        for one in ordered where !isTwice(one) && !one.isByFormer {
            if let settles = one.body.settles { resolved[settles] = one.body.isOpen == true ? nil : one.author }
        }
        var comments = ordered.filter { $0.body.settles == nil }
        for i in comments.indices {
            comments[i].resolvedBy = resolved[comments[i].id]
            comments[i].isNumberedTwice = isTwice(comments[i])
        }
        let replies = Dictionary(grouping: comments.filter { $0.replyTo != nil }, by: { $0.replyTo?.hex ?? "" })
        return comments.filter { $0.replyTo == nil }.flatMap { [$0] + (replies[$0.id.hex] ?? []) }
    }

    private func contribute(_ change: (inout CommentText) -> Void) async throws -> ID<Object> {
        if device.state.nextComment == 0 { _ = try await comments() }
        var content = CommentText(number: device.state.nextComment, written: device.clock())
        change(&content)
        content.text = try content.text.map { try Self.clean($0, "text") }
        guard content.settles != nil || CommentText.lengths.contains(content.text?.utf8.count ?? 0) else {
            throw ClientError.invalid(.commentLength)
        }
        guard content.text.map(\.isBlank) != true else { throw ClientError.invalid(.commentLength) }
        let id = ID<Object>(Random.bytes32())
        device.state.nextComment &+= 1
        try await put(try json(content), .init(.comment, id), after: nil)
        return id
    }

    /// Comments on a draft, or on one line of it.
    /// - Parameter line: of the draft's `whole`, from 1.
    @discardableResult
    public func comment(on draft: Draft, line: Int? = nil, _ text: String) async throws -> ID<Object> {
        if let line, !(1...TextLines.count(draft.whole)).contains(line) {
            throw ClientError.noSuch(.line)
        }
        return try await contribute {
            $0.draft = .init(id: draft.id, revision: draft.revision, digest: draft.digest, line: line)
            $0.text = text
        }
    }

    /// Comments on a petition in preparation, or on one of its demands, from 1.
    @discardableResult
    public func comment(on plan: ID<Object>, demand: Int? = nil, _ text: String) async throws -> ID<Object> {
        let demands = try await self.plan(plan).plan.demandCount
        if let demand, !(1...max(demands, 1)).contains(demand) { throw ClientError.noSuch(.demand) }
        return try await contribute {
            $0.plan = .init(id: plan, demand: demand)
            $0.text = text
        }
    }

    /// Asks about a change of the roster, visibly for everybody.
    @discardableResult
    public func challenge(leaf: Int, _ text: String) async throws -> ID<Object> {
        guard (0..<roster.size).contains(leaf) else { throw ClientError.noSuch(.leaf) }
        return try await contribute {
            $0.leaf = leaf
            $0.text = text
        }
    }

    /// Answers a comment. An answer to an answer belongs to the same thread.
    @discardableResult
    public func reply(to comment: Comment, _ text: String) async throws -> ID<Object> {
        try await contribute {
            ($0.draft, $0.plan, $0.leaf) = (comment.body.draft, comment.body.plan, comment.body.leaf)
            $0.replyTo = comment.body.replyTo ?? comment.id
            $0.text = text
        }
    }

    /// Marks a thread as settled, or reopens it.
    public func resolve(_ comment: Comment, isOpen: Bool = false) async throws {
        _ = try await contribute {
            $0.settles = comment.body.replyTo ?? comment.id
            $0.isOpen = isOpen
        }
    }

    /// The line of a draft's newest revision that a comment is about, from 1; nil if the line was changed or removed,
    /// or the revision that the comment names cannot be read.
    public func place(of comment: Comment, in draft: Draft) async -> Int? {
        guard let place = comment.body.draft, let line = place.line else { return nil }
        guard place.digest != draft.digest else { return line }
        guard let then = try? await self.draft(draft.id, revision: place.revision, digest: place.digest) else {
            return nil
        }
        let lines = TextLines.count(then.whole)
        guard (1...lines).contains(line) else { return nil }
        return LineDiff(from: then.whole, to: draft.whole).place(of: line - 1).map { $0 + 1 }
    }
}
