import ChildProcesses
import Foundation
import Sodium
import TestSupport
import Testing

@testable import Presentation

@Suite(
    "People by their names, things by their titles, and a yes before what cannot be undone", .ownThreads, .serialized)
struct NamesAndTitlesTests {
    let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        try Data("a long passphrase\n".utf8).write(to: URL(filePath: directory("pass")))
    }

    private func run(_ member: Int, _ arguments: String...) throws -> Program.Result {
        try Program.run(as: member, in: directory, arguments)
    }

    private func done(_ member: Int, _ arguments: String...) throws -> Program.Result {
        let result = try Program.run(as: member, in: directory, arguments)
        #expect(result.status == 0, "\(arguments): \(result.error)")
        return result
    }

    private func write(_ text: String, _ name: String) throws -> String {
        try Data(text.utf8).write(to: URL(filePath: directory(name)))
        return directory(name)
    }

    /// The same command where somebody can be asked.
    private func terminal(_ member: Int, _ arguments: String...) throws -> PseudoTerminal {
        try PseudoTerminal(
            [Program.path] + arguments + ["--home", directory("m\(member)"), "--passphrase-file", directory("pass")],
            environment: ["NO_COLOR": "1"], columns: 300)
    }

    /// A workplace of member 1 and the people of a list, who have joined in its order.
    private func workplace(_ people: String...) throws -> ServiceProcess { try workplace(of: people) }

    private func workplace(of people: [String]) throws -> ServiceProcess {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        _ = try done(1, "workplace", "found", service.url, "--eligible", "20")
        let list = try write("name\n" + people.map { $0 + "\n" }.joined(), "list.csv")
        let issued = try done(1, "invite", "people", list, "--same-names", "--json")
        let entries = try JSONSerialization.jsonObject(with: Data(issued.output.utf8)) as? [[String: String]] ?? []
        for (i, entry) in entries.enumerated() { _ = try done(i + 2, "join", entry["url"] ?? "") }
        return service
    }

    private func demand(_ title: String) throws {
        _ = try done(1, "draft", "new", "--file", write(title + "\n\nA text.\n", "demand.md"))
        _ = try done(1, "draft", "show", title)
        _ = try done(1, "draft", "adopt", title)
    }

    private func prepare(_ title: String, trustees: String..., demand: String, levels: [Int] = []) throws {
        let prepared = try Program.run(
            as: 1, in: directory,
            ["petition", "prepare", "--title", title, "--draft", demand, "--threshold", "1", "--quorum", "2", "--json"]
                + trustees.flatMap { ["--trustee", $0] } + levels.flatMap { ["--level", "\($0)"] })
        #expect(prepared.status == 0, "\(prepared.error)")
    }

    @Test("Organisers meet people by the directory's names, two of one name by number too; other members by number")
    func names() throws {
        let service = try workplace("Ana Lima", "Bo Chen", "Bo Chen", "Cyd")
        defer { service.kill() }
        try demand("Pauses")
        try prepare("First", trustees: "Ana Lima", "3", demand: "Pauses")
        let waiting = try done(1, "status").output
        #expect(waiting.contains("waiting for offers from Ana Lima, Bo Chen (member 3)."), "\(waiting)")
        // Neither a number nor a key where the name is enough.
        #expect(!waiting.contains("member 2"))
        for member in [2, 3, 4] { _ = try done(member, "petition", "offer", "--ahead") }
        _ = try done(1, "petition", "assemble")
        #expect(try run(1, "petition", "open").error.contains("not accepted yet: Ana Lima, Bo Chen (member 3)."))
        let preview = try done(1, "petition", "preview").output
        #expect(preview.contains("Trustees: Ana Lima, Bo Chen (member 3)"), "\(preview)")
        // A trustee who is no organiser has no directory.
        let other = try done(2, "petition", "preview").output
        #expect(other.contains("member 3 (") && !other.contains("Bo Chen") && !other.contains("Ana"), "\(other)")
        for member in [2, 3] {
            if member == 3 { _ = try done(member, "petition", "preview") }
            _ = try done(member, "petition", "accept")
        }
        _ = try done(1, "petition", "open")
        // Read anonymously, named by what the device remembers.
        #expect(try done(1, "petition", "show").output.contains("Trustees: Ana Lima, Bo Chen (member 3)"))
        #expect(!(try done(2, "petition", "show").output.contains("Ana Lima")))
        #expect(try done(1, "members", "audit").output.contains("Cyd joined, invited by member 1"))
        #expect(try done(1, "members", "list").output.contains("Ana Lima"))
        #expect(!(try done(2, "members", "list").output.contains("Ana Lima")))
        #expect(try run(1, "organisers", "dismiss", "Cyd").error.contains("Cyd is not an organiser"))
        _ = try done(2, "members", "name", "Wolf")
        let comment = try write("Good.", "comment")
        _ = try done(2, "draft", "comment", "--file", comment)
        #expect(try done(1, "draft", "comments").output.contains("Ana Lima (Wolf)"))
        try choosesAmongNamesakes()
    }

    /// Whoever names two people of one name, and can be asked, chooses by what tells them apart.
    private func choosesAmongNamesakes() throws {
        #expect(try run(1, "organisers", "appoint", "Bo Chen").error.contains("could be several people"))
        let appoint = try terminal(1, "organisers", "appoint", "Bo Chen")
        try appoint.see("  1  3, Bo Chen")
        try appoint.see("  2  4, Bo Chen")
        try appoint.see("Bo Chen could be any of these. Which one, from 1 to 2?")
        appoint.type("2\r")
        #expect(try appoint.end() == .exited(0), "\(appoint.text)")
        #expect(try done(1, "members", "audit").output.contains("made Bo Chen (member 4) an organiser"))
        let list = try write("name,team\nDee,Day\nDee,Night\n", "more.csv")
        for (answer, count) in [("n", "0 open"), ("y", "2 open")] {
            let invite = try terminal(1, "invite", "people", list, "--slips", directory("\(answer).html"))
            try invite.see("The same name appears twice: Dee, Dee.")
            try invite.see("different people, each with an invite of their own? [y/N]")
            invite.type(answer + "\r")
            #expect(try invite.end() == .exited(0), "\(invite.text)")
            #expect(try run(1, "invite", "list").error.contains(count))
        }
    }

    @Test("A new organiser's device learns the names by itself; whoever is dismissed keeps none")
    func office() throws {
        let service = try workplace("Ana Lima", "Bo Chen")
        defer { service.kill() }
        _ = try done(1, "organisers", "appoint", "Ana Lima")
        #expect(try done(2, "members", "audit").output.contains("Bo Chen joined"))
        _ = try done(1, "organisers", "dismiss", "Ana Lima")
        let after = try done(2, "members", "audit").output
        #expect(after.contains("member 3") && !after.contains("Bo Chen"), "\(after)")
    }

    @Test("Drafts and petitions in preparation are named by title or not at all; which of several is asked by title")
    func titles() throws {
        let service = try workplace("Ana", "Bo", "Cyd", "Dee")
        defer { service.kill() }
        _ = try done(1, "draft", "new", "--file", write("Pauses\n\nTen minutes.\n", "a"))
        let preamble = try write("We ask.\n--- translation; not binding: de ---\nWir bitten.\n", "preamble")
        let doubtful = try run(
            1, "petition", "prepare", "--title", "T", "--draft", "1", "--trustee", "2", "--threshold", "1",
            "--quorum", "2", "--preamble-file", preamble)
        #expect(doubtful.error.contains("Text before the demands: Line 2 looks like"), "\(doubtful.error)")
        // The only one needs no name.
        #expect(try done(1, "draft", "show").output.contains("Ten minutes."))
        _ = try done(1, "draft", "adopt")
        try demand("Night work")
        let both = try run(1, "draft", "show")
        #expect(both.status == 2 && both.error.contains("1  Pauses") && both.error.contains("2  Night work"))
        let asked = try terminal(1, "draft", "show")
        try asked.see("from 1 to 2?")
        asked.type("2\r")
        #expect(try asked.end() == .exited(0) && asked.text.contains("A text."))
        _ = try done(2, "draft", "comment", "night", "--text", "Since when?")
        // Of two drafts only one has comments, and of its comments only one is open.
        #expect(try done(1, "draft", "comments").output.contains("Since when?"))
        _ = try done(1, "draft", "reply", "--text", "Since May.")
        _ = try done(1, "draft", "resolve")
        #expect(try done(1, "draft", "comments", "Night work").output.isEmpty)
        _ = try done(1, "draft", "resolve", "--reopen", "since when")
        #expect(try run(1, "draft", "show", "Holidays").status == 2)

        for member in [2, 3] { _ = try done(member, "petition", "offer", "--ahead") }
        try prepare("Rest", trustees: "Ana", demand: "Pauses")
        try prepare("Nights", trustees: "Bo", demand: "night")
        #expect(try run(1, "petition", "preview").error.contains(/[12]  Nights/))
        #expect(try done(1, "petition", "preview", "rest").output.contains("Ten minutes."))
        // By the id that it will have when it is open.
        let listed = try done(1, "petition", "list", "--json").json()["prepared"] as? [[String: Any]] ?? []
        let petition = try #require(listed.first { $0["title"] as? String == "Nights" }?["petition"] as? String)
        let list = try done(1, "petition", "list").output
        #expect(list.contains("\(petition.prefix(16))  assembled  Nights"))
        #expect(list.components(separatedBy: petition.prefix(16)).count == 2, "once: \(list)")
        // By its title for everybody, though its wording is not published yet.
        #expect(try done(4, "status").output.contains("Nights  announced, not open yet\n  \(petition)"))
        #expect(
            try done(1, "petition", "preview", "Nights").output.contains("A single trustee can open the ballots alone"))
        #expect(try done(1, "petition", "preview", String(petition.prefix(8))).output.contains("A text."))
        // Each trustee has one to accept.
        _ = try done(3, "petition", "preview", "nights")
        #expect(try done(3, "petition", "accept", "--json").json()["petition"] as? String == petition)
        let discarding = try terminal(1, "petition", "discard")
        try discarding.see("from 1 to 2?")
        // Two that were prepared in the same second stand in no certain order.
        discarding.type(String(try #require(discarding.text.firstMatch(of: /([12])  Rest/)).1) + "\r")
        #expect(try discarding.end() == .exited(0))
        // Its id stays announced. Nobody is shown it as if it were to come; the list says what it was.
        for member in [1, 4] {
            let status = try done(member, "status").output
            #expect(status.contains("Nights") && status.components(separatedBy: "announced").count == 2, "\(status)")
        }
        #expect(try (done(1, "status", "--json").json()["announced"] as? [String]) == [petition])
        let after = try done(4, "petition", "list").output
        #expect(after.contains(/\n?[0-9a-f]{16}  discarded  Rest/), "\(after)")
        let entries = try done(4, "petition", "list", "--json").json()["petitions"] as? [[String: Any]] ?? []
        #expect(entries.compactMap { $0["state"] as? String } == ["discarded", "announced"])
        #expect(try done(1, "petition", "open", "--json").json()["petition"] as? String == petition)
        // What this device has read to be open is no longer in preparation; by its name it is still found.
        _ = try done(1, "petition", "list")
        #expect(try run(1, "petition", "discard").error.contains("petition in preparation"))
        #expect(try done(2, "petition", "preview", "Nights").output.contains("A text."))
        #expect(try run(1, "names").error.contains("No petition here opens names at a count"))
    }

    @Test("Withdrawing, releasing and forgetting show what they do and need a yes, typed or given as --yes")
    func consent() throws {
        let service = try workplace("Ana", "Bo", "Cyd", "Dee", "Eve")
        defer { service.kill() }
        try demand("Pauses")
        for member in [2] { _ = try done(member, "petition", "offer", "--ahead") }
        try prepare("Rest", trustees: "Ana", demand: "Pauses", levels: [4])
        _ = try done(2, "petition", "preview")
        _ = try done(2, "petition", "accept")
        _ = try done(1, "petition", "open")
        for member in 1...3 { _ = try done(member, "cosign", "--all", "support") }
        for command in [["withdraw"], ["forget"], ["release"], ["forget", "--offline"]] {
            let refused = try Program.run(as: 2, in: directory, command)
            #expect(refused.status == 2 && refused.error.contains("--yes"), "\(command): \(refused.error)")
        }
        // Among so few nobody is asked for a name.
        let named = try terminal(4, "cosign", "--when", "4", "--now")
        #expect(try named.end() == .exited(2) && named.text.contains("too few to give your name"), "\(named.text)")
        #expect(!named.text.contains("name to reveal") && !named.text.contains("0 abstain"))
        let no = try terminal(3, "withdraw", "--now")
        try no.see("Your co-signature then no longer counts")
        try no.see("Withdraw your co-signature from \"Rest\"? [y/N]")
        no.type("\r")
        #expect(try no.end() == .exited(0) && no.text.contains("Nothing was sent"))
        #expect(try done(4, "petition", "show").output.contains("3 of 6"))
        let yes = try terminal(3, "withdraw", "--now")
        try yes.see("[y/N]")
        yes.type("y\r")
        #expect(try yes.end() == .exited(0))
        #expect(try done(4, "petition", "show").output.contains("2 of 6"))
        // Nobody is asked about what cannot be.
        let nothing = try terminal(3, "withdraw", "--now")
        #expect(try nothing.end() == .exited(2) && !nothing.text.contains("[y/N]"))
        // Why nothing fits is said, and not where each petition stands.
        #expect(nothing.text.contains("nothing to withdraw"), "\(nothing.text)")
        for (command, why) in [
            ("release", "not a trustee of any closed petition"), ("forget", "No petition is closed that you could"),
        ] {
            let none = try run(1, command, "--yes")
            #expect(none.status == 2 && none.error.contains(why) && !none.error.contains("Rest"), "\(none.error)")
        }
        #expect(try run(1, "release", "--level", "4", "--yes").error.contains("not a trustee of any petition"))
        let open = try terminal(2, "release", "Rest")
        #expect(try open.end() == .exited(2) && open.text.contains("still open") && !open.text.contains("[y/N]"))
        let asked = try run(1, "petition", "close")
        #expect(asked.status == 2 && asked.error.contains("--yes"), "\(asked.error)")
        _ = try done(1, "petition", "close", "--yes")
        let release = try terminal(2, "release")
        try release.see("A released key cannot be taken back.")
        try release.see("Release your key to the ballots of \"Rest\"? [y/N]")
        release.type("n\r")
        #expect(try release.end() == .exited(0))
        #expect(try done(4, "tally", "Rest", "--json").json()["questions"] as? [[Int]] == nil)
        #expect(try done(2, "release", "--yes").output.contains("Released"))
        #expect(try done(2, "release", "--yes").output.contains("already"))
        #expect(try run(3, "release", "Rest", "--yes").error.contains("not a trustee"))
        let forget = try terminal(1, "forget")
        try forget.see("statements that you sent")
        try forget.see("and renew your ring key? This cannot be undone. [y/N]")
        forget.type("n\r")
        #expect(try forget.end() == .exited(0))
        #expect(try done(1, "forget", "--dry-run").output.contains("statements"))
        #expect(try done(1, "forget", "--yes").output.contains("Now they would find"))
    }

    @Test("A sitting offers the counts at which a petition opens names, and none is given without an answer")
    func levels() throws {
        let service = try workplace(of: (1...11).map { "Person \($0)" })
        defer { service.kill() }
        try demand("Pauses")
        _ = try done(2, "petition", "offer", "--ahead")
        try prepare("Rest", trustees: "Person 1", demand: "Pauses", levels: [3, 6])
        _ = try done(2, "petition", "preview")
        _ = try done(2, "petition", "accept")
        _ = try done(1, "petition", "open")
        for member in 1...12 { _ = try done(member, "status") }
        func sitting(_ member: Int) throws -> PseudoTerminal {
            let terminal = try terminal(member, "--now")
            try terminal.see("not now): ")
            terminal.type("n\r")
            try terminal.see("[y/N]")
            terminal.type("n\r")
            try terminal.see("read and sign it")
            terminal.type("1\r")
            try terminal.see("0 abstain: ")
            terminal.type("1\r")
            try terminal.see("at these counts: 3, 6.")
            return terminal
        }
        let named = try sitting(3)
        named.type("4\r")
        try named.see("Answer with one of these: 3, 6")
        named.type("３\r")
        try named.see("Your name opens once")
        try named.see("The name to reveal then: ")
        named.type("Grey Heron\r")
        try named.see("With the name Grey Heron, which opens at 3 co-signatures.")
        try named.see("Send this? [y/N]")
        named.type("y\r")
        try named.see("Co-signed.")
        #expect(try named.end() == .exited(0))
        #expect(named.text.components(separatedBy: "Your name opens once").count == 2, "said once")
        let nameless = try sitting(4)
        nameless.type("\r")
        try nameless.see("Send this? [y/N]")
        nameless.type("y\r")
        try nameless.see("Co-signed.")
        #expect(try nameless.end() == .exited(0) && !nameless.text.contains("The name to reveal then"))
        let names = try done(5, "names")
        #expect(names.output.contains("1 name is waiting"), "\(names.output)")
        _ = try done(5, "cosign", "--all", "support")
        let released = try done(2, "release", "--level", "3", "--yes").output
        #expect(released.contains(/The names are open\..*roundrobin export [0-9a-f]{8}/), "\(released)")
    }

    @Test("What says nothing is refused before it is sent: a demand, a comment, a question, a title, a record")
    func empty() throws {
        let service = try workplace("Ana")
        defer { service.kill() }
        let blank = try write(" \n\t\n", "blank")
        for (i, arguments) in [
            ["draft", "new", "--file", blank], ["draft", "new", "--title", "T", "--file", blank],
            ["draft", "new", "--title", " ", "--file", try write("Text.\n", "text")],
            ["draft", "new", "--file", try write("Only a title\n", "title")],
        ].enumerated() {
            #expect(try Program.run(as: 2, in: directory, arguments).status == 2, "\(i)")
        }
        #expect(try done(2, "draft", "list").output.isEmpty)
        _ = try done(2, "draft", "new", "--file", write("Pauses\n\nTen minutes.\n", "a"))
        let emptied = try run(2, "draft", "edit", "--title", "Pauses", "--file", blank)
        #expect(emptied.status == 2 && emptied.error.contains("has no text"), "\(emptied.error)")
        #expect(try run(2, "draft", "edit", "--file", write("Pauses\n\n\n", "b")).status == 2)
        #expect(try done(2, "draft", "show").output.contains("Ten minutes."))
        for arguments in [
            ["draft", "comment", "--text", " \u{3000} "], ["members", "question", "0", "--text", "  "],
        ] {
            let refused = try Program.run(as: 2, in: directory, arguments)
            #expect(refused.status == 2 && refused.error.contains("at least one character"), "\(arguments)")
        }
        #expect(try done(2, "draft", "comments").output.isEmpty)
        _ = try done(1, "draft", "show")
        _ = try done(1, "draft", "adopt")
        let untitled = try run(
            1, "petition", "prepare", "--title", "  ", "--draft", "1", "--trustee", "2", "--threshold", "1",
            "--quorum", "1")
        #expect(untitled.status == 2 && untitled.error.contains("title"), "\(untitled.error)")
    }
}
