import Client
import Foundation
import Petitions
import Sodium
import Templates
import TestSupport
import Testing

@testable import Presentation
@testable import roundrobin

@Suite("Forms of a negotiation as people fill them in", .ownThreads)
struct RecordFormTests {
    private func negotiation(_ records: [RecordDocument] = []) throws -> Negotiation {
        let petition = try PetitionWorld(World(members: 4))
        try petition.close()
        var documents: [Bytes32: [UInt8]] = [:]
        for record in records {
            documents[record.digest] = record.bytes
            try petition.record(record)
        }
        return Negotiation(petition.log, document: petition.document, records: documents)
    }

    private func refuses(_ key: ClientError.Invalid, _ form: String, _ what: PetitionStatement.Record.What = .response)
    {
        do {
            _ = try RecordForm.read(form, what, language: "en")
            Issue.record("not refused: \(form)")
        } catch ClientError.invalid(let found, _) { #expect(found == key, "\(form)") } catch {
            Issue.record("\(error)")
        }
    }

    @Test("An empty form is a form; what is filled in comes back, whatever stands in it")
    func roundTrip() throws {
        let blank = RecordForm.blank(.response, try negotiation(), date: "2026-12-08", isFirst: false)
        let empty = try RecordForm.read(blank, .response, language: "en")
        #expect(empty.date == "2026-12-08" && empty.demands.isEmpty)
        let filled = """
            date: 2026-12-08
            party: "Ms Underhill: HR"
            note: |
              Two lines:
              the second.
            demands:
              - demand: 1
                answer: accepted
              - demand: 2
                answer: countered
                text: |-
                  Their words: "less".

                  第二段。
            """
        let record = try RecordForm.read(filled, .response, language: "en")
        #expect(record.party == "Ms Underhill: HR" && record.note == "Two lines:\nthe second.")
        #expect(record.demands.map(\.answer) == [.accepted, .countered])
        #expect(record.demands[1].text == "Their words: \"less\".\n\n第二段。")
        let first = RecordForm.blank(.delivered, try negotiation(), date: "2026-12-01", isFirst: true)
        #expect(try RecordForm.read(first, .delivered, language: "en").demands.isEmpty)
    }

    @Test("The agreement's form has what was agreed so far, ready to be signed: texts of any shape survive it")
    func agreement() throws {
        let texts = [
            "Five.\u{2028}  - demand: 1\u{2028}    text: We drop it.", "a\u{85}b\u{9b}2Jc\u{202e}d\u{1b}[2J",
            "  indented\nsecond", "plain: with a colon", "# no comment", "tab\there", "- a list\n- of two",
        ]
        for text in texts {
            let current = try negotiation([
                RecordDocument(
                    .delivered, language: "en", date: "2026-12-01", party: "", note: "", demands: []),
                RecordDocument(
                    .response, language: "en", date: "2026-12-02", party: "", note: "",
                    demands: [
                        .init(number: 1, answer: .refused, text: ""), .init(number: 2, answer: .countered, text: text),
                    ]),
            ])
            let form = RecordForm.blank(.agreement, current, date: "2026-12-08", isFirst: false)
            let record = try RecordForm.read(form, .agreement, language: "en")
            #expect(record.demands.map(\.number) == [2], "a refused demand is left out")
            #expect(record.demands.first?.text == text.trimmingCharacters(in: .whitespacesAndNewlines), "\(form)")
        }
    }

    @Test("A new text with a character that does not show makes no record, escaped or not; wording on record stays")
    func hidden() throws {
        let known = "Le\u{202e}ss."
        let current = try negotiation([
            RecordDocument(.delivered, language: "en", date: "2026-12-01", party: "", note: "", demands: []),
            RecordDocument(
                .response, language: "en", date: "2026-12-02", party: "", note: "",
                demands: [.init(number: 1, answer: .countered, text: known)]),
        ])
        func check(party: String, text: String) throws {
            let form = "date: 2026-12-02\nparty: \(party)\ndemands:\n  - {demand: 1, text: \(text)}\n"
            try RecordForm.checkReadable(RecordForm.read(form, .agreement, language: "en"), current)
        }
        try check(party: "HR", text: "\"Le\\u202Ess.\"")
        try check(party: "HR", text: "Less.")
        for (party, text) in [("HR", "\"M\\u202Eore.\""), ("\"H\\u200BR\"", "Less."), ("HR", "\"a\\u2028b\"")] {
            #expect(throws: ClientError.self, "\(party) \(text)") { try check(party: party, text: text) }
        }
    }

    @Test("Where a form is no YAML its line is said, in no words of the library")
    func yaml() {
        for (form, fault) in [
            ("date: [", YAMLFault.line(1)), ("date: 2026-12-08\n\tparty: HR\n", .tab(line: 2)),
            ("date: 2026-12-08\nparty: \"HR\nnote: x\n", .quote(line: 2)), ("date: x\ndate: y\n", .twice(key: "date")),
            ("date: x\nparty: a: b\n", .line(2)), ("date: x\nparty: }\n\n\n", .line(2)),
        ] {
            #expect {
                try RecordForm.read(form, .response, language: "en")
            } throws: { error in
                guard case ClientError.invalid(.formYAML, let values) = error else { return false }
                return values["why"] == TemplateText.say(fault)
            }
        }
    }

    @Test("What is wrong with a form is said by name, and nothing is guessed")
    func refusals() {
        refuses(.formYAML, "date: [")
        refuses(.formShape, "just a text")
        refuses(.formShape, "")
        refuses(.formShape, "date: 2026-12-08\ndemands:\n  - 1\n")
        refuses(.formKey, "date: 2026-12-08\nparties: HR\n")
        refuses(.formKey, "date: 2026-12-08\ndemands:\n  - demand: 1\n    anwser: refused\n")
        refuses(.formAnswer, "date: 2026-12-08\ndemands:\n  - demand: 1\n    answer: maybe\n")
        refuses(.formAnswer, "date: 2026-12-08\ndemands:\n  - demand: 1\n    text: no answer\n")
        refuses(.formRecord, "date: 8.12.2026\n")
        refuses(.formRecord, "date: 2026-12-08\ndemands:\n  - demand: 1\n    answer: countered\n")
        refuses(
            .formRecord,
            "date: 2026-12-08\ndemands:\n  - {demand: 2, answer: refused}\n  - {demand: 1, answer: refused}\n")
        refuses(.formRecord, "date: 2026-12-08\ndemands:\n  - {demand: 65, answer: refused}\n")
        refuses(.formRecord, "date: 2026-12-08\ndemands:\n  - {demand: 1, answer: refused, text: x}\n", .delivered)
    }
}

@Suite("Texts side by side", .ownThreads)
struct ColumnsTests {
    @Test("Lines keep to their width, in cells, and no word is lost")
    func wrapping() {
        for text in [
            "The employer does not collect or use an employee's messages.", "未经员工本人就每一项用途分别作出书面同意,用人单位不得收集。",
            "mixed 中文 and English 混排, with-a-very-long-word-that-does-not-fit-anywhere-at-all", "", "a\n\nb",
        ] {
            for width in [4, 10, 33] {
                let lines = Columns.wrap(text, width)
                #expect(lines.allSatisfy { Columns.cells($0) <= width }, "\(text) at \(width): \(lines)")
                let flat = lines.joined().filter { !$0.isWhitespace }
                #expect(flat == text.filter { !$0.isWhitespace })
            }
        }
        #expect(Columns.wrap("同意，不得。", 4).allSatisfy { !$0.hasPrefix("，") && !$0.hasPrefix("。") })
        let rows = Columns.beside(("A", "one two three"), ("B", "一二三四五六七八九十"), width: 80)
        #expect(rows.count == 2 && rows.allSatisfy { $0.contains("│") })
        #expect(Columns.beside(("A", "x"), ("B", "y"), width: 60).count == 4)
    }
}
