import Client
import CoSigning
import Foundation
import Petitions
import ServiceAPI
import Templates
import Testing

@testable import Presentation
@testable import roundrobin

@Suite("What the program says is in files, in every language", .ownThreads)
struct WordsTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private let languages: [Messages]

    init() throws {
        languages = try Language.allCases.map { language in
            try Messages(language, directory: Self.root.appending(path: "templates").path)
        }
    }

    @Test("No language misses a text that another has, and the values in it are the same")
    func complete() {
        let all = languages.reduce(into: Set<String>()) { $0.formUnion($1.keys) }
        #expect(all.count > 100)
        for messages in languages {
            #expect(all.subtracting(messages.keys) == [], "\(messages.language)")
            for key in all { #expect(messages.places(in: key) == languages[0].places(in: key), "\(key)") }
        }
    }

    /// Calls that take a key, with the group from which they take it.
    private static let calls: [(call: String, group: String)] = [
        ("words", ""), ("help", "help."), ("key", ""), ("texts", ""), ("markup", ""), ("\\$0", ""), ("self", ""),
    ]

    /// The groups whose keys are the cases of a type.
    private static func cases() -> Set<String> {
        func keys<T: CaseIterable>(_ group: String, _ type: T.Type, _ name: (T) -> String) -> [String] {
            T.allCases.map { "\(group).\(name($0))" }
        }
        var asked: Set<String> = ["problem.unknown"]
        for code in ClientError.Code.allCases where code != .invalid {
            asked.formUnion(["error.\(code.rawValue).what", "error.\(code.rawValue).next"])
        }
        asked.formUnion(keys("invalid", ClientError.Invalid.self, \.rawValue))
        asked.formUnion(keys("noun", ClientError.Noun.self, \.rawValue))
        asked.formUnion(keys("badAnswer", ClientError.BadAnswer.self, \.rawValue))
        asked.formUnion(keys("reason", ClientError.Unreachable.self, \.rawValue))
        asked.formUnion(keys("reasonNext", ClientError.Unreachable.self, \.rawValue))
        asked.formUnion(keys("rule", RuleViolation.self) { "\($0)" })
        asked.formUnion(keys("problem", ProblemCode.self, \.rawValue))
        asked.formUnion(keys("alarm", Alarm.Kind.self) { "\($0)" })
        asked.formUnion(keys("wording", DocumentFault.self, \.rawValue))
        asked.formUnion(keys("promise", BrokenPromise.self, \.rawValue))
        asked.formUnion(keys("promiseWeak", PromiseEvidence.Weakness.self, \.rawValue))
        return asked
    }

    @Test("Every text that the code asks for is there, and every text is asked for")
    func used() throws {
        var asked = Self.cases()
        let files = FileManager.default.enumerator(
            at: Self.root.appending(path: "Sources"), includingPropertiesForKeys: nil)
        var sources = 0
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            sources += 1
            let text = try String(contentsOf: file, encoding: .utf8)
            for (call, group) in Self.calls {
                for match in text.matches(of: try Regex("[^A-Za-z]\(call)\\(\\s*\"([A-Za-z.-]*[A-Za-z])\"")) {
                    asked.insert(group + String(match.output[1].substring ?? ""))
                }
            }
        }
        #expect(sources > 100)
        for page in try FileManager.default.contentsOfDirectory(
            at: Self.root.appending(path: "templates/pages"), includingPropertiesForKeys: nil)
        where page.pathExtension == "mustache" {
            let text = try String(contentsOf: page, encoding: .utf8)
            let name = page.deletingPathExtension().lastPathComponent
            for match in text.matches(of: /\{\{\{?[#^\/]?(t|page)\.([A-Za-z.]+)/) {
                asked.insert((match.1 == "t" ? name : "page") + "." + match.2)
            }
        }
        // The page that runs in a browser.
        for (file, key) in [("page.js", #"words\("([A-Za-z.]+)""#), ("page.html", "@(web[.][A-Za-z]+)@")] {
            let text = try String(contentsOf: Self.root.appending(path: "web/" + file), encoding: .utf8)
            for match in text.matches(of: try Regex(key)) { asked.insert(String(match.output[1].substring ?? "")) }
        }
        // One key in two forms.
        let keys = Set(languages[0].keys.map { $0.replacing(/\.(one|other)$/, with: "") })
        #expect(asked.subtracting(keys) == [])
        #expect(keys.subtracting(asked) == [])
    }

    @Test("No sentence for people stands in the code of the client and of the commands that members run")
    func noneInCode() throws {
        // A capital or an indented small letter, then words: sentences have these; keys and protocol words do not.
        let sentence = try Regex("\"([A-Z][a-z]+ [a-z]+ |[A-Z][a-z]+[.:] ?\"|[a-z]+ [a-z]+ [a-z]+ )")
        var files = 0
        for folder in ["Client", "Presentation", "roundrobin", "roundrobin-service"] {
            let entries = FileManager.default.enumerator(
                at: Self.root.appending(path: "Sources/" + folder), includingPropertiesForKeys: nil)
            while let file = entries?.nextObject() as? URL {
                guard file.pathExtension == "swift" else { continue }
                files += 1
                for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
                    let code = line.trimmingCharacters(in: .whitespaces)
                    guard !code.hasPrefix("//"), !code.hasPrefix("precondition("), !code.contains(".contains(\"") else {
                        continue
                    }
                    #expect(code.firstMatch(of: sentence) == nil, "\(file.lastPathComponent): \(code)")
                }
            }
        }
        #expect(files > 40)
    }

    @Test("LANG, LC_ALL and --lang choose the language, on the command line and in what it refuses")
    func chosen() throws {
        #expect(Language.preferred(in: ["LANG": "zh_CN.UTF-8"]) == .chinese)
        #expect(Language.preferred(in: ["LANG": "zh_CN.UTF-8", "LC_ALL": "C"]) == .english)
        #expect(Language.preferred(in: ["LANG": "fr_FR.UTF-8"]) == .english && Language.preferred(in: [:]) == .english)
        #expect(Words.language(in: ["cosign", "--lang", "zh-Hans"]) == .chinese)
        #expect(Words.language(in: ["--lang=en"]) == .english && Words.language(in: ["--", "--lang=zh"]) == nil)
        #expect(Words.without(["a", "--lang", "zh", "b", "--lang=en", "--", "--lang"]) == ["a", "b", "--", "--lang"])
        for environment in [["LC_ALL": "zh_CN.UTF-8"], ["LC_ALL": "", "LC_MESSAGES": "", "LANG": "zh_CN.UTF-8"]] {
            let missing = try Program.run(
                "petition", "list", "--home", "/nonexistent", "--passphrase-file", "/dev/null",
                environment: environment)
            #expect(missing.status == 2 && missing.error.contains("没有密钥库"))
        }
        let english = try Program.run(
            "petition", "list", "--home", "/nonexistent", "--lang", "en", environment: ["LC_ALL": "zh_CN.UTF-8"])
        #expect(english.status == 2 && english.error.contains("There is no keystore"))
    }

    @Test("A browser's wishes are weighed")
    func accepted() {
        #expect(Language.accepted(by: "zh-CN,zh;q=0.9,en;q=0.8") == .chinese)
        #expect(Language.accepted(by: "en-GB,en;q=0.9,zh;q=0.8") == .english)
        #expect(Language.accepted(by: "fr, zh;q=0.3, en;q=0.2") == .chinese)
        #expect(Language.accepted(by: "zh;q=0, en;q=0.1") == .english && Language.accepted(by: nil) == .english)
        #expect(Language.accepted(by: ";;;,q=,zh;q=x") == .chinese)
    }
}
