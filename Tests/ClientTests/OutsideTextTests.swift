import Client
import CoSigning
import Petitions
import Testing

@Suite("Texts from outside")
struct OutsideTextTests {
    private func utf16(_ text: String, bigEndian: Bool) -> [UInt8] {
        (bigEndian ? [0xfe, 0xff] : [0xff, 0xfe])
            + text.utf16.flatMap { unit -> [UInt8] in
                let bytes = [UInt8(unit >> 8), UInt8(unit & 0xff)]
                return bigEndian ? bytes : bytes.reversed()
            }
    }

    @Test("UTF-8 and UTF-16 with a mark, every line end as LF, no byte order mark anywhere")
    func read() throws {
        let wanted = "Titel\n\nzwölf 王芳 😀\n"
        for text in [
            wanted, wanted.replacing("\n", with: "\r\n"), wanted.replacing("\n", with: "\r"), "\u{feff}" + wanted,
        ] {
            #expect(try OutsideText.read(Array(text.utf8)) == wanted)
            #expect(try OutsideText.read(text) == wanted)
            #expect(try OutsideText.read(utf16(text, bigEndian: true)) == wanted)
            #expect(try OutsideText.read(utf16(text, bigEndian: false)) == wanted)
        }
        #expect(try OutsideText.read(Array("a\r\n\r\nb\n\rc\u{85}d".utf8)) == "a\n\nb\n\nc\nd")
        #expect(try OutsideText.read([UInt8]()) == "")
    }

    @Test("What is no text is refused, a control character with its line")
    func refused() {
        for bytes: [UInt8] in [
            [0xff], [0xc3, 0x28], [0xd0, 0xd5, 0xc3, 0xfb], [0xff, 0xfe, 0x41], [0xfe, 0xff, 0xd8, 0],
        ] {
            #expect(throws: OutsideText.Fault.encoding, "\(bytes)") { try OutsideText.read(bytes) }
        }
        for scalar: Unicode.Scalar in ["\0", "\u{7}", "\u{1b}", "\u{b}", "\u{c}", "\u{7f}", "\u{9b}"] {
            #expect(throws: OutsideText.Fault.control(line: 3, scalar)) {
                try OutsideText.read("a\r\nb\tb\r\nc\(scalar)")
            }
        }
        // UTF-16 without a byte order mark.
        #expect(throws: OutsideText.Fault.control(line: 1, "\0")) { try OutsideText.read([0x41, 0, 0x42, 0]) }
    }

    @Test("A whole is parted at its first line, whatever ends lines")
    func parts() throws {
        for end in ["\n", "\r\n", "\r"] {
            let whole = ["\u{feff} Windows title ", "", "First line.", "Second line.", ""].joined(separator: end)
            let parts = Draft.parts(whole)
            #expect(parts.title == "Windows title" && parts.text == "First line.\nSecond line.")
            #expect(try Draft.titled(whole) == parts)
        }
        let parts = Draft.parts("Title only")
        #expect(parts.title == "Title only" && parts.text == "" && Draft.parts("").title == "")
    }

    @Test("A remark is tidied like every text, and refused if a character of it does not show")
    func remark() throws {
        #expect(try OutsideText.remark("\u{feff}One.\r\nTwo.") == "One.\nTwo.")
        refuses(.controlCharacter) { _ = try OutsideText.remark("a\u{7}") }
        #expect {
            try OutsideText.remark("a\u{202e}b")
        } throws: { error in
            guard case ClientError.coSigning(.remarkHidden(line: 1, "U+202E")) = error else { return false }
            return true
        }
    }

    private func refuses(_ reason: ClientError.Invalid, _ body: () throws -> Void) {
        do {
            try body()
            Issue.record("not refused: \(reason)")
        } catch ClientError.invalid(let found, _) { #expect(found == reason) } catch { Issue.record("\(error)") }
    }

    @Test("A file whose first line may be no title is refused")
    func titled() {
        refuses(.noTitle) { _ = try Draft.titled("\n\ntext") }
        refuses(.titleThenText) { _ = try Draft.titled("1. New text.") }
        refuses(.titleThenText) { _ = try Draft.titled("1. New text.\n2. More of it.") }
        refuses(.titleThenText) { _ = try Draft.titled("Title\n\n \n") }
    }
}
