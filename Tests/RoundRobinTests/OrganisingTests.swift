import Foundation
import TestSupport
import Testing

@Suite("The organising life on the command line, slips of the hand included", .ownThreads, .serialized)
struct OrganisingTests {
    let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        try Data("a long passphrase\n".utf8).write(to: URL(filePath: directory("pass")))
    }

    private func run(_ member: Int, editor: String? = nil, _ arguments: String...) throws -> Program.Result {
        try Program.run(
            as: member, in: directory, environment: editor.map { ["EDITOR": $0] } ?? [:], arguments)
    }

    private func write(_ text: String, _ name: String) throws -> String {
        try Data(text.utf8).write(to: URL(filePath: directory(name)))
        return directory(name)
    }

    @Test("Invites: a mistyped one leaves nothing behind, a list given again invites only who is new")
    func invites() throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        #expect(try run(1, "workplace", "found", service.url, "--eligible", "9").status == 0)
        #expect(try Program.run("workplace", "found", service.url, "--eligible", "0").status == 64)
        let list = try write("name,team\nAna,A\nBo,B\n", "list.csv")
        let issued = try run(1, "invite", "people", list, "--json")
        let entries = try JSONSerialization.jsonObject(with: Data(issued.output.utf8)) as? [[String: String]] ?? []
        let url = try #require(entries.first?["url"])
        let typo = url.replacing("/join#", with: "/join#A")
        for wrong in [String(typo.prefix(url.count)), String(url.dropLast()) + (url.hasSuffix("A") ? "B" : "A")] {
            let refused = try run(2, "join", wrong)
            #expect(refused.status == 2 && !refused.error.contains("404"), "\(refused.error)")
            #expect(!FileManager.default.fileExists(atPath: directory("m2/keystore")))
        }
        // With the line break that a slip has.
        let broken = url.prefix(40) + "\n  " + url.dropFirst(40)
        #expect(try run(2, "join", String(broken)).status == 0)
        _ = try write("name,team\nAna,A\nBo,B\nCyd,C\n", "list.csv")
        let again = try run(1, "invite", "people", list, "--slips", directory("slips.html"))
        #expect(again.status == 0 && again.error.contains("2 people on the list are already in the directory"))
        #expect(again.output.contains("1 slip"))
        let none = try run(1, "invite", "people", list)
        #expect(none.status == 0 && none.output.contains("nobody new"))
        // What cannot be written costs nobody their invite.
        let open = try run(1, "invite", "list").error
        #expect(try run(1, "invite", "reissue", "Bo", "--slips", directory("slips.html")).status == 2)
        #expect(try run(1, "invite", "reissue", "Bo", "--slips", "/nonexistent/x.html").status == 2)
        #expect(try run(1, "invite", "list").error == open)
        #expect(try run(1, "invite", "reissue", "Bo", "--slips", directory("bo.html")).status == 0)
        #expect(try run(1, "invite", "list").error == open)
        let shown = try run(1, "members", "directory")
        #expect(shown.output.contains("member 2") && shown.output.contains("invited"))
        #expect(try run(1, "members", "describe", "Bo", "--erase").error.contains("invite revoke"))
        #expect(try run(1, "organisers", "dismiss", "2").error.contains("is not an organiser"))
        #expect(try run(1, "organisers", "appoint", "2").status == 0)
        #expect(try run(1, "organisers", "appoint", "2").error.contains("is already an organiser"))
        #expect(try run(1, "members", "audit").output.contains("joined, invited by member 1"))
    }

    @Test("Drafts: what was written outlives a failure, a conflict without an editor goes into a file")
    func drafts() throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        #expect(try run(1, "workplace", "found", service.url, "--eligible", "9").status == 0)
        #expect(try run(1, "draft", "new", "--title", "T", "--file", write("one\ntwo\nthree\n", "text")).status == 0)
        let whole = try run(1, "draft", "show", "1", "--raw").output
        #expect(whole == "T\n\none\ntwo\nthree\n")
        #expect(try run(1, "draft", "edit", "1", "--file", write(whole, "same")).output.contains("Nothing was changed"))
        #expect(try run(1, "draft", "edit", "1", "--file", write(whole.replacing("two", with: "2"), "a")).status == 0)
        let file = try write(whole.replacing("two", with: "zwei"), "b")
        let conflict = try run(1, "draft", "edit", "1", "--base", "1", "--file", file)
        #expect(conflict.status == 2 && conflict.error.contains("b.conflict") && conflict.error.contains("--base"))
        let marked = try String(contentsOfFile: file + ".conflict", encoding: .utf8)
        #expect(marked.contains("<<<<<<< yours\nzwei\n") && marked.contains("2\n>>>>>>> theirs, revision 2"))
        let settled = try write(whole.replacing("two", with: "2 (zwei)"), "c")
        #expect(try run(1, "draft", "edit", "1", "--base", "2", "--file", settled).status == 0)
        #expect(try run(1, "draft", "history", "1").output.contains("r3"))
        service.kill()
        let lost = try run(1, editor: "sh -c 'echo all my work > \"$0\"'", "draft", "comment", "1")
        #expect(lost.status == 2)
    }

    @Test("Negotiating: an untouched form records nothing, and a petition in preparation is checked and given up")
    func negotiating() throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        #expect(try run(1, "workplace", "found", service.url, "--eligible", "9").status == 0)
        let invites = try run(1, "invite", "create", "--count", "4", "--json").json()["invites"] as? [String] ?? []
        for (i, url) in invites.enumerated() { #expect(try run(i + 2, "join", url).status == 0) }
        #expect(try run(1, "draft", "new", "--template", "informed-consent").status == 0)
        #expect(try run(1, "draft", "adopt", "1").status == 0)
        func prepare(_ more: String...) throws -> Program.Result {
            try Program.run(
                as: 1, in: directory,
                ["petition", "prepare", "--title", "T", "--draft", "1", "--trustee", "2", "--threshold", "1", "--json"]
                    + more)
        }
        #expect(try prepare("--quorum", "50").error.contains("at most the number of people, 9"))
        #expect(try prepare("--quorum", "0").status == 2 && prepare("--quorum", "3", "--level", "10").status == 2)
        #expect(try prepare("--quorum", "3", "--draft", "1").error.contains("named twice"))
        let wrong = try prepare("--quorum", "2").json()["plan"] as? String ?? ""
        #expect(try run(2, "status").output.contains("petition offer"))
        #expect(try run(2, "petition", "discard").status == 2, "no organiser")
        #expect(try run(1, "petition", "discard", wrong).status == 0)
        #expect(!(try run(2, "status").output.contains("petition offer")))
        #expect(try prepare("--quorum", "3").status == 0)
        #expect(try run(2, "petition", "comment", "--demand", "1", "--text", "Fine.").status == 0)
        #expect(try run(2, "petition", "offer").status == 0)
        #expect(try run(1, "petition", "assemble").status == 0)
        #expect(try run(2, "petition", "preview").output.contains("Fine."))
        #expect(try run(2, "petition", "accept").status == 0)
        let id = try run(1, "petition", "open", "--json").json()["petition"] as? String ?? ""
        #expect(!(try run(1, "petition", "list").output.contains("assembled")), "open ones are listed once")
        let long = try run(2, "cosign", id, "--all", "support", "--remark", String(repeating: "x", count: 600))
        #expect(long.status == 2 && long.error.contains("at most"))
        for member in 1...4 { #expect(try run(member, "cosign", id, "--all", "支持").status == 0) }
        #expect(try run(1, "negotiation", "deliver", id).error.contains("still open"))
        #expect(try run(1, "petition", "close", id, "--yes").status == 0)
        #expect(try run(2, "release", id, "--yes").status == 0)
        let form = try write(run(1, "negotiation", "deliver", id, "--form").output, "form")
        #expect(try run(1, "negotiation", "deliver", id, "--file", form).error.contains("nothing was recorded"))
        #expect(try run(1, editor: "true", "negotiation", "deliver", id).error.contains("nothing was recorded"))
        #expect(
            try run(1, "negotiation", "deliver", id, "--file", write("date: 2026-12-01\nparty: HR\n", "d")).status == 0)
        #expect(try run(1, editor: "true", "negotiation", "respond", id).error.contains("nothing was recorded"))
        let answer = "date: 2026-12-02\nparty: HR\ndemands:\n  - {demand: 1, answer: countered, text: Less.}\n"
        let responded = try run(1, "negotiation", "respond", id, "--file", write(answer, "r"))
        #expect(responded.status == 0 && responded.output.contains("--trustee"))
        #expect(
            try run(
                1, "negotiation", "ratify", id, "--trustee", "2", "--threshold", "1", "--quorum", "2", "--majority",
                "50%"
            ).status == 64)
        #expect(
            try run(1, "negotiation", "ratify", id, "--trustee", "2", "--threshold", "1", "--quorum", "2").status == 0)
        #expect(try run(2, "petition", "offer").status == 0)
        #expect(try run(1, "petition", "assemble").status == 0)
        #expect(try run(2, "petition", "preview").status == 0)
        #expect(try run(2, "petition", "accept").status == 0)
        let vote = try run(1, "petition", "open", "--json").json()["petition"] as? String ?? ""
        #expect(try run(3, "status").output.contains("cosign \(vote.prefix(8))"))
        #expect(try run(3, "cosign", vote, "--all", "support").error.contains("accept"))
        for member in 1...4 {
            #expect(try run(member, "cosign", vote, "--all", member == 1 ? "accept" : "reject").status == 0)
        }
        #expect(try run(1, "petition", "close", vote, "--yes").status == 0)
        #expect(try run(2, "release", vote, "--yes").status == 0)
        #expect(try run(3, "tally", vote).output.contains("lost"))
        #expect(!(try run(1, "negotiation", "agree", id, "--form").output.contains("Less.")), "it was voted down")
        let shown = try run(3, "negotiation", "show", id, "--lang", "zh-Hans")
        #expect(shown.output.contains("对方提出") && shown.output.contains("未通过"))
        let file = directory("history.rrhistory")
        #expect(try run(3, "negotiation", "export", id, "-o", file).status == 0)
        #expect(try run(3, "negotiation", "export", id, "-o", file).status == 2, "overwrites nothing")
        #expect(try Program.run("verify", file, "--petition", id).status == 0)
        let verdict = try Program.run("verify", file, "--json").json()
        #expect((verdict["ratifications"] as? [[String: Any]])?.first?["outcome"] as? String == "lost")
        #expect(try run(4, "forget", id, "--dry-run").output.contains("receipts"))
        #expect(try run(4, "forget", id, "--yes").output.contains("nothing that shows"))
        #expect(try run(4, "keys", "rotate-ring").status == 0)
    }
}
