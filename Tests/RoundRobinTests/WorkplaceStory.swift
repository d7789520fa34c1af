import Client
import Foundation
import Petitions
import Templates
import TestSupport
import TextDiff
import Yams

/// A plausible workplace, from `Tests/Workplaces`: who wrote and changed which demand, how they voted, and what the
/// employer answered in three rounds.
struct WorkplaceStory: Decodable {
    struct Demand: Decodable {
        struct Edit: Decodable {
            let by: Int
            /// From 1, in the draft's `whole`: 1 is the title, 3 the first line of the text.
            let line: Int?
            let text: String?
            let append: String?
            /// Whether the edit is based on the same revision as the one before it.
            let together: Bool?
            /// The second writer's resolution of a conflict, in place of `append`.
            let settled: String?

            func apply(to whole: String) -> String {
                if let append = settled ?? append { return whole + "\n" + append }
                var lines = whole.components(separatedBy: "\n")
                guard let line, let text, lines.indices.contains(line - 1) else { return whole }
                lines[line - 1] = text
                return lines.joined(separator: "\n")
            }

            /// As the writer first wrote it.
            var unsettled: Edit {
                Edit(by: by, line: line, text: text, append: append, together: together, settled: nil)
            }
        }
        struct Remark: Decodable {
            struct Reply: Decodable {
                let by: Int
                let text: String
            }
            let by: Int
            let line: Int
            let text: String
            let reply: Reply?
            let settled: Bool?
        }
        let template: String
        let values: [String: String]
        let writer: Int
        let edits: [Edit]
        let comments: [Remark]?
    }
    struct Named: Decodable {
        let by: Int
        let name: String
        let when: UInt32
    }
    struct Answer: Decodable {
        let demand: Int
        let answer: String
        let text: String?
    }
    struct Wording: Decodable {
        let demand: Int
        let text: String
    }
    struct Round: Decodable {
        struct Delivery: Decodable {
            let date: String
            let party: String
            let note: String
            let wordings: [Wording]?
        }
        struct Response: Decodable {
            let date: String
            let party: String
            let note: String
            let answers: [Answer]
        }
        struct Vote: Decodable {
            let majority: String
            let quorum: UInt32
            let accept: Int
            let reject: Int
            let abstain: Int
            let outcome: String

            /// Everybody's votes, from the first member on.
            var choices: [UInt8] {
                Array(repeating: 1, count: accept) + Array(repeating: 2, count: reject)
                    + Array(repeating: 0, count: abstain)
            }
        }
        let delivered: Delivery
        let response: Response
        let vote: Vote?
    }
    struct Agreement: Decodable {
        let date: String
        let party: String
        let note: String
        let agreed: [Int]
    }

    let name: String
    let language: String
    let members: Int
    let eligible: UInt32
    let pseudonyms: [String: String]
    let title: String
    let preamble: String
    let demands: [Demand]
    let trustees: [Int]
    let threshold: UInt8
    let quorum: UInt32
    let levels: [UInt32]
    let support: [[Int]]
    let names: [Named]
    let rounds: [Round]
    let agreement: Agreement

    init(_ file: String) throws {
        let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Workplaces/\(file).yaml")
        self = try YAMLDecoder().decode(WorkplaceStory.self, from: Data(contentsOf: url))
    }

    /// The demand as its template has it, before anybody has changed it.
    func start(of demand: Demand) throws -> (title: String, text: String) {
        try TemplateLibrary(directory: TemplateLibrary.standardDirectory()).template(
            demand.template, language: language
        )
        .render(demand.values)
    }

    /// Each signer's answers to every demand: the first `support` of them support, and so on. Each demand begins with
    /// another signer, so that ballots differ.
    var ballots: [[UInt8]] {
        let signers = support[0].reduce(0, +)
        return (0..<signers).map { signer in
            support.enumerated().map { demand, counts in
                let place = (signer + 5 * demand) % signers
                return place < counts[0] ? 1 : place < counts[0] + counts[1] ? 2 : 0
            }
        }
    }

    func record(_ delivery: Round.Delivery) throws -> RecordDocument {
        try RecordDocument(
            .delivered, language: language, date: delivery.date, party: delivery.party, note: delivery.note,
            demands: (delivery.wordings ?? []).map { .init(number: $0.demand, text: $0.text) })
    }

    func record(_ response: Round.Response) throws -> RecordDocument {
        try RecordDocument(
            .response, language: language, date: response.date, party: response.party, note: response.note,
            demands: response.answers.map {
                .init(number: $0.demand, answer: RecordDocument.Answer(rawValue: $0.answer), text: $0.text ?? "")
            })
    }

    func agreement(_ threads: [Negotiation.Thread]) throws -> RecordDocument {
        try RecordDocument(
            .agreement, language: language, date: agreement.date, party: agreement.party, note: agreement.note,
            demands: agreement.agreed.map { number in
                let thread = threads[number - 1]
                return .init(number: number, text: thread.status == .countered ? thread.theirs ?? "" : thread.ours)
            })
    }
}
