import Client
import Foundation
import Petitions
import TestSupport
import Testing

@testable import Presentation
@testable import roundrobin

@Suite("Answers are read alike at every question", .ownThreads)
struct AnswersTests {
    @Test("A yes and a no, as people type them with whatever input method; everything else is neither")
    func agreement() {
        for yes in ["y", "Y", "yes", "YES", "ｙ", "Ｙ", "是", "是的", "好", "确定", " 是。", "y.", "ｙｅｓ"] {
            #expect(Answers.agreement(yes) == true, "\(yes)")
        }
        for no in ["n", "No", "ｎ", "Ｎ", "否", "不", "否。"] { #expect(Answers.agreement(no) == false, "\(no)") }
        for neither in ["", "1", "ok", "可以吗", "yy", "是不是", "maybe", "q"] {
            #expect(Answers.agreement(neither) == nil, "\(neither)")
        }
    }

    @Test("Numbers of any width and with the marks behind them; lists with commas of all kinds")
    func numbers() {
        for two in ["2", "２", "2.", "2、", "２。", " 2 ", "2)", "（2）"] { #expect(Answers.number(two) == 2, "\(two)") }
        for wrong in ["", "0", "-1", "1.5", "two", "2,3", "99999999999999999999", "٣"] {
            #expect(Answers.number(wrong) == nil, "\(wrong)")
        }
        #expect(Answers.number("4", in: 1...3) == nil)
        for list in ["1,3", "1，3", "1、3", "1;3", "1；3", "1 3", "１，　３", "1, 3.", "1,3,1"] {
            #expect(Answers.numbers(list, in: 1...3) == [1, 3], "\(list)")
        }
        for wrong in ["", "1,4", "1,x", ",", "1-3"] { #expect(Answers.numbers(wrong, in: 1...3) == nil, "\(wrong)") }
        #expect(Answers.list("Li Wei， Ana Souza;3") == ["Li Wei", "Ana Souza", "3"])
        #expect(Answers.list("支持，，反对", withGaps: true) == ["支持", "", "反对"])
        for leaving in ["q", "Q", "ｑ", "quit", "退出", "q。"] { #expect(Answers.leaves(leaving), "\(leaving)") }
        #expect(Choices.choice("１", of: .petition) == 1 && Choices.choice("2、", of: .petition) == 2)
        #expect(Choices.choice("支持。", of: .petition) == 1 && Choices.choice("3", of: .petition) == nil)
    }

    @Test("A question is asked again until it is answered, and Enter is the default alone")
    func again() {
        func ask(_ answers: [String], otherwise: Bool = false) -> (Bool, Int) {
            var asked = 0
            let agreed = Terminal.agreement("?", otherwise: otherwise) { _ in
                asked += 1
                return answers[asked - 1]
            }
            return (agreed, asked)
        }
        #expect(ask(["ja", "1", "ｙ"]) == (true, 3))
        #expect(ask(["ja", ""]) == (false, 2) && ask(["ja", ""], otherwise: true) == (true, 2))
        #expect(ask(["否"], otherwise: true) == (false, 1))
        var answers = ["9", "x", "ｇ"]
        let chosen = Terminal.choice("?", among: 2, letters: "g", otherwise: "g") { _ in answers.removeFirst() }
        #expect(chosen.place == nil && chosen.letter == "g")
        #expect(Terminal.choice("?", among: 2, letters: "g") { _ in "２。" }.place == 1)
    }

    @Test("A question fits the terminal without a broken word, and the cursor stands behind its last line")
    func prompt() {
        let question = "If you go on under your name now, the service could connect the two. Go on anyway? [y/N] "
        for columns in [40, 80] {
            let lines = Terminal.prompt(question, columns: columns).split(separator: "\n")
            #expect(lines.count > 1 && lines.allSatisfy { Columns.cells(String($0)) <= columns + 1 })
            #expect(lines.joined(separator: " ") == question)
        }
        let command = ["roundrobin", "invite", "people", "/home/ana/a list.csv", "--slips", "slips.html"]
        let shown = Wrapping.unglued(Terminal.command(command, columns: 40))
        #expect(shown.split(separator: "\n").allSatisfy { $0.count <= 40 })
        #expect(shown.replacing(" \\\n    ", with: " ") == ShellQuoting.command(command))
    }

    @Test(
        "A dash before an option is explained; the parser's mistakes and help are in the person's language at any width"
    )
    func usage() throws {
        for (argument, right) in [("——delay", "--delay"), ("—petition=x", "--petition=x"), ("-–now", "--now")] {
            #expect(try #require(Usage.dash(in: ["cosign", argument])).contains(right))
        }
        #expect(
            Usage.dash(in: ["--title", "—one"]) == nil && Usage.dash(in: ["a", "—", "—二", "-x", "--", "——now"]) == nil)
        let dash = try Program.run("cosign", "——delay", "5", "--lang", "zh-Hans")
        #expect(dash.status == 64 && dash.error.contains("连字符") && dash.error.contains("--delay"), "\(dash.error)")
        let value = try Program.run("petition", "prepare", "--threshold", "2,3,5", "--lang", "zh-Hans")
        #expect(value.status == 64 && value.error.contains("不接受“2,3,5”"), "\(value.error)")
        for columns in ["24", "40", "60", "80"] {
            for command in [["--help"], ["report", "--help"], ["cosign", "--help"]] {
                let shown = try Program.run(command + ["--lang", "zh-Hans"], environment: ["COLUMNS": columns])
                #expect(shown.status == 0)
                for english in ["Show", "default", "information", "version.", "values:"] {
                    #expect(!shown.output.contains(english), "\(command) \(columns): \(shown.output)")
                }
            }
        }
    }
}
