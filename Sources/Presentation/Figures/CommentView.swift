import Client
import Foundation
import Petitions
import Sodium

/// Comments as people read them.
package enum CommentView {
    package struct Facts: Encodable {
        package let id: String
        package let author: String
        package let revision: UInt32?
        package let line: Int?
        package let reply_to: String?
        package let text: String
        package let settled_by: String?

        package init(_ comment: Comment) {
            (id, author, text) = (comment.id.hex, comment.author.hex, comment.text)
            (revision, line) = (comment.revision, comment.line)
            (reply_to, settled_by) = (comment.replyTo?.hex, comment.resolvedBy?.hex)
        }
    }

    package static func show(_ comment: Comment, place: String, people: People, indent margin: String = "") {
        let indent = margin + (comment.replyTo == nil ? "" : "    ")
        var head = "\(comment.id.hex.prefix(8))  " + Words.name(people.person(comment.author))
        if !place.isEmpty { head += "  " + place }
        if let by = comment.resolvedBy {
            head += "  " + words("comment.settledBy", ["person": Words.name(people.person(by))])
        }
        Terminal.line(indent + Terminal.bold(head))
        if comment.isByFormer { Terminal.line(indent + Terminal.red("  " + words("comment.byFormer"))) }
        if comment.isNumberedTwice { Terminal.line(indent + Terminal.red("  " + words("comment.numberedTwice"))) }
        if comment.replyTo == nil, let quote = comment.quote, !quote.isEmpty {
            Terminal.line(indent + Terminal.faint("  > " + Terminal.harmless(quote)))
        }
        for line in Terminal.block(comment.text).split(separator: "\n") { Terminal.line(indent + line) }
    }
}
