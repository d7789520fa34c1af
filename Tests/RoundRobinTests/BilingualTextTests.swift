import Foundation
import Templates
import Testing

@testable import Presentation

@Suite("A binding wording and its translation")
struct BilingualTextTests {
    @Test("A line of exactly that form parts the binding wording from its translation")
    func parts() throws {
        let text = "Within 14 days.\n\n- in writing\n\n--- translation, not binding: zh-Hans ---\n\n十四天之内。\n\n- 书面\n"
        let parts = BilingualText(text)
        #expect(parts.binding == "Within 14 days.\n\n- in writing")
        #expect(parts.translation == .init(language: "zh-Hans", text: "十四天之内。\n\n- 书面"))
        for tag in ["de", "zh-Hans-CN", "sl-rozaj-biske-1994", "abcdefgh"] {
            let parts = BilingualText("a\n\(BilingualText.mark(tag))\nb")
            #expect(parts.translation == .init(language: tag, text: "b") && parts.binding == "a", "\(tag)")
        }
    }

    @Test(
        "Anything that is not exactly of that form binds as a whole",
        arguments: [
            " --- translation, not binding: de ---", "--- translation, not binding: de --- ",
            "--- translation, not binding: ---",
            "--- translation, not binding:  de ---", "--- translation, not binding: d ---",
            "--- Translation, not binding: de ---",
            "--- translation, not binding: de\" onclick=x ---", "--- translation, not binding: 12 ---",
            "-- translation, not binding: de --",
            "--- translation, not binding: de-123456789 ---", "--- translation, not binding: de- ---",
            "> --- translation, not binding: de ---",
            "--- translation, not binding: de ---\r", "--- translation, not binding: dé ---",
            "--- translation, not binding: de ---\u{301}",
            "--- translation, not binding: aaaaaaaa-aaaaaaaa-aaaaaaaa-aaaaaaaa-a ---",
            "\u{feff}--- translation, not binding: de ---",
            "--- translation, not binding: de ---\nc\n--- translation, not binding: fr ---",
        ])
    func plain(_ line: String) {
        let text = "a\n\(line)\nb"
        #expect(BilingualText(text) == BilingualText(plain: text))
        // Whoever writes or reads the draft is told.
        #expect(BilingualText.doubtfulMark(in: text) == 2)
    }

    @Test("What was perhaps meant as that line is found, by its line, and nothing else is")
    func doubtful() {
        for line in [
            "— translation, not binding: de —", "–– Translation; not binding – de ––",
            "--- tranlation, not bindng: de ---", "----- not-binding translation (de) -----", "＝＝＝ translation ＝＝＝",
            "—— 译文，无约束力：en ——",
        ] {
            #expect(BilingualText.doubtfulMark(in: "a\nb\n\(line)\nc") == 3, "\(line)")
        }
        let mark = BilingualText.mark("de")
        for (text, line) in [("\(mark)\nb", 1), ("a\n\(mark)\n ", 2), ("a\n\(mark)\nb\n-- translation --\nc", 4)] {
            #expect(BilingualText.doubtfulMark(in: text) == line)
        }
        for text in [
            "a\n\(mark)\nb", "a\n---\nb", "- a translation of every notice\n- b", "Translation: not binding", "**翻译**",
            "---\ntranslation", "—— 张伟", "a\n-----------\n| b | c |",
        ] {
            #expect(BilingualText.doubtfulMark(in: text) == nil, "\(text)")
        }
    }

    @Test("Without a wording before it, or a translation behind it, the line is text")
    func halves() {
        for text in [
            "\(BilingualText.mark("de"))\nb", " \n\(BilingualText.mark("de"))\nb", "a\n\(BilingualText.mark("de"))",
            "a\n\(BilingualText.mark("de"))\n \n",
        ] {
            #expect(BilingualText(text) == BilingualText(plain: text))
        }
    }

    @Test("Nothing of a text is lost, and nothing binding is shown as a translation, whatever its lines are")
    func property() throws {
        var random = SystemRandomNumberGenerator()
        let pieces = [
            "a", "", " ", "-", "--- translation, not binding: de ---", "--- translation, not binding: de ---x", "---",
            "--- translation, not binding: ", " ---", "\u{2028}", "\r", "zh-Hans", "十四",
        ]
        var parted = 0
        for _ in 0..<20_000 {
            let lines = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                (0..<Int.random(in: 0...2, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
                    .joined()
            }
            let text = lines.joined(separator: "\n")
            let parts = BilingualText(text)
            guard let translation = parts.translation else {
                #expect(parts.binding == text)
                continue
            }
            parted += 1
            // By bytes: to a search by characters a carriage return and a line feed are one.
            let (whole, mark) = (Data(text.utf8), Data("\n\(BilingualText.mark(translation.language))\n".utf8))
            let found = try #require(whole.range(of: mark))
            #expect(whole[(found.upperBound - 1)...].range(of: mark) == nil)
            func trimmed(_ bytes: Data) -> String {
                String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            }
            #expect(!parts.binding.isEmpty && trimmed(whole[..<found.lowerBound]) == parts.binding)
            #expect(!translation.text.isEmpty && trimmed(whole[found.upperBound...]) == translation.text)
        }
        #expect(parted > 100)
    }

    @Test("What is compared is what binds, and the whole where only the translations differ")
    func compared() {
        let (ours, theirs) = ("a\n\(BilingualText.mark("de"))\nb", "c\n\(BilingualText.mark("de"))\nb")
        #expect(BilingualText.compared(ours, theirs) == ("a", "c"))
        #expect(BilingualText.compared(ours, "c") == ("a", "c"))
        #expect(BilingualText.compared(ours, "a") == (ours, "a"))
        #expect(BilingualText.compared("x", "y") == ("x", "y"))
    }

    @Test("The terminal shows the wording first, and says of the translation that it does not bind")
    func terminal() throws {
        let lines = BilingualText.block("a\n\(BilingualText.mark("de"))\nb").split(separator: "\n")
        #expect(lines.first == "  a" && lines.last == "  b" && lines.count == 3)
        #expect(lines[1].contains("(de)") && !lines[1].contains("---"))
        #expect(BilingualText.block("a\n--- translation, not binding: de") == "  a\n  --- translation, not binding: de")
    }

    @Test(
        "A page has the translation apart, in its own language, and nothing of a text becomes markup",
        arguments: Language.allCases)
    func pages(_ language: Language) throws {
        let texts = try Messages(language, directory: TemplateLibrary.standardDirectory())
        let text = BilingualText("<b>a\n\(BilingualText.mark("zh-Hans"))\n<b>b")
        let below = try #require(text.translated(texts))
        #expect(text.wording?.html == "&lt;b&gt;a" && below.tag == "zh-Hans")
        #expect(below.words.html == "&lt;b&gt;b" && below.heading.contains("zh-Hans"))
        #expect(BilingualText("a").translated(texts) == nil && BilingualText("").wording == nil)
    }
}

extension BilingualText {
    fileprivate init(plain text: String) { self.init(binding: text, translation: nil) }
}
