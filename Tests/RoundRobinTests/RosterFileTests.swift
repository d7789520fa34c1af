import Client
import Foundation
import QRCode
import Templates
import TestSupport
import Testing

@testable import Presentation
@testable import roundrobin

@Suite("Lists of people, and slips", .ownThreads)
struct RosterFileTests {
    private func refuses(_ key: ClientError.Invalid, line: Int? = nil, _ text: String) {
        do {
            _ = try RosterFile(text)
            Issue.record("not refused: \(key), \(text)")
        } catch ClientError.invalid(let found, let values) {
            #expect(found == key, "\(text)")
            if let line { #expect(values["line"] == "\(line)", "\(text)") }
        } catch { Issue.record("\(error)") }
    }

    private func parse(_ text: String) throws -> [DirectoryEntry] { try RosterFile(OutsideText.read(text)).people }

    @Test("Lists as spreadsheets write them: quotes, semicolons, tabs, CRLF, a byte order mark, Chinese headings")
    func reads() throws {
        let plain = try parse("name,team,note\nLi Wei,Night desk,\"speaks \"\"Wu\"\", too\"\n\nAna,,\n")
        #expect(plain.map(\.name) == ["Li Wei", "Ana"] && plain[0].note == "speaks \"Wu\", too" && plain[1].team == "")
        let excel = try parse("\u{feff}姓名;部门;语言\r\n王芳;客服一班;zh-Hans\r\n O'Neil ;Desk;en\r\n")
        #expect(excel.map(\.name) == ["王芳", "O'Neil"] && excel.map(\.language) == ["zh-Hans", "en"])
        #expect(excel[0].team == "客服一班")
        let tabs = try parse("Team\tName\textra\nA\tB\tC")
        #expect(tabs.map(\.name) == ["B"] && tabs[0].team == "A")
        #expect(Set(plain.map(\.id)).count == 2)
        #expect(try parse("\n\nname\nAna\n").map(\.name) == ["Ana"])
    }

    @Test("The first line by which Excel is told the separator is no heading")
    func separatorLine() throws {
        for text in [
            "sep=;\r\nname;team\r\nDora Example;Night\r\n", "SEP=,\nname,team\nDora Example,Night",
            "\"sep=;\"\nname;team\nDora Example;Night", "sep=|\nname|team\nDora Example|Night\n",
            "sep=\t\nname\tteam\nDora Example\tNight\n",
        ] {
            let people = try parse(text)
            #expect(people.map(\.name) == ["Dora Example"] && people[0].team == "Night", "\(text)")
        }
        refuses(.rosterNoName, line: 3, "sep=;\nname;team\n;Night\n")
    }

    @Test("What a Chinese keyboard types for a separator parts cells if the heading has it")
    func fullWidth() throws {
        let people = try parse("姓名，部门\n王芳，夜班\n李娜,白班\n")
        #expect(people.map(\.name) == ["王芳", "李娜"] && people.map(\.team) == ["夜班", "白班"])
        #expect(try parse("姓名；部门\n王芳；夜班\n").map(\.team) == ["夜班"])
        #expect(try parse("姓名,备注\n王芳,会说吴语，粤语\n").map(\.note) == ["会说吴语，粤语"])
        refuses(.rosterSeparator, line: 2, "姓名,部门\n王芳，夜班\n")
        refuses(.rosterSeparator, line: 3, "name,team\nAna,Day\nBo;Night\n")
    }

    @Test("Headings as staff lists have them; two columns that mean the same are refused, others are named as unused")
    func headings() throws {
        for (heading, row, name) in [
            ("First Name,Last Name", "Ana,Lopez", "Ana Lopez"), ("Surname;Given name", "Lopez;Ana", "Ana Lopez"),
            ("姓,名", "王,芳", "王芳"), ("Employee Name", "Ana Lopez", "Ana Lopez"), ("员工姓名", "王芳", "王芳"),
            ("NAME*", "Ana", "Ana"), ("Full_Name", "Ana", "Ana"), ("姓名（必填）", "王芳", "王芳"),
            ("\u{a0}Name\u{a0}:", "Ana", "Ana"), ("Name,First Name", "Ana Lopez,Ana", "Ana Lopez"),
            ("First Name,Last Name", "Ana,", "Ana"),
        ] {
            #expect(try parse(heading + "\n" + row + "\n").map(\.name) == [name], "\(heading)")
        }
        for heading in ["Dept", "Dept.", "部门", "部門", "Department", "Team", "班组", "Unit"] {
            #expect(try parse("name,\(heading)\nAna,Night\n").map(\.team) == ["Night"], "\(heading)")
        }
        let list = try RosterFile("Name,Staff no.,Dept,E-mail,\nAna,1,Night,a@b.example,\n")
        #expect(list.used == ["Name", "Dept"] && list.unused == ["Staff no.", "E-mail"])
        #expect(list.summary.contains("Ana") && list.summary.contains("Staff no.") && list.summary.contains("1 person"))
        refuses(.rosterColumn, "name,姓名\nA,B\n")
        refuses(.rosterColumn, "name,Dept,Team\nA,B,C\n")
        refuses(.rosterHeading, "team,note\nA,B\n")
        refuses(.rosterHeading, "First Name,Dept\nA,B\n")
        refuses(.rosterHeading, "Ana Lopez,Night\nBo,Day\n")
    }

    @Test("Quotes that stand astray merge no two people, and the line is the file's own")
    func quotes() throws {
        refuses(.rosterSplit, line: 2, "name,note\n\"Ann Alpha,x\nBob Beta,y\"\nCy Gamma,z\n")
        refuses(.rosterSplit, line: 2, "name,note\nAnn Alpha,\"x\nBob Beta,y\"\nCy Gamma,z\n")
        refuses(.rosterSplit, line: 3, "name,extra\nA,\nAnn Alpha,\"x\nBob Beta,y\"\n")
        refuses(.rosterBreak, line: 2, "name\n\"Ann\nBob\"\nCy\n")
        refuses(.rosterBreak, line: 2, "name,team\n\"Ann\tBob\",x\n")
        refuses(.rosterQuote, line: 3, "name,team\nAna,A\n\"Bo,B\nCy,C\n")
        refuses(.rosterQuote, line: 2, "name,team\n\"Ann\" Alpha,x\n")
        refuses(.rosterNoName, line: 6, "name,note\n\"Pa Iota\",\"one\ntwo\nthree\"\nQi Kappa,x\n,nobody\n")
        let notes = try parse("name,note\nPa,\"one\ntwo\"\nQi,x\n")
        #expect(notes.map(\.note) == ["one two", "x"])
        let bare = try parse("name,note\nHal \"Hank\" Hill,5\" screws\n=HYPERLINK(\"x\")&Ned,=1+1\n+Ora Example,@x\n")
        #expect(bare.map(\.name) == ["Hal \"Hank\" Hill", "=HYPERLINK(\"x\")&Ned", "+Ora Example"])
        #expect(bare[0].note == "5\" screws")
    }

    @Test("What is no list is refused, each cause by its own name and line")
    func refusals() {
        refuses(.rosterFile, "\n")
        refuses(.rosterFile, "")
        refuses(.rosterEmpty, "name,team\n\n,\n")
        refuses(.rosterNoName, line: 2, "name,team\n,Night desk\n")
        refuses(.rosterCells, line: 3, "name,team\nAna,A\nBo,B,C\n")
        refuses(.rosterCells, line: 2, "name\nLopez, Ana\n")
        refuses(.rosterLong, line: 2, "name\n\(String(repeating: "x", count: 201))\n")
        refuses(.rosterLong, line: 3, "name\nA\ne\(String(repeating: "\u{301}", count: 20_000))\n")
        refuses(.rosterLanguage, line: 2, "name,language\nA,tlh\n")
        for code in ["\u{202e}", "\u{2066}", "\u{200f}", "\u{200b}", "\u{ad}", "\u{2028}", "\u{e000}"] {
            refuses(.rosterHidden, line: 3, "name,team\nAna,A\nB\(code)o,B\n")
            refuses(.rosterHidden, line: 2, "name,team\nBo,B\(code)B\n")
        }
    }

    @Test("Languages by their names and tags")
    func languages() throws {
        for word in ["en", "English", "ENG", "en-GB", "英文", "英语"] {
            #expect(try parse("name,language\nA,\(word)\n").map(\.language) == ["en"], "\(word)")
        }
        for word in [
            "zh", "zh-CN", "zh_Hans", "中文", "Chinese", "汉语", "普通话", "Mandarin", "Chinese (Simplified)", "简体中文",
        ] {
            #expect(try parse("name,language\nA,\(word)\n").map(\.language) == ["zh-Hans"], "\(word)")
        }
    }

    private func file(_ bytes: [UInt8], _ directory: TemporaryDirectory) throws -> String {
        try Data(bytes).write(to: URL(filePath: directory("list.csv")))
        return directory("list.csv")
    }

    @Test("Encodings: UTF-16 by its mark, GB18030 and Windows-1252 by what the bytes fit")
    func encodings() throws {
        let directory = try TemporaryDirectory()
        // 姓名,部门 / 张小明,夜班 in GB18030, as a Chinese Excel saves it.
        let chinese: [UInt8] =
            [0xd0, 0xd5, 0xc3, 0xfb, 0x2c, 0xb2, 0xbf, 0xc3, 0xc5, 0x0d, 0x0a]
            + [0xd5, 0xc5, 0xd0, 0xa1, 0xc3, 0xf7, 0x2c, 0xd2, 0xb9, 0xb0, 0xe0, 0x0d, 0x0a]
        let source = try RosterFile.source(file(chinese, directory), encoding: nil)
        #expect(source.guessed == .gb18030)
        #expect(try RosterFile(source.text).people.map(\.name) == ["张小明"])
        let told = try RosterFile.source(file(chinese, directory), encoding: .gb18030)
        #expect(told.guessed == nil && told.text == source.text)
        // Accented letters within Latin words also fit GB18030, but are not Chinese.
        for name in [
            [0x4d, 0xfc, 0x6c, 0x6c, 0x65, 0x72], [0x4a, 0x6f, 0x73, 0xe9, 0x20, 0x4e, 0xfa, 0xf1, 0x65, 0x7a],
            [0x5a, 0x6f, 0xeb],
        ] as [[UInt8]] {
            let western = Array("name\n".utf8) + name + [0x0a]
            #expect(RosterEncoding.guess(western, isChinese: false) == .windows1252)
        }
        let western = try RosterFile.source(
            file(Array("name\nM".utf8) + [0xfc] + Array("ller\n".utf8), directory), encoding: nil)
        #expect(western.guessed == .windows1252 && western.text.contains("Müller"))
        for bigEndian in [true, false] {
            let units = "姓名\t部门\n王芳\t夜班\n".utf16.flatMap { unit -> [UInt8] in
                let bytes = [UInt8(unit >> 8), UInt8(unit & 0xff)]
                return bigEndian ? bytes : bytes.reversed()
            }
            let text = try RosterFile.source(
                file((bigEndian ? [0xfe, 0xff] : [0xff, 0xfe]) + units, directory), encoding: nil)
            #expect(try text.guessed == nil && RosterFile(text.text).people.map(\.name) == ["王芳"])
        }
        #expect(RosterEncoding.guess([0x41, 0, 0xff], isChinese: true) == nil)
        #expect(throws: ClientError.self) { try RosterFile.source(file(chinese, directory), encoding: .utf8) }
        #expect(throws: ClientError.self) { try RosterFile.source(directory("missing.csv"), encoding: nil) }
        for (name, encoding) in [
            ("GBK", RosterEncoding.gb18030), ("gb2312", .gb18030), ("UTF-8", .utf8), ("cp1252", .windows1252),
            ("Latin-1", .windows1252), ("utf_16", .utf16),
        ] {
            #expect(RosterEncoding(name: name) == encoding)
        }
        #expect(RosterEncoding(name: "shift-jis") == nil)
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
        // Characters that join what follows them, or that come after it.
        var joined = DirectoryEntry(
            name: "X\u{0600}<form\u{0600}>", team: "\u{06dd}\u{0600}\"\u{301}\u{110bd}'&\u{20d2}")
        joined.language = "en"
        let hostile = try Slips.page(
            [IssuedInvite(entry: joined, url: "https://a.example/join#abc")], language: .english, directory: root)
        #expect(!hostile.contains("<form") && hostile.unicodeScalars.count { $0 == "<" } == plainTags)
        #expect(page.contains("只供一人使用") && page.contains("This slip admits one person."))
        #expect(page.contains("2026-09-21") && page.contains("class=\"qr\"") && page.contains("join#def"))
        #expect(!page.contains("src=") && !page.contains("href="))
    }
}
