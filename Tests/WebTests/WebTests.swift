import ChildProcesses
import Client
import Foundation
import HostileBytes
import Petitions
import Presentation
import Sodium
import Templates
import TestSupport
import Testing

@Suite("The page that verifies in a browser", .serialized)
struct WebTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static func bundles() throws -> [String] {
        let folder = Vectors.directory.appending(path: "bundles").path
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { folder + "/" + $0 }
    }

    private static func texts(_ language: Language) throws -> Messages {
        try Messages(language, directory: PageDriver.root.appending(path: "templates").path)
    }

    /// A text without what sets its parts apart: line ends, columns, spaces and bars.
    private static func plain(_ text: String) -> String { text.filter { !$0.isWhitespace && !"█▒░·".contains($0) } }

    /// What the command says of a file, on both of its outputs in order.
    private static func command(_ arguments: [String], _ language: Language) throws -> (status: Int32, text: String) {
        let said = try ChildProcess.run(
            ["/bin/sh", "-c", "exec \"$0\" \"$@\" 2>&1", BuiltProgram.roundrobin, "verify"] + arguments,
            environment: ProcessInfo.processInfo.environment.merging(
                ["LC_ALL": "C", "LANG": language == .chinese ? "zh_CN.UTF-8" : "C", "TZ": "UTC"]
            ) { $1 }.merging(language == .chinese ? ["LC_ALL": "zh_CN.UTF-8"] : [:]) { $1 })
        return (said.status ?? -1, said.output)
    }

    /// The command's own lines that the page has no use for, and the one whose advice is for a command.
    private static func adapted(_ text: String, _ id: String, _ texts: Messages) -> String {
        var text = plain(text)
        for own in [texts("verify.begins", ["id": id]), texts("warning.error")] {
            text = text.replacing(plain(own), with: "")
        }
        return plain(text.replacing(plain(texts("tally.seeAll")), with: plain(texts("web.seeAll"))))
    }

    @Test(
        "Every known bundle: the command's verdict in the command's words, in both languages, with and without small figures"
    )
    func differential() throws {
        let browser = try Browser()
        defer { browser.close() }
        let page = try PageDriver(browser)
        var outcomes: Set<String> = []
        for language in Language.allCases {
            try page.speak(language)
            let texts = try Self.texts(language)
            for bundle in try Self.bundles() {
                for exact in [false, true] {
                    let said = try page.verify(bundle, exact: exact)
                    let (status, text) = try Self.command([bundle] + (exact ? ["--hide-below", "0"] : []), language)
                    let id = try Self.id(bundle)
                    let (ours, theirs) = (Self.plain(said.lines.joined(separator: "\n")), Self.adapted(text, id, texts))
                    #expect(ours == theirs, "\(bundle) \(language)")
                    let expected: [Int32: String] = [0: "holds", 1: "faults", 2: "unreadable"]
                    #expect(said.outcome == expected[status], "\(bundle) \(status)")
                    outcomes.insert(said.outcome)
                }
            }
        }
        #expect(outcomes == ["holds", "faults", "unreadable"])
    }

    @Test("The largest figures and the latest deadline that a log can have stop neither, and both say the same of them")
    func largest() throws {
        let world = try World(members: 5, eligible: .max)
        let petition = try PetitionWorld(world, levels: [.max], closes: .max / 3600 * 3600, quorum: .max)
        for person in world.people { try petition.cosign(person) }
        try petition.closeByDeadline()
        for trustee in 1...2 { try petition.release(trustee) }
        let bundle = directory("largest.rrbundle")
        try Data(petition.bundle.serialized).write(to: URL(filePath: bundle))
        let browser = try Browser()
        defer { browser.close() }
        let page = try PageDriver(browser)
        let texts = try Self.texts(.english)
        let said = try page.verify(bundle)
        let (status, text) = try Self.command([bundle], .english)
        let ours = Self.plain(said.lines.joined(separator: "\n"))
        #expect(ours == Self.adapted(text, petition.log.id.hex, texts) && ours.contains("4294967295"), "\(text)")
        #expect(said.outcome == "holds" && status == 0)
    }

    private static func id(_ bundle: String) throws -> String {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: bundle)))
        return (try? PetitionBundle(parsing: bytes))?.petitionID.hex ?? ""
    }

    @Test("The id that a person gives: the same, mistyped by one, another, and no id")
    func ids() throws {
        let browser = try Browser()
        defer { browser.close() }
        let page = try PageDriver(browser)
        let bundle = Vectors.directory.appending(path: "bundles/honest-7.rrbundle").path
        let id = try Self.id(bundle)
        #expect(try page.verify(bundle, id: " " + id.uppercased() + " ").outcome == "holds")
        #expect(try page.verify(bundle, id: "https://a.example/p/\(id)").outcome == "holds")
        let mistyped = id.dropLast() + (id.last == "0" ? "1" : "0")
        let texts = try Self.texts(.english)
        for (given, key, values) in [
            (String(mistyped), "invalid.mistypedPetition", ["id": id, "places": "64"]),
            (String(repeating: "0", count: 64), "invalid.otherPetition", ["id": id]),
            (String(id.dropLast()), "web.wholeID", ["count": "63"]),
        ] {
            let said = try page.verify(bundle, id: given)
            #expect(said.outcome == "otherPetition" && said.lines == [texts(key, values)])
        }
    }

    @Test("Verifying a whole petition needs at most 64 MiB in either browser; how long it takes is printed")
    func figures() throws {
        // ROUNDROBIN_PAGE_MEMBERS is for docs/performance.md.
        let count = ProcessInfo.processInfo.environment["ROUNDROBIN_PAGE_MEMBERS"].flatMap { Int($0) } ?? 41
        let world = try World(members: count, eligible: UInt32(count))
        let petition = try PetitionWorld(world)
        try petition.cosign(world.people.map { ($0, [1, 2], nil) })
        try petition.close()
        for trustee in 1...2 { try petition.release(trustee) }
        let bundle = directory("whole.rrbundle")
        try Data(petition.bundle.serialized).write(to: URL(filePath: bundle))
        let browsers: [(String, any DrivenBrowser)] = [("Chromium", try Browser()), ("Firefox", try Firefox())]
        for (name, browser) in browsers {
            defer { browser.close() }
            let page = try PageDriver(browser)
            #expect(try page.verify(bundle).outcome == "holds")
            func figure(_ expression: String) throws -> Double {
                try (browser.evaluate(expression) as? NSNumber)?.doubleValue ?? .infinity
            }
            let ready = try figure("Number(document.documentElement.dataset.ready)")
            let took = try figure("Number(document.getElementById('result').dataset.took)")
            let memory = try figure("Number(document.getElementById('result').dataset.memory)")
            #expect(memory <= 64 * 1_048_576)
            let times = "ready in \(Int(ready)) ms, \(count) co-signatures in \(Int(took)) ms"
            print("\(name): \(times), \(Int(memory) >> 20) MiB")
        }
    }

    @Test("In Firefox too, every known bundle has the verdict, the faults and the figures that it has in Chromium")
    func firefox() throws {
        let (chromium, firefox) = (try Browser(), try Firefox())
        defer {
            chromium.close()
            firefox.close()
        }
        let (ours, theirs) = (try PageDriver(chromium), try PageDriver(firefox, width: 360))
        var outcomes: Set<String> = []
        for bundle in try Self.bundles() {
            let (first, second) = (try ours.verify(bundle), try theirs.verify(bundle))
            #expect(first.outcome == second.outcome && first.lines == second.lines, "\(bundle)")
            outcomes.insert(second.outcome)
        }
        #expect(outcomes == ["holds", "faults", "unreadable"])
        let overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        #expect(try firefox.evaluate(overflow) as? Int == 0)
        if let folder = ProcessInfo.processInfo.environment["ROUNDROBIN_SCREENSHOTS"] {
            try firefox.screenshot(to: "\(folder)/web-firefox.png")
        }
    }

    @Test("The service's own page, under the service's policy, verifies a file and asks for nothing more")
    func served() throws {
        let port = FreePorts.take()
        let service = try ChildProcess(
            logging: [
                BuiltProgram.service, "serve", "--database", directory("a.sqlite"), "--name", "web.example", "--listen",
                "127.0.0.1:\(port)",
            ], to: directory("log"))
        defer { service.send(SIGKILL) }
        func isListening() throws -> Bool {
            try String(contentsOfFile: directory("log"), encoding: .utf8).contains("listening")
        }
        for _ in 0..<3000 where try !isListening() { usleep(20_000) }
        let browser = try Browser()
        defer { browser.close() }
        let address = "http://127.0.0.1:\(port)/app"
        let page = try PageDriver(browser, url: address)
        let bundle = Vectors.directory.appending(path: "bundles/honest-7.rrbundle").path
        #expect(try page.verify(bundle, id: Self.id(bundle)).outcome == "holds")
        let asked = browser.requests.filter { !$0.hasPrefix("blob:") }
        #expect(Set(asked).subtracting([address, "http://127.0.0.1:\(port)/favicon.ico"]).isEmpty, "\(asked)")
    }

    /// The outcome and the faults by the library alone, in this process.
    private static func judge(_ bytes: [UInt8], _ texts: Messages) -> (outcome: String, faults: [String]) {
        do {
            if PromiseEvidence.isEvidence(bytes) {
                let evidence = try PromiseEvidence(parsing: bytes)
                return ((try? evidence.verify()) == nil ? "unreadable" : "promiseBroken", [])
            }
            let faults =
                NegotiationHistory.isHistory(bytes)
                ? try AuditedHistory(auditing: NegotiationHistory(parsing: bytes)).faults
                : try AuditedPetition(auditing: PetitionBundle(parsing: bytes)).faults
            return (
                faults.isEmpty ? "holds" : "faults",
                faults.map { plain(texts("verify.fault") + Harmless.line(FaultText.say($0, texts))) }
            )
        } catch { return ("unreadable", []) }
    }

    @Test("Whatever the fuzzer found for the decoders of files: the library's verdict, and the module never stops")
    func hostile() throws {
        let decoders = Set(
            HostileBytes.decoders.indices.filter {
                ["bundle", "history", "promise evidence"].contains(HostileBytes.decoders[$0].name)
            })
        let corpus = [UInt8](
            try Data(
                contentsOf: Vectors.directory.deletingLastPathComponent().appending(
                    path: "HostileBytesTests/decoders.corpus")))
        var inputs: [[UInt8]] = []
        var at = 0
        while at + 4 <= corpus.count {
            let length = corpus[at..<at + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
            let input = corpus[(at + 4)..<(at + 4 + length)]
            if let first = input.first, decoders.contains(Int(first) % HostileBytes.decoders.count) {
                inputs.append(Array(input.dropFirst()))
            }
            at += 4 + length
        }
        // And each known bundle with a byte changed, cut, and doubled.
        for bundle in try Self.bundles() {
            let bytes = [UInt8](try Data(contentsOf: URL(filePath: bundle)))
            var changed = bytes
            changed[bytes.count / 2] ^= 1
            inputs += [changed, Array(bytes.dropLast(9)), bytes + bytes, Array(bytes.prefix(bytes.count / 3))]
        }
        #expect(inputs.count > 150)
        let browser = try Browser()
        defer { browser.close() }
        let page = try PageDriver(browser)
        let texts = try Self.texts(.english)
        let path = directory("input.rrbundle")
        var outcomes: Set<String> = []
        for input in inputs {
            try Data(input).write(to: URL(filePath: path))
            let said = try page.verify(path)
            let wanted = Self.judge(input, texts)
            let faults = said.lines.map(Self.plain).filter { $0.hasPrefix(Self.plain(texts("verify.fault"))) }
            #expect(
                said.outcome == wanted.outcome && faults == wanted.faults, "\(Hex.encode(Array(input.prefix(300))))")
            outcomes.insert(said.outcome)
        }
        #expect(outcomes.isSuperset(of: ["faults", "unreadable"]))
    }

    @Test("Without WebAssembly, without scripts, or under a policy that forbids either, the page says what to do")
    func notices() throws {
        let texts = try Self.texts(.english)
        func notice(_ browser: Browser) throws -> Bool {
            let script = "getComputedStyle(document.getElementById('notice')).display + document.body.innerText"
            let shown = try browser.evaluate(script) as? String ?? ""
            return shown.hasPrefix("block") && shown.contains(texts("web.cannot")) && shown.contains(texts("web.why"))
        }
        let html = try PageDriver.html()
        let none = try Browser(arguments: ["--js-flags=--jitless"])
        defer { none.close() }
        try none.open("file://" + PageDriver.file)
        #expect(try none.evaluate("typeof WebAssembly") as? String == "undefined")
        // It waits for the script a moment.
        usleep(2_500_000)
        #expect(try notice(none))
        let browser = try Browser()
        defer { browser.close() }
        for (name, changed) in [
            ("policy", html.replacing(" 'wasm-unsafe-eval'", with: "")),
            ("script", html.replacing("script-src 'sha256-", with: "script-src 'sha256-A")),
        ] {
            #expect(changed != html)
            let path = directory(name + ".html")
            try Data(changed.utf8).write(to: URL(filePath: path))
            try browser.open("file://" + path)
            usleep(2_500_000)
            #expect(try notice(browser), "\(name)")
            #expect(try browser.evaluate("document.getElementById('form').hidden") as? Bool == true)
            if name == "script" {
                #expect(try browser.evaluate("document.body.innerText.includes('这个浏览器')") as? Bool == true)
            }
        }
        // The evil twin of these: with everything there, the notice is gone.
        _ = try PageDriver(browser)
        #expect(try !notice(browser))
    }

    @Test(
        "Everything has a name, nothing overflows at 320 pixels, and contrast is enough, light and dark, in both languages"
    )
    func access() throws {
        let browser = try Browser()
        defer { browser.close() }
        let bundle = Vectors.directory.appending(path: "bundles/double-signature.rrbundle").path
        for (width, dark) in [(320, false), (360, true), (1280, false), (1280, true)] {
            let page = try PageDriver(browser, width: width, dark: dark)
            for language in Language.allCases {
                try page.speak(language)
                _ = try page.verify(bundle)
                let overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                #expect(try browser.evaluate(overflow) as? Int == 0, "\(width) \(language)")
                #expect(try browser.poorContrast() == [])
                let nodes = try browser.accessibility()
                for role in ["button", "textbox", "checkbox", "heading"] {
                    let named = nodes.filter { $0.role == role }
                    #expect(!named.isEmpty && named.allSatisfy { !$0.name.isEmpty }, "\(role) \(language)")
                }
                #expect(nodes.contains { $0.role == "status" })
                #expect(nodes.contains { $0.role == "heading" && $0.name == (try? Self.texts(language))?("web.title") })
                if let folder = ProcessInfo.processInfo.environment["ROUNDROBIN_SCREENSHOTS"] {
                    try browser.screenshot(to: "\(folder)/web-\(width)-\(dark ? "dark" : "light")-\(language).png")
                }
            }
        }
        #expect(browser.requests.allSatisfy { $0.hasPrefix("file://") || $0.hasPrefix("blob:") })
    }

    @Test("The page and the module are as small, and as cut off, as they are said to be")
    func limits() throws {
        let html = try PageDriver.html()
        // As a web server sends them.
        let (file, packed) = (try Self.brotli(PageDriver.file), try Self.brotli(PageDriver.module))
        print("the page: \(html.utf8.count) bytes, \(file) with brotli; its module \(packed) with brotli")
        #expect(file <= 520_000 && packed <= 300_000, "\(file) \(packed)")
        let policy = try #require(html.firstMatch(of: /http-equiv="Content-Security-Policy" content="([^"]*)"/)).1
        #expect(policy.hasPrefix("default-src 'none'; script-src 'sha256-"))
        #expect(
            !policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'") && !policy.contains("connect-src"))
        let module = [UInt8](try Data(contentsOf: URL(filePath: PageDriver.module)))
        #expect(try Self.imports(module) == ["rr.random", "rr.abort"])
    }

    private static func brotli(_ path: String) throws -> Int {
        let script =
            "import brotli, sys; print(len(brotli.compress(open(sys.argv[1], 'rb').read(), quality=11, lgwin=24)))"
        let python = PageDriver.root.appending(path: ".build/interop/bin/python").path
        let said = try ChildProcess.run([python, "-c", script, path])
        return try #require(Int(said.output.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    @Test("Keys that the module makes from the cases of a type are those of the command")
    func keys() throws {
        for rule in RuleViolation.allCases { #expect(rule.word == "\(rule)") }
        for reason in FileFault.Reason.allCases {
            #expect(ClientError.Invalid(rawValue: reason.rawValue) != nil, "\(reason)")
        }
    }

    /// The imports of a module, as `module.name` (WebAssembly Core Specification, section 5.5.5).
    private static func imports(_ module: [UInt8]) throws -> Set<String> {
        var at = 8
        func number() -> Int {
            var (value, shift) = (0, 0)
            while true {
                let byte = Int(module[at])
                at += 1
                value |= (byte & 0x7f) << shift
                shift += 7
                if byte < 0x80 { return value }
            }
        }
        func name() -> String {
            let count = number()
            defer { at += count }
            return String(decoding: module[at..<at + count], as: UTF8.self)
        }
        #expect(Array(module.prefix(4)) == [0, 0x61, 0x73, 0x6d])
        while at < module.count {
            let section = module[at]
            at += 1
            let end = number() + at
            guard section == 2 else {
                at = end
                continue
            }
            var names: Set<String> = []
            for _ in 0..<number() {
                names.insert(name() + "." + name())
                let kind = module[at]
                at += 1
                try #require(kind == 0, "a function")
                _ = number()
            }
            return names
        }
        return []
    }
}
