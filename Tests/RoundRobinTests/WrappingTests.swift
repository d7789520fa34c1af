import ChildProcesses
import Foundation
import Testing

@testable import Presentation
@testable import roundrobin

@Suite("Lines are broken where a reader expects it", .ownThreads)
struct WrappingTests {
    private func wrap(_ text: String, _ width: Int) -> [String] { Wrapping(width: width, hangs: true).lines(of: text) }

    @Test(
        "Cells: wide characters and emoji take two, marks none, colours none",
        arguments: [
            ("abc", 3), ("劳动者", 6), ("，。", 4), ("é", 1), ("e\u{301}", 1), ("👩‍💻", 2), ("🇨🇳", 2), ("✅", 2), ("❤️", 2),
            ("❤", 1), ("⌚", 2),
            ("👍🏽", 2), ("ｱ", 1), ("Ａ", 2), ("\u{1b}[1mab\u{1b}[0m", 2), ("가", 2), ("𠀀", 2), ("“”", 2), ("1️⃣", 2), ("", 0),
            ("\u{200b}", 0),
        ])
    func cells(_ text: String, _ cells: Int) { #expect(Columns.cells(text) == cells, "\(text)") }

    @Test("At spaces, below the first word, and no word is cut")
    func words() {
        #expect(wrap("one two three four", 9) == ["one two", "three", "four"])
        #expect(wrap("  1  one two three", 11) == ["  1  one", "     two", "     three"])
        #expect(wrap("    indented words go on below", 20) == ["    indented words", "    go on below"])
        #expect(wrap("as it is   in columns", 80) == ["as it is   in columns"])
        #expect(wrap("a\n\nb", 20) == ["a", "", "b"])
        let colour = "\u{1b}[31mone two\u{1b}[0m three"
        #expect(wrap(colour, 9) == ["\u{1b}[31mone two\u{1b}[0m", "three"])
    }

    @Test("An id, an address and a command stay whole, on a line of their own if need be")
    func whole() {
        let id = String(repeating: "0123456789abcdef", count: 4)
        #expect(wrap("Compare \(id) with a coworker.", 66) == ["Compare", id, "with a coworker."])
        let command = Terminal.command(["roundrobin", "cosign", "01f1008d", "--delay", "60"])
        #expect(
            wrap("Then run \(command) at home, please.", 39) == [
                "Then run", "roundrobin cosign 01f1008d --delay 60", "at home, please.",
            ])
        #expect(
            wrap("  roundrobin verify a.rrbundle --petition \(id)", 40) == [
                "  roundrobin verify a.rrbundle --petition \(id)"
            ])
        #expect(
            wrap("See https://service.example/p/01f1008d now", 30) == [
                "See", "https://service.example/p/01f1008d", "now",
            ])
    }

    @Test("An id that is wider than the line is broken below itself")
    func ids() {
        let id = String(repeating: "0123456789abcdef", count: 4)
        let labelled = Wrapping(width: 40, hangs: true).lines(of: "Petition      \(id)")
        #expect(
            labelled.allSatisfy { Columns.cells($0) <= 40 }
                && labelled.dropFirst().allSatisfy { $0.hasPrefix("              ") })
        #expect(labelled.joined().filter { $0 != " " } == "Petition" + id)
        let listed = Wrapping(width: 40, hangs: true).lines(of: "· Compare the id: \u{1b}[2m\(id)\u{1b}[0m.")
        #expect(listed.dropFirst().allSatisfy { $0.hasPrefix("  ") && Columns.cells($0) <= 40 })
    }

    @Test("Chinese breaks between characters, but no line begins with what closes a phrase or ends with what opens one")
    func chinese() {
        let text = "我们要求（一）夜班津贴提高，（二）排班表提前十四天公布。“为什么？”因为我们也有家庭、孩子；还有父母！"
        for width in 4...60 {
            let lines = wrap(text, width)
            #expect(lines.joined() == text)
            for line in lines {
                #expect(Columns.cells(line) <= max(width, 8), "\(width): \(line)")
                #expect(!"，。；：？！、）”".contains(line.first!), "\(width): \(line)")
                #expect(!"（“".contains(line.last!), "\(width): \(line)")
            }
        }
    }

    @Test("Columns beside each other cut what is wider than they are")
    func columns() {
        #expect(Columns.wrap("0123456789", 4) == ["0123", "4567", "89"])
        #expect(Columns.wrap("一二三四", 4) == ["一二", "三四"])
    }

    @Test("Commands are quoted for a shell, and only where it is needed")
    func quoting() throws {
        #expect(ShellQuoting.command(["roundrobin", "verify", "a-b_c.rrbundle"]) == "roundrobin verify a-b_c.rrbundle")
        #expect(ShellQuoting.word("my dir/a b") == "'my dir/a b'")
        #expect(ShellQuoting.word("it's") == "'it'\\''s'")
        #expect(ShellQuoting.word("x;touch pwned;") == "'x;touch pwned;'")
        #expect(
            ShellQuoting.word("") == "''" && ShellQuoting.word("~/a") == "'~/a'" && ShellQuoting.word("张伟") == "张伟")
        #expect(!ShellQuoting.command(["a\nb\u{1b}[2J"]).contains { $0.isNewline || $0 == "\u{1b}" })
        for word in ["$(id)", "`id`", "a b", "!!", "*", "\\", "\"", "'", "#x", "-n", "a=b", "{a,b}"] {
            let said = try ChildProcess.run(["sh", "-c", "printf %s " + ShellQuoting.word(word)]).output
            #expect(said == word)
        }
    }
}
