import Foundation
import TestSupport
import Testing

@Suite("People and texts from outside, on the command line", .ownThreads, .serialized)
struct PeopleCommandTests {
    let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        try Data("a long passphrase\n".utf8).write(to: URL(filePath: directory("pass")))
    }

    private func run(_ member: Int, _ arguments: String...) throws -> Program.Result {
        try Program.run(as: member, in: directory, arguments)
    }

    private func write(_ text: String, _ name: String) throws -> String {
        try Data(text.utf8).write(to: URL(filePath: directory(name)))
        return directory(name)
    }

    private func entries(_ result: Program.Result) throws -> [[String: Any]] {
        try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]] ?? []
    }

    @Test("Two of one name: invited once each, and each can be described, invited anew and revoked")
    func sameNames() throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        #expect(try run(1, "workplace", "found", service.url, "--eligible", "20").status == 0)
        let list = try write("Name,Dept,Shoe size\nPat Sigma,Night,41\nQi Tau,Day,42\n", "list.csv")
        let first = try run(1, "invite", "people", list, "--json")
        #expect(try entries(first).count == 2 && first.error.contains("Read 2 people"))
        #expect(first.error.contains("Columns not used: Shoe size"))
        let grown = try write("name,team\nPat Sigma,Night\nQi Tau,Day\nPat Sigma,Day\n", "grown.csv")
        #expect(try run(1, "invite", "people", grown).error.contains("--same-names"))
        let second = try run(1, "invite", "people", grown, "--same-names", "--json")
        #expect(try entries(second).map { $0["name"] as? String } == ["Pat Sigma"])
        let again = try run(1, "invite", "people", grown, "--same-names")
        #expect(again.output.contains("nobody new"), "\(again.output)")
        let ambiguous = try run(1, "invite", "reissue", "Pat Sigma")
        #expect(ambiguous.status == 2 && ambiguous.error.contains("p1") && ambiguous.error.contains("p3"))
        #expect(try run(1, "invite", "reissue", "Pat Sigma, Day").status == 0)
        #expect(try run(1, "members", "describe", "p3", "--note", "tall").status == 0)
        let facts = try run(1, "members", "directory", "--json").json()["entries"] as? [[String: Any]] ?? []
        #expect(facts.count == 3 && facts[2]["note"] as? String == "tall" && facts[2]["number"] as? Int == 3)
        let invite = try #require(facts[0]["invite"] as? String)
        #expect(try run(1, "invite", "revoke", invite).status == 0)
        #expect(try run(1, "invite", "revoke", "Pat Sigma, Night").error.contains("no open invite"))
        #expect(try run(1, "invite", "revoke", "Qi Tau", "p3").status == 0)
        #expect(try run(1, "invite", "list").error.contains("0 open"))
        #expect(try run(1, "organisers", "appoint", "Qi Tau").error.contains("has not joined"))
        #expect(try run(1, "members", "remove", "Nobody").error.contains("Nobody is called"))
    }

    @Test("A list with a fault issues nothing, and leaves no slips; nor does one that the directory has no room for")
    func faults() throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        #expect(try run(1, "workplace", "found", service.url, "--eligible", "20000").status == 0)
        let slips = directory("slips.html")
        func refused(_ text: String, _ message: String) throws {
            let result = try run(1, "invite", "people", write(text, "list.csv"), "--slips", slips)
            #expect(result.status == 2 && result.error.contains(message), "\(result.error)")
            #expect(!FileManager.default.fileExists(atPath: slips))
        }
        try refused("name,note\n\"Ann Alpha,x\nBob Beta,y\"\nCy Gamma,z\n", "line 2")
        try refused("name,team\nAna,A\n,B\n", "Line 3 of the list has no name")
        try refused("name,language\nAna,Klingon\n", "Klingon")
        try refused("name\nAna\u{202e}\n", "U+202E")
        let many = (0..<16_385).map { "Person Number \($0 &* 7919),Team \($0 % 17)" }.joined(separator: "\n")
        try refused("name,team\n" + many + "\n", "as many as a workplace can have")
        try Data([0xd0, 0xd5, 0xc3, 0xfb, 0x0a, 0xcd, 0xf5, 0xb7, 0xbc, 0x0a]).write(
            to: URL(filePath: directory("gb.csv")))
        let guessed = try run(1, "invite", "people", directory("gb.csv"), "--slips", slips)
        #expect(guessed.status == 2 && guessed.error.contains("--encoding gb18030") && guessed.error.contains("王芳"))
        #expect(try run(1, "invite", "people", directory("none.csv")).error.contains("There is no file"))
        #expect(try run(1, "invite", "people", directory("gb.csv"), "--encoding", "klingon").status == 64)
        #expect(try run(1, "members", "directory", "--json").json()["entries"] as? [String] == [])
        #expect(try run(1, "invite", "list").error.contains("0 open"))
        let told = try run(1, "invite", "people", directory("gb.csv"), "--encoding", "gbk", "--json")
        #expect(try entries(told).map { $0["name"] as? String } == ["王芳"])
    }

    @Test("A draft as Windows writes it, one with a heading, and what is never adopted")
    func drafts() throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        #expect(try run(1, "workplace", "found", service.url, "--eligible", "9").status == 0)
        let windows = try write("Windows title\r\n\r\nFirst line of the demand.\r\nSecond line.\r\n", "w.md")
        let made = try run(1, "draft", "new", "--file", windows, "--json").json()
        #expect(made["title"] as? String == "Windows title")
        #expect(made["text"] as? String == "First line of the demand.\nSecond line.")
        #expect(try run(1, "draft", "edit", "1", "--file", windows).output.contains("Nothing was changed"))
        #expect(try run(1, "draft", "comment", "1", "--line", "4", "--text", "Here?").status == 0)
        #expect(try run(1, "draft", "comment", "1", "--line", "5", "--text", "Here?").status == 2)
        #expect(try run(1, "draft", "show", "1", "--numbered").output.contains("4  Second line."))
        let setext = try write("Demands\n\nDemands\n=======\n\n1. Tell us first.\n", "s.md")
        let edited = try run(1, "draft", "edit", "1", "--file", setext)
        #expect(edited.status == 0 && edited.error.contains("The title was Windows title; now it is Demands."))
        #expect(try run(1, "draft", "edit", "1", "--file", write("1. New text.", "n.md")).error.contains("--title"))
        #expect(try run(1, "draft", "edit", "1", "--title", "T", "--file", write("1. New text.", "n.md")).status == 0)
        #expect(try run(1, "draft", "adopt", "1").status == 0)
        let hidden = "Notice\n\nThe employer informs everybody within \u{202e}41\u{202c} days.\n"
        func new(_ arguments: String...) throws -> String {
            let made = try Program.run(as: 1, in: directory, ["draft", "new", "--json"] + arguments)
            return try #require(made.json()["id"] as? String)
        }
        let refused = try run(1, "draft", "adopt", new("--file", write(hidden, "h.md")))
        #expect(refused.status == 2 && refused.error.contains("Line 3") && refused.error.contains("U+202E"))
        // What was perhaps meant to begin a translation is pointed out by its line, wherever somebody meets it.
        let mark = "T\n\nRest.\n\n--- translation; not binding: de ---\n\nPause.\n"
        let bilingual = try run(1, "draft", "new", "--file", write(mark, "b.md"))
        #expect(bilingual.status == 0 && bilingual.error.contains("Line 5 looks like"), "\(bilingual.error)")
        let id = try #require(bilingual.output.firstMatch(of: /Draft ([0-9a-f]{16})/)).1
        #expect(try run(1, "draft", "show", String(id)).error.contains("Line 5 looks like"))
        #expect(try run(1, "draft", "adopt", String(id)).error.contains("Line 5 looks like"))
        let right = try write(mark.replacing(";", with: ","), "right.md")
        let mended = try run(1, "draft", "edit", String(id), "--file", right)
        #expect(mended.status == 0 && !mended.error.contains("looks like"), "\(mended.error)")
        let empty = try run(1, "draft", "new", "--title", "Empty", "--file", write("\n", "e.md"))
        #expect(empty.status == 2 && empty.error.contains("has no text"), "\(empty.error)")
        #expect(try run(1, "draft", "new", "--file", write("T\n\na\u{7}b", "c.md")).error.contains("U+0007"))
    }

    @Test("Demands that no petition has room for are refused when it is prepared")
    func tooLong() throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        #expect(try run(1, "workplace", "found", service.url, "--eligible", "9").status == 0)
        var arguments = [
            "petition", "prepare", "--title", "T", "--trustee", "1", "--threshold", "1", "--quorum", "1",
        ]
        for number in 1...4 {
            let text = "Demand \(number)\n\n" + String(repeating: "All work and no play. ", count: 11_000)
            let made = try run(1, "draft", "new", "--file", write(text, "long.md"), "--json").json()
            let id = try #require(made["id"] as? String)
            #expect(try run(1, "draft", "adopt", id).status == 0)
            arguments += ["--draft", id]
        }
        let result = try Program.run(as: 1, in: directory, arguments)
        #expect(result.status == 2 && result.error.contains("too long for one petition"), "\(result.error)")
        #expect(!(try run(1, "status").output.contains("petition offer")))
    }
}
