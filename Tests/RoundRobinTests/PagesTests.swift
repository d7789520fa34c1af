import ChildProcesses
import Client
import Foundation
import Petitions
import Sodium
import Templates
import TestSupport
import Testing

@testable import Presentation
@testable import roundrobin

@Suite("Pages as a browser has them: the service's, reports, letters, slips", .ownThreads, .serialized)
struct PagesTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Checks the rules that every page keeps, at every width, in light and dark.
    private func check(_ url: String, _ browser: Browser, language: String, comment: String) throws {
        for (width, dark) in [(320, false), (320, true), (1000, false), (1000, true)] {
            try browser.open(url, width: width, dark: dark, language: language)
            let overflow =
                try browser.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                as? Int
            #expect(overflow == 0, "\(comment) at \(width): \(overflow ?? -1) too wide")
            #expect(try browser.poorContrast() == [], "\(comment), dark: \(dark)")
        }
        let background = try browser.evaluate("getComputedStyle(document.body).backgroundColor") as? String
        #expect(background == "rgb(25, 24, 22)", "dark is dark: the style sheet is applied")
        #expect(try browser.evaluate("document.documentElement.lang") as? String == language)
        #expect(try browser.evaluate("document.scripts.length") as? Int == 0)
        #expect(
            try browser.evaluate("document.querySelectorAll('[style],[onclick],[onload],iframe,object,form').length")
                as? Int == 0)
        #expect(
            try browser.evaluate(
                "document.querySelectorAll('[id]').length == new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size"
            ) as? Bool == true)
        let nodes = try browser.accessibility()
        #expect(nodes.count { $0.role == "main" } == 1)
        let headings = try browser.evaluate("document.querySelectorAll('h1').length") as? Int
        #expect(headings == 1, "\(comment)")
        for node in nodes
        where ["link", "heading", "image", "img", "button", "navigation", "rowheader", "alert"].contains(node.role) {
            // An alert region is named by its content.
            #expect(!node.name.isEmpty || node.role == "alert", "\(comment): a \(node.role) without a name")
        }
        // Only the page itself is requested; a browser may ask the same host for an icon.
        let origin = url.split(separator: "/").prefix(2).joined(separator: "//")
        for request in browser.requests {
            #expect(request == url || request.hasPrefix(origin), "\(comment) loads \(request)")
        }
        let cookies = try browser.call("Network.getCookies")["cookies"] as? [Any]
        #expect(cookies?.isEmpty == true)
    }

    @Test("The service's pages, in both languages")
    func service() throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        let world = try Stage(service: service, directory: directory)
        let id = try world.petition()
        let browser = try Browser()
        defer { browser.close() }
        for language in ["en", "zh-Hans"] {
            for path in ["/", "/join", "/verify", "/p/\(id)", "/p/\(String(repeating: "0", count: 64))"] {
                try check(service.url + path, browser, language: language, comment: "\(path) \(language)")
            }
        }
        // The switch overrides the browser's language, and stays on the page.
        try browser.open("\(service.url)/p/\(id)?lang=zh-Hans", language: "en")
        #expect(try browser.evaluate("document.querySelector('h1').textContent") as? String == "一封联名书")
        #expect(
            try browser.evaluate("document.querySelector('[aria-current]').textContent") as? String == "中文")
        _ = try browser.evaluate("document.querySelector('nav.languages a').click()")
        usleep(500_000)
        #expect(try browser.evaluate("location.search") as? String == "?lang=en")
        #expect(try browser.evaluate("document.querySelector('h1').textContent") as? String == "A petition")
        // Live: the count appears as soon as there is one.
        #expect(try browser.evaluate("document.querySelector('tbody td').textContent") as? String == "1 of 6")
        try world.cosign(3, id)
        try browser.open("\(service.url)/p/\(id)")
        #expect(try browser.evaluate("document.querySelector('tbody td').textContent") as? String == "2 of 6")
        // More people may sign than are needed, and the quorum is worded accordingly; it fits one line even on the
        // narrowest screen.
        let needed = "[...document.querySelectorAll('tbody td.count')].map(e => e.textContent)"
        #expect((try browser.evaluate(needed) as? [String] ?? []).contains("2 signed, 3 needed"))
        try browser.open("\(service.url)/p/\(id)", width: 320)
        let tall =
            "[...document.querySelectorAll('td.count')].filter(e => { const r = document.createRange(); "
            + "r.selectNodeContents(e); return r.getClientRects().length != 1; }).length"
        #expect(try browser.evaluate(tall) as? Int == 0)
        // With capitals, and with a trailing slash: the same page, and its links lead where they say.
        for path in ["/p/\(id.uppercased())", "/p/\(id)/", "/join/", "/verify/", "/verify"] {
            try browser.open(service.url + path)
            if path.hasPrefix("/p/") {
                #expect(try browser.evaluate("document.querySelector('h1').textContent") as? String == "A petition")
            }
            let links = try browser.evaluate("[...document.querySelectorAll('a[href*=lang]')].map(e => e.pathname)")
            for link in Set(links as? [String] ?? []) {
                let there = ["/", "/join", "/verify", path].contains(link)
                #expect(there, "\(path) leads to \(link)")
            }
        }
        // The beginning of an id finds nothing, however much of it there is: nobody finds petitions by trying.
        for count in [8, 16, 63] {
            try browser.open("\(service.url)/p/\(id.prefix(count))")
            let heading = try browser.evaluate("document.querySelector('h1').textContent") as? String
            #expect(heading == "There is no such petition here")
        }
        // An invite's secret stays in the browser, and no link on the page carries it away.
        try browser.open("\(service.url)/join#secret")
        #expect(try browser.evaluate("location.hash") as? String == "#secret")
        #expect(try browser.evaluate("document.querySelectorAll('nav.languages').length") as? Int == 0)
        let text = try browser.evaluate("document.body.innerText") as? String ?? ""
        #expect(text.contains("You have been invited") && text.contains("你收到了邀请"))
        try browser.open("\(service.url)/")
        _ = try browser.evaluate("document.querySelectorAll('main a')[1].click()")
        usleep(500_000)
        #expect(try browser.evaluate("location.pathname") as? String == "/verify")
    }

    @Test("Headers: no script can run, nothing is embedded, no referrer goes out, and no cookie is set")
    func headers() throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        for path in ["/", "/join", "/verify", "/p/" + String(repeating: "a", count: 64), "/p/x"] {
            let answer = try ChildProcess.run(["curl", "-si", service.url + path]).output.lowercased()
            let head = answer.components(separatedBy: "\r\n\r\n").first ?? ""
            #expect(head.contains("content-security-policy: default-src 'none'; style-src 'sha256-"))
            #expect(head.contains("frame-ancestors 'none'") && head.contains("form-action 'none'"))
            #expect(!head.contains("unsafe-inline") && !head.contains("set-cookie"))
            #expect(head.contains("referrer-policy: no-referrer") && head.contains("x-content-type-options: nosniff"))
            #expect(head.contains("vary: accept-language") && head.contains("content-language: en"))
            #expect(head.contains("cache-control: no-store"))
            #expect(head.hasPrefix(path.hasPrefix("/p/") ? "http/1.1 404" : "http/1.1 200"))
        }
    }

    @Test("Reports and letters of every bundle, in both languages")
    func reports() throws {
        let browser = try Browser()
        defer { browser.close() }
        for (name, status) in [("honest-17", 0), ("level-released", 0), ("double-signature", 1), ("spoiled-4", 0)] {
            for language in ["en", "zh-Hans"] {
                let page = directory("\(name)-\(language).html")
                let bundle = Vectors.directory.appending(path: "bundles/\(name).rrbundle").path
                let made = try Program.run("report", bundle, "-o", page, "--language", language)
                #expect(made.status == Int32(status), "\(made.error)")
                try check("file://" + page, browser, language: language, comment: "\(name) \(language)")
                guard status == 0 else { continue }
                let letter = directory("\(name)-\(language)-letter.html")
                let written = try Program.run("letter", bundle, "-o", letter, "--language", language)
                // One of them is open, and its count may change.
                #expect(written.status == (name == "level-released" ? 2 : 0))
                guard written.status == 0 else { continue }
                try check("file://" + letter, browser, language: language, comment: "letter \(name) \(language)")
            }
        }
        // The checks themselves are able to fail.
        try browser.open("file://" + directory("honest-17-en.html"), width: 320)
        _ = try browser.evaluate("document.querySelector('h1').setAttribute('style', 'color:#ccc;width:400px')")
        #expect(try browser.poorContrast().count == 1)
        #expect(
            try browser.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") as? Int
                ?? 0 > 0)
        try browser.open("file://" + directory("honest-17-en.html"))
        let text = try browser.evaluate("document.body.innerText") as? String ?? ""
        #expect(text.contains("15 of 17") && text.contains("15 of 20") && text.contains("fewer than 3"))
        #expect(
            text.contains("roundrobin verify honest-17.rrbundle --petition c59671789cbc7d4445a3152ece7c4c1e18e95fbd"))
        #expect(text.contains("Anybody who recomputes the count from the file still sees it."))
        try browser.open("file://" + directory("double-signature-en.html"))
        let alert = try browser.accessibility().contains { $0.role == "alert" }
        #expect(alert)
        #expect(
            try (browser.evaluate("document.body.innerText") as? String ?? "").contains(
                "Entry 2 of the petition's log breaks a rule. Another statement of the same co-signer stands"))
        let again = try Program.run(
            "report", Vectors.directory.appending(path: "bundles/honest-17.rrbundle").path, "-o",
            directory("honest-17-en.html"))
        #expect(again.status == 2 && again.error.contains("already exists"))
        let faulty = try Program.run(
            "letter", Vectors.directory.appending(path: "bundles/double-signature.rrbundle").path, "-o",
            directory("x.html"))
        #expect(faulty.status == 1 && !FileManager.default.fileExists(atPath: directory("x.html")))
        let vote = try Program.run(
            "letter", Vectors.directory.appending(path: "bundles/ratification-closed-by-deadline.rrbundle").path, "-o",
            directory("y.html"))
        #expect(vote.status == 2 && vote.error.contains("a vote on an answer"))
        // On paper: no bar disappears, and nothing is wider than the sheet.
        try browser.call("Emulation.setEmulatedMedia", ["media": "print"])
        #expect(
            try browser.evaluate("getComputedStyle(document.body).backgroundColor") as? String == "rgb(255, 255, 255)")
        let sheet = try browser.call("Page.printToPDF", ["printBackground": true])["data"] as? String ?? ""
        #expect(Data(base64Encoded: sheet)?.starts(with: Data("%PDF".utf8)) == true)
        // Demands are long: one that is kept in one piece leaves the page before it half empty, and this report took five.
        let written = Data(base64Encoded: sheet).map { String(decoding: $0, as: UTF8.self) } ?? ""
        #expect((3...4).contains(written.matches(of: #/\/Type \/Page\s/#).count))
        // A figure and its label are not parted.
        let kept = "[...document.querySelectorAll('table')].every(e => getComputedStyle(e).breakInside == 'avoid')"
        #expect(try browser.evaluate(kept) as? Bool == true)
    }

    @Test("A translation stands below what binds, apart and in its own language, in the terminal and on pages")
    func translation() throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        let world = try Stage(service: service, directory: directory)
        let text = "At most five nights.\n\n--- translation, not binding: zh-Hans ---\n\n至多五晚。"
        try Data("Nights\r\n\r\n\(text)\r\n".utf8).write(to: URL(filePath: directory("demand.md")))
        try world.run(1, "draft", "new", "--file", directory("demand.md"))
        let id = try world.petition(of: "1")
        try world.run(1, "petition", "close", id, "--yes")
        try world.run(2, "release", id, "--yes")
        let bundle = directory("b.rrbundle")
        try world.run(1, "export", id, "-o", bundle)
        #expect(try world.run(3, "verify", bundle, "--petition", id).status == 0)
        let whole = try world.run(3, "petition", "show", id, "--json").json()["wording"] as? [String: Any]
        #expect((whole?["demands"] as? [[String: Any]])?.first?["text"] as? String == text, "what is signed")
        for (language, heading) in [("en", "It does not bind"), ("zh-Hans", "没有约束力")] {
            let shown = try world.run(3, "petition", "show", id, "--lang", language).output
            #expect(shown.contains("\n  At most five nights.\n") && shown.contains("\n  至多五晚。\n"))
            #expect(shown.contains(heading) && !shown.contains("---"))
            for page in ["report", "letter"] {
                let path = directory("\(page)-\(language).html")
                let made = try Program.run(page, bundle, "-o", path, "--language", language, "--hide-below", "0")
                #expect(made.status == 0, "\(made.error)")
                let html = try String(contentsOfFile: path, encoding: .utf8)
                #expect(html.contains(#"<p class="wording" lang="zh-Hans" dir="auto">至多五晚。</p>"#))
                #expect(html.contains(heading) && html.contains("At most five nights.</p>") && !html.contains("--- t"))
            }
        }
    }

    @Test("Slips are read by a scanner as the very addresses, on the screen and as a browser prints them")
    func slips() throws {
        let browser = try Browser()
        defer { browser.close() }
        let service = "https://petitions.example"
        let invites = (0..<8).map { i in
            let invite = Invite(workplace: ID(Random.bytes32()), logKey: Random.bytes32(), serviceURL: service)
            var entry = DirectoryEntry(
                name: i == 0 ? "<img src=x onerror=alert(1)>" : "Member \(i)", team: "\"'\u{301}",
                language: i % 2 == 0 ? "en" : "zh-Hans")
            entry.expires = 1_790_000_000
            return IssuedInvite(entry: entry, url: invite.url())
        }
        let path = directory("slips.html")
        try Slips.write(invites, to: path, language: .english)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        try check("file://" + path, browser, language: "en", comment: "slips")
        // The command that the page behind the address gives: a slip's reader joins through Tor too.
        let commands = "[...document.querySelectorAll('.slip code')].map(e => e.textContent)"
        #expect(
            try browser.evaluate(commands) as? [String]
                == invites.map { _ in "roundrobin join --proxy 127.0.0.1:8118" })
        let page = try String(
            contentsOfFile: TemplateLibrary.standardDirectory() + "/pages/page-join.mustache", encoding: .utf8)
        #expect(page.contains("<code>roundrobin join --proxy 127.0.0.1:8118</code>"))
        #expect(try browser.evaluate("document.images.length") as? Int == 0)
        try browser.open("file://" + path, width: 900)
        // Whoever types an address finds its groups whole.
        let torn = """
            [...document.querySelectorAll('.address')].flatMap(e => [...e.textContent.matchAll(/[0-9A-Z]{4}(?=-|$)/g)]
            .filter(m => { const r = document.createRange(); r.setStart(e.firstChild, m.index);
            r.setEnd(e.firstChild, m.index + 4); return r.getClientRects().length != 1; }).map(m => m[0]))
            """
        #expect(try browser.evaluate(torn) as? [String] == [])
        try browser.screenshot(to: directory("slips.png"))
        let read = try ChildProcess.run(["zbarimg", "-q", "--raw", directory("slips.png")]).output
        #expect(Set(read.split(separator: "\n").map(String.init)) == Set(invites.map(\.url)))
    }
}

/// A workplace of six on a running service, made by the command line, with one open petition.
struct Stage {
    let service: ServiceProcess
    let directory: TemporaryDirectory

    init(service: ServiceProcess, directory: TemporaryDirectory) throws {
        (self.service, self.directory) = (service, directory)
        try Data("a long passphrase\n".utf8).write(to: URL(filePath: directory("pass")))
        try run(1, "workplace", "found", service.url, "--eligible", "9")
        let invites = try run(1, "invite", "create", "--count", "5", "--json").json()["invites"] as? [String] ?? []
        for (i, url) in invites.enumerated() { try run(i + 2, "join", url) }
    }

    @discardableResult
    func run(_ member: Int, _ arguments: String...) throws -> Program.Result {
        let result = try Program.run(as: member, in: directory, arguments)
        #expect(result.status == 0, "\(arguments): \(result.error)")
        return result
    }

    func petition() throws -> String {
        try run(1, "draft", "new", "--template", "informed-consent")
        return try petition(of: "1")
    }

    func petition(of draft: String) throws -> String {
        try run(1, "draft", "show", draft)
        try run(1, "draft", "adopt", draft)
        try run(
            1, "petition", "prepare", "--title", "T", "--draft", draft, "--trustee", "2", "--threshold", "1",
            "--quorum",
            "3", "--level", "4")
        try run(2, "petition", "offer")
        try run(1, "petition", "assemble")
        try run(2, "petition", "preview")
        try run(2, "petition", "accept")
        let id = try run(1, "petition", "open", "--json").json()["petition"] as? String ?? ""
        try cosign(2, id)
        return id
    }

    func cosign(_ member: Int, _ id: String) throws { try run(member, "cosign", id, "--all", "support") }
}
