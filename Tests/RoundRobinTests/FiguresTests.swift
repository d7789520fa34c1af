import ChildProcesses
import Foundation
import Petitions
import Templates
import TestSupport
import Testing

@testable import Presentation
@testable import roundrobin

@Suite("Figures, what they leave open, and files that were changed on the way", .ownThreads, .serialized)
struct FiguresTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func bundle(_ name: String) -> String { Vectors.directory.appending(path: "bundles/\(name).rrbundle").path }

    private static func texts(_ language: Language) throws -> Messages {
        try Messages(language, directory: TemplateLibrary.standardDirectory())
    }

    @Test("Unanimity is said as such, in both languages; a minority of one or two is not, and the reader is told why")
    func words() throws {
        for (language, everyone, letter) in [
            (Language.english, "13 of 13: everyone", "Supported by everyone who answered: 13 of 13."),
            (.chinese, "13 / 13：全部", "作答的 13 人全部支持（13 / 13）。"),
        ] {
            let texts = try Self.texts(language)
            let all = FigureText([0, 13, 0], ring: 13, .standard, texts)
            #expect(all.text(1) == everyone && all.support == letter && all.note(.standard) == nil)
            #expect(all.bar(1)?.filled == 13 && all.bar(1)?.reach == nil)
            let some = FigureText([0, 15, 1], ring: 23, .standard, texts)
            #expect(some.text(1).contains("12") && some.text(1).contains("16") && !some.text(1).contains("15"))
            #expect(some.text(2).contains("3") && some.note(.standard)?.contains("3") == true)
            #expect(some.bar(1)?.filled == 12 && some.bar(1)?.reach == 15)
            let bar = some.terminalBar(1)
            #expect(
                bar.count == 24 && bar.contains("█▒") && FigureText([0, 1, 1], ring: 7, .standard, texts).bar(1) == nil)
            #expect(FigureText([1, 15, 0], ring: 23, .exact, texts).support.contains("15"))
        }
        #expect(Bar.svg(12, reach: 15, of: 16).contains("hatch1") && !Bar.svg(12, of: 16).contains("hatch"))
    }

    @Test("Report and letter show both outcomes first; without a terminal the guarded one is written, and that is said")
    func choosing() throws {
        let page = directory("report.html")
        let made = try Program.run("report", bundle("honest-17"), "-o", page)
        #expect(made.status == 0)
        for part in ["Guarded", "fewer than 3", "Exact", "--hide-below 0"] { #expect(made.output.contains(part)) }
        let guarded = try String(contentsOfFile: page, encoding: .utf8)
        #expect(guarded.contains("fewer than 3") && guarded.contains("Hidden: the number for each"))
        let exact = try Program.run("report", bundle("honest-17"), "-o", page, "--overwrite", "--hide-below", "0")
        #expect(exact.status == 0 && !exact.output.contains("Guarded"))
        #expect(try !String(contentsOfFile: page, encoding: .utf8).contains("fewer than 3"))
        let letter = directory("letter.html")
        #expect(try Program.run("letter", bundle("honest-17"), "-o", letter).output.contains("Guarded"))
        let text = try String(contentsOfFile: letter, encoding: .utf8)
        #expect(text.contains("Who took part") && text.contains("15 signed, ") && text.contains("who answered"))
        #expect(!text.contains("stands behind"))
        #expect(text.contains("roundrobin verify honest-17.rrbundle <span class=\"whole\">--petition</span> "))
    }

    @Test("On a terminal the person chooses, and the end of the input writes nothing", arguments: ["1", "x2", ""])
    func asking(_ answers: String) throws {
        let page = directory("report.html")
        let terminal = try PseudoTerminal(
            [Program.path, "report", bundle("honest-17"), "-o", page], environment: ["LC_ALL": "C"])
        try terminal.see("Which one, 1 or 2?")
        if answers.isEmpty { terminal.type("\u{4}") }
        for (i, answer) in answers.enumerated() {
            if i > 0 { try terminal.see("You can answer: 1, 2.") }
            terminal.type("\(answer)\r")
        }
        #expect(try terminal.end() == .exited(answers.isEmpty ? 2 : 0))
        let text = (try? String(contentsOfFile: page, encoding: .utf8)) ?? ""
        switch answers {
        case "1": #expect(text.contains("fewer than 3"))
        case "": #expect(text.isEmpty)
        default: #expect(!text.isEmpty && !text.contains("fewer than 3"))
        }
    }

    @Test("verify ends with what is not proven: the whole id, who admitted the keys, the trustees")
    func notProven() throws {
        let verdict = try Program.run("verify", bundle("honest-17"))
        let id = try #require(try Program.run("verify", bundle("honest-17"), "--json").json()["petition"] as? String)
        let lines = verdict.output.split(separator: "\n")
        let start = try #require(lines.firstIndex { $0.contains("What you must compare") })
        // The verdict is the first line and the last.
        #expect(lines.first == "Verified: every entry, every proof and every figure." && lines.last == lines.first)
        let end = lines[start...].joined(separator: "\n")
        #expect(end.contains(id) && end.contains("Not proven: that 17 keys are 17 people."))
        #expect(end.contains("1 organiser admitted 16 of the 17 keys.") && end.contains("trustees"))
        #expect(end.contains("hides little"))
        // What was signed, also while there are no figures beside the demands.
        let sealed = try Program.run("verify", bundle("level-released")).output
        #expect(sealed.contains(#/What was signed: ".+"\n  Demand 1: /#), "\(sealed)")
        let readAll = "roundrobin report makes a page of them"
        #expect(sealed.contains(readAll) && verdict.output.contains(readAll))
        let faulty = try Program.run("verify", bundle("double-signature"))
        #expect(faulty.output.contains("What was signed: ") && !faulty.output.contains("roundrobin report"))
        #expect(faulty.status == 1 && faulty.output.contains("Entry 2 of the petition's log breaks a rule."))
        #expect(faulty.output.contains("What you must compare"))
        let said = faulty.output.split(separator: "\n")
        #expect(said.first?.hasPrefix("1 fault: do not trust this") == true && said.last == said.first)
        let chinese = try Program.run("verify", bundle("double-signature"), "--lang", "zh-Hans")
        #expect(chinese.output.contains("联名书日志第 2 条违反规则"))
        let named = try Program.run("verify", bundle("honest-7"), "--json", "--named").json()
        #expect((named["choices"] as? [[String: Int]])?.first == ["abstain": 0, "support": 3, "oppose": 2])
        #expect((named["not_proven"] as? [String: Any])?["admitted_by"] as? [String: Int] == ["1": 6])
        #expect(try Program.run("verify", bundle("honest-7"), "--json").error.contains("What you must compare"))
    }

    @Test("An id as people copy it: blanks, capitals, brackets, quotation marks, a page's address")
    func ids() throws {
        let id = try #require(try Program.run("verify", bundle("honest-7"), "--json").json()["petition"] as? String)
        for given in [
            " \(id) ", id.uppercased(), "<\(id)>", "\u{201c}\(id)\u{201d}", "https://a.example/p/\(id)",
            "https://a.example/rr/p/\(id.uppercased())/?lang=zh-Hans#x", "\(id).", "\u{200b}\(id)\u{feff}",
            "\(id.prefix(32)) \(id.suffix(32))", "\(id)\r\n",
        ] {
            #expect(GivenID.clean(given) == id, "\(given)")
            #expect(try Program.run("verify", bundle("honest-7"), "--petition", given).status == 0, "\(given)")
        }
        for wrong in [String(id.dropLast()), id + "0", "x", String(repeating: "0", count: 64)] {
            #expect(try Program.run("verify", bundle("honest-7"), "--petition", wrong).status == 2)
        }
    }

    @Test("Standard input and pipes are read once, and whole")
    func pipes() throws {
        let file = bundle("honest-7")
        for command in [
            "cat \(file) | \(Program.path) verify -", "\(Program.path) verify - < \(file)",
            "\(Program.path) verify <(cat \(file))", "\(Program.path) report <(cat \(file)) -o \(directory("r.html"))",
        ] {
            let said = try ChildProcess.run([
                "bash", "-c", "LC_ALL=C " + command.replacing("| /", with: "| LC_ALL=C /"),
            ])
            #expect(said.status == 0, "\(command): \(said.error)")
        }
        #expect(try Program.run("verify", directory.path).status == 2)
    }

    @Test("A bundle whose bytes mail or an editor changed is told apart from a damaged one")
    func changed() throws {
        let good = try Array(Data(contentsOf: URL(filePath: bundle("honest-7"))))
        let crlf: [UInt8] = good.flatMap { (byte: UInt8) -> [UInt8] in byte == 0x0a ? [0x0d, 0x0a] : [byte] }
        let wide: [UInt8] = good.flatMap { (byte: UInt8) -> [UInt8] in [byte, 0] }
        let cases: [(String, [UInt8], String)] = [
            ("crlf", crlf, "line endings"), ("bom", [0xef, 0xbb, 0xbf] + good, "line endings"),
            ("no-end", Array(good.dropLast()), "cut short"), ("first", Array(good.prefix(3000)), "cut short"),
            ("cr", good.map { (byte: UInt8) -> UInt8 in byte == 0x0a ? 0x0d : byte }, "line endings"),
            ("wide", [0xff, 0xfe] + wide, "line endings"), ("gz", [0x1f, 0x8b, 8] + good, "compressed"),
            ("zip", Array("PK\u{3}\u{4}".utf8) + good, "compressed"),
            ("cut", Array(good.prefix(5000)) + [0x0a], "cut short"),
            ("other", Array("hello\n".utf8), "damaged"), ("empty", [], "damaged"),
        ]
        for (name, bytes, why) in cases {
            try Data(bytes).write(to: URL(filePath: directory(name)))
            for command in ["verify", "report", "letter"] {
                let said = try Program.run(command, directory(name))
                #expect(said.status == 2 && said.error.contains(why), "\(command) \(name): \(said.error)")
            }
        }
    }

    @Test("Without its wording a file verifies with a warning behind the verdict, and makes neither report nor letter")
    func withoutWording() throws {
        let good = try Data(contentsOf: URL(filePath: bundle("honest-17")))
        let lines = good.split(separator: 0x0a)
        let file = directory("head.rrbundle")
        try Data(lines.dropLast().flatMap { $0 + [0x0a] }).write(to: URL(filePath: file))
        for (language, warning) in [("en", "Warning: The wording of the demands"), ("zh-Hans", "警告：文件中没有诉求的正文")] {
            let said = try Program.run("verify", file, "--lang", language)
            let lines = said.output.split(separator: "\n")
            #expect(said.status == 0 && lines[1].hasPrefix(warning) && lines.last?.hasPrefix(warning) == true)
        }
        for command in ["report", "letter"] {
            let page = directory("\(command).html")
            let said = try Program.run(command, file, "-o", page)
            #expect(said.status == 2 && said.error.contains("wording"))
            #expect(!FileManager.default.fileExists(atPath: page))
        }
        #expect(try !Program.run("verify", bundle("honest-17")).output.contains("Warning"))
    }

    @Test(
        "Another id: which one the file has, and whether a character may be mistyped; no file, a directory, a file to tally"
    )
    func otherNames() throws {
        let file = bundle("honest-7")
        let id = try #require(try Program.run("verify", file, "--json").json()["petition"] as? String)
        let slip = String(id.dropLast()) + (id.hasSuffix("0") ? "1" : "0")
        let mistyped = try Program.run("verify", file, "--petition", slip)
        #expect(mistyped.status == 2 && mistyped.error.contains(id) && mistyped.error.contains("characters: 64"))
        for command in ["verify", "report", "letter"] {
            let other = try Program.run(command, file, "--petition", String(repeating: "0", count: 64))
            #expect(other.status == 2 && other.error.contains(id) && !other.error.contains("mistyped"))
        }
        #expect(try Program.run("verify", directory("x.rrbundle")).error.contains("There is no file"))
        #expect(try Program.run("report", directory("x.rrbundle")).error.contains("There is no file"))
        #expect(try Program.run("verify", directory.path).error.contains("is a directory"))
        let tally = try Program.run("tally", file, "--home", directory("none"))
        #expect(tally.status == 2 && tally.error.contains("roundrobin verify \(file)"))
    }

    @Test("If everybody who could sign did, that is said, and so are the answers on which all agree")
    func everybody() throws {
        for language in Language.allCases {
            let texts = try Self.texts(language)
            let all = Everybody(ring: 6, cosignatures: 6, questions: [[0, 6, 0], [1, 5, 0], [0, 0, 6]])
            #expect(all.isComplete && all.unanimous == [1, 3])
            let lines = all.lines(texts)
            #expect(
                lines.count == 2 && lines[0].contains("6") && lines[1].contains(language == .english ? "1, 3" : "1、3"))
            // A spoiled ballot is somebody's whose answer is not known.
            #expect(Everybody(ring: 6, cosignatures: 6, questions: [[0, 5, 0]]).lines(texts).count == 1)
            #expect(Everybody(ring: 6, cosignatures: 5, questions: [[0, 5, 0]]).lines(texts) == [])
        }
    }

    @Test("Bars get shorter, or go, before a figure needs a second line")
    func narrow() {
        func lines(_ width: Int?) -> [String] {
            Terminal.barred(
                [("Signed  ", "3 of 4"), ("Needed  ", "3 signed, 2 needed")].map { head, text in
                    Terminal.BarRow(3, of: 4) { head + $0 + " " + text }
                }, width: width)
        }
        #expect(lines(nil)[0].count == 8 + 24 + 1 + 6 && lines(80) == lines(nil))
        #expect(lines(40).map { $0.count { "█░".contains($0) } } == [13, 13] && lines(40)[1].count == 40)
        #expect(lines(30) == ["Signed  3 of 4", "Needed  3 signed, 2 needed"])
    }

    @Test("A command on a page is one that a shell takes as it is meant")
    func shell() throws {
        for name in [
            "a.rrbundle", "my dir/a b.rrbundle", "x;touch pwned;.rrbundle", "it's", "$(id)", "名单.rrbundle", "",
        ] {
            let said = try ChildProcess.run(["sh", "-c", "printf %s " + ShellQuoting.file(name)])
            #expect(said.output == name)
        }
        #expect(ShellQuoting.file("-x y") == "./'-x y'" && ShellQuoting.file("名单.rrbundle") == "名单.rrbundle")
    }

    @Test("In a browser a number that a hidden sign turns round reads as it was written")
    func spoofed() throws {
        let browser = try Browser()
        defer { browser.close() }
        let directories = TemplateLibrary.standardDirectory()
        let texts = try Self.texts(.english)
        let name = "Pat\u{202e}(sevlesmeht sllac 41 rebmem sa)"
        let claim = texts.markup("report.claim", ["number": "3"], others: ["name": name])
        let html = try PageTemplates(directory: directories).render(
            "letter",
            [
                "title": "\u{202e}T 52\u{202c}", "preamble": "within \u{202e}41\u{202c} days",
                "demands": [["title": "A \u{2067}63\u{2069}", "text": "ئەلگە 41 كۈن."]], "names": [claim],
                "hasNames": true,
                "command": "roundrobin verify x",
            ], texts: texts)
        let page = directory("spoof.html")
        try Data(html.utf8).write(to: URL(filePath: page))
        try browser.open("file://" + page, width: 1000)
        /// Whether the digits of a number appear from left to right in the order in which they were written.
        func reads(_ number: String, in selector: String) throws -> Bool {
            let script = """
                (() => { for (const e of document.querySelectorAll('\(selector)')) {
                  const walk = document.createTreeWalker(e, NodeFilter.SHOW_TEXT);
                  while (walk.nextNode()) { const n = walk.currentNode, i = n.data.indexOf('\(number)');
                    if (i < 0) continue;
                    const x = j => { const r = document.createRange(); r.setStart(n, j); r.setEnd(n, j + 1);
                      return r.getBoundingClientRect().left; };
                    return x(i) < x(i + 1); } } return false; })()
                """
            return try browser.evaluate(script) as? Bool ?? false
        }
        #expect(try reads("41", in: "main > p.wording"))
        #expect(try reads("52", in: "h1") && reads("63", in: "h2"))
        // Numbers run from left to right even in a right-to-left text.
        #expect(try reads("41", in: "li p.wording"))
        #expect(
            try browser.evaluate("getComputedStyle(document.querySelector('li p.wording')).direction") as? String
                == "rtl")
        // The member's number is our own text and comes first; the name keeps its direction to itself after it.
        let script = "document.querySelector('main > ul li').innerText"
        #expect(try (browser.evaluate(script) as? String ?? "").hasPrefix("Member 3 calls themselves: Pat\u{fffd}("))
        #expect(try reads("41", in: "li bdi") && reads("sev", in: "li bdi"))
    }
}
