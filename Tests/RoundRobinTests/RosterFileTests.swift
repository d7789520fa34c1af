import Client
import Foundation
import QRCode
import Templates
import Testing

@testable import roundrobin

@Suite("Lists of people, and slips")
struct RosterFileTests {
    private func refuses(_ key: ClientError.Invalid, _ text: String) {
        do {
            _ = try RosterFile.parse(text)
            Issue.record("not refused: \(key)")
        } catch ClientError.invalid(let found, _) { #expect(found == key, "\(text)") } catch {
            Issue.record("\(error)")
        }
    }

    @Test("Lists as spreadsheets write them: quotes, semicolons, tabs, CRLF, a byte order mark, Chinese headings")
    func reads() throws {
        let plain = try RosterFile.parse("name,team,note\nLi Wei,Night desk,\"speaks \"\"Wu\"\", too\"\n\nAna,,\n")
        #expect(plain.map(\.name) == ["Li Wei", "Ana"] && plain[0].note == "speaks \"Wu\", too" && plain[1].team == "")
        let excel = try RosterFile.parse("\u{feff}姓名;部门;语言\r\n王芳;客服一班;zh-Hans\r\n O'Neil ;Desk;en\r\n")
        #expect(excel.map(\.name) == ["王芳", "O'Neil"] && excel.map(\.language) == ["zh-Hans", "en"])
        #expect(excel[0].team == "客服一班")
        let tabs = try RosterFile.parse("Team\tName\textra\nA\tB\tC")
        #expect(tabs.map(\.name) == ["B"] && tabs[0].team == "A")
        #expect(Set(plain.map(\.id)).count == 2)
    }

    @Test("What is no list is refused, by name")
    func refusals() {
        #expect((try? RosterFile.parse("\n\nname\nAna\n"))?.map(\.name) == ["Ana"])
        refuses(.rosterHeading, "team,note\nA,B\n")
        refuses(.rosterFile, "\n")
        refuses(.rosterFile, "")
        refuses(.rosterColumn, "name,姓名\nA,B\n")
        refuses(.rosterLine, "name,team\n,Night desk\n")
        refuses(.rosterLine, "name\n\(String(repeating: "x", count: 201))\n")
        refuses(.rosterLine, "name,language\nA,tlh\n")
        refuses(.rosterFile, "name,team\n\"A,B\n")
    }

    @Test("A code holds its text: the finders and the size of its version, and nothing is drawn for what does not fit")
    func codes() throws {
        let code = try #require(QRCode(String(repeating: "a", count: 180)))
        #expect((code.width - 17) % 4 == 0)
        #expect(QRCode("") == nil && QRCode(String(repeating: "a", count: 2332)) == nil)
        #expect(QRCode(String(repeating: "a", count: 2331)) != nil)
        let svg = code.svg(label: "a \"\u{301}<b>")
        #expect(svg.contains("aria-label=\"a &quot;\u{301}&lt;b&gt;\""))
        #expect(svg.unicodeScalars.filter { $0 == "\"" }.count % 2 == 0)
    }

    @Test("Slips are written in each person's language, escape what is in a name, and overwrite nothing")
    func slips() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "templates").path
        var entry = DirectoryEntry(name: "<script>alert(1)</script>", team: "\"\u{301}>", language: "zh-Hans")
        entry.expires = 1_790_000_000
        let invites = [
            IssuedInvite(entry: entry, url: "https://a.example/join#abc"),
            IssuedInvite(entry: DirectoryEntry(name: "Ana"), url: "https://a.example/join#def"),
        ]
        let page = try Slips.page(invites, language: .english, directory: root)
        let plain = try Slips.page(
            [IssuedInvite(entry: DirectoryEntry(name: "A", team: "B"), url: "https://a.example/join#abc")],
            language: .english, directory: root)
        let plainTags = plain.unicodeScalars.count { $0 == "<" }
        #expect(!page.contains("<script") && page.contains("&lt;script&gt;"))
        // Characters that join what follows them, or stand behind it.
        var joined = DirectoryEntry(
            name: "X\u{0600}<form\u{0600}>", team: "\u{06dd}\u{0600}\"\u{301}\u{110bd}'&\u{20d2}")
        joined.language = "en"
        let hostile = try Slips.page(
            [IssuedInvite(entry: joined, url: "https://a.example/join#abc")], language: .english, directory: root)
        #expect(!hostile.contains("<form") && hostile.unicodeScalars.count { $0 == "<" } == plainTags)
        #expect(page.contains("只供一人使用") && page.contains("It admits one person."))
        #expect(page.contains("2026-09-21") && page.contains("class=\"qr\"") && page.contains("join#def"))
        #expect(!page.contains("src=") && !page.contains("href="))
    }
}
