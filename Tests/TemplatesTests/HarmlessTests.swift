import Foundation
import Templates
import Testing

@Suite("What others have written, beside words of ours")
struct HarmlessTests {
    /// Characters that reverse, hide or break a line.
    static let deceiving: [UInt32] =
        Array(0x202a...0x202e) + Array(0x2066...0x2069)
        + [
            0x200b, 0x200e, 0x200f, 0x061c, 0xfeff, 0x00ad, 0x2028, 0x2029, 0x2060, 0x2064, 0x206a, 0x180e, 0x115f,
            0x3164,
            0x034f, 0xfff9, 0xe0041, 0xe000, 0x00, 0x07, 0x09, 0x0d, 0x1b, 0x7f, 0x85, 0x9b,
        ]

    @Test("No deceiving character is left on a line, and each leaves a mark", arguments: deceiving)
    func line(_ value: UInt32) throws {
        let scalar = try #require(Unicode.Scalar(value))
        let text = "within \(scalar)41 days"
        let line = Harmless.line(text)
        #expect(!line.unicodeScalars.contains(scalar))
        #expect(line.unicodeScalars.contains("\u{fffd}"))
        #expect(Harmless.line("a\nb") == "a\u{fffd}b")
        #expect(!Harmless.isHarmless(scalar))
    }

    @Test(
        "Scripts, emoji and their joiners stay as they are",
        arguments: [
            "王芳，四十一天", "Müller–Lüdenscheidt", "ئۇيغۇر", "می‌خواهم", "👩‍🔧", "❤️", "葛󠄀", "क्‍ष", "a b  c",
        ])
    func untouched(_ text: String) {
        #expect(Harmless.line(text) == text && Harmless.lines(text) == text)
    }

    @Test("Line breaks of any kind become line feeds in a longer text")
    func lines() {
        #expect(Harmless.lines("a\r\nb\rc\u{2028}d\ne\n\nf") == "a\nb\nc\nd\ne\n\nf")
        #expect(Harmless.lines("a\u{202e}\nb") == "a\u{fffd}\nb")
    }

    @Test("Every page and every sentence in one takes others' words through it")
    func pages() throws {
        let pages = try PageTemplates(directory: TemplateTests.directory)
        let texts = try Messages(.english, directory: TemplateTests.directory)
        let name = "Pat\u{202e}<b>'&\u{200b}"
        let claim = texts.markup("report.claim", ["number": "7"], others: ["name": name])
        #expect(claim.html == "Member 7 calls themselves: <bdi>Pat\u{fffd}&lt;b&gt;&#39;&amp;\u{fffd}</bdi>")
        let html = try pages.render(
            "letter",
            [
                "title": name, "preamble": Markup(listIn: name),
                "demands": [["title": name, "text": Markup(listIn: "a\u{202e}\nb")]], "names": [claim],
                "hasNames": true, "command": Markup(words: [name], whole: { _ in true }), "notProven": [name],
            ], texts: texts)
        for value in Self.deceiving where value > 0x20 {
            #expect(!html.unicodeScalars.contains { $0.value == value }, "U+\(String(value, radix: 16))")
        }
        #expect(!html.contains("<b>") && html.contains("a\u{fffd}\nb"))
        // The lines of a list are marked, and are the only markup.
        #expect(
            Markup(listIn: "<i>\n1. a & b\n二").html
                == "&lt;i&gt;\n<span class=\"item\">1. a &amp; b\n</span>二")
        // A value that looks like a placeholder is not filled in.
        #expect(texts.markup("letter.how", others: ["file": "{file}"]).html.contains("<bdi>{file}</bdi>"))
    }
}
