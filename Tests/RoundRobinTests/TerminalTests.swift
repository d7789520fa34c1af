import Testing

@testable import Presentation
@testable import roundrobin

@Suite("What others wrote cannot pass for what the program says", .ownThreads)
struct TerminalTests {
    @Test("A name prints no line of its own, moves no cursor and turns no direction")
    func oneLine() {
        let hostile = "Ann\nMember 4\r\u{1b}[2K\u{2028}\u{85}\u{202e}\u{2066}\t\u{7f}\u{feff}"
        let shown = Terminal.harmless(hostile)
        #expect(shown.hasPrefix("Ann\u{fffd}Member 4"))
        #expect(!shown.contains { $0.isNewline })
        #expect(
            !shown.unicodeScalars.contains {
                $0.value < 0x20 || $0.value == 0x1b || $0.value == 0x202e || $0.value == 0x7f
            })
        #expect(Terminal.harmless("李伟 👩‍💻 Zoë") == "李伟 👩‍💻 Zoë")
    }

    @Test("Longer texts are indented, each line of them")
    func block() {
        #expect(Terminal.block("one\nVerified: all\r\ntwo\u{2028}three") == "  one\n  Verified: all\n  two\n  three")
    }
}
