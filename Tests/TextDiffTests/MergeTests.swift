import ChildProcesses
import Foundation
import TestSupport
import TextDiff
import Testing

@Suite("Two people's changes come together")
struct MergeTests {
    /// One clause on each line, as demands are written.
    static let base = """
        Consent

        1. Nobody is trained from without consent.
        2. Consent is given in writing.
        3. It can be revoked within 14 days.

        Whoever revokes keeps their job.
        """

    private func changed(_ changes: [(String, String)], in text: String = base) -> String {
        changes.reduce(text) { $0.replacing($1.0, with: $1.1) }
    }

    @Test("Changes of different lines are both taken, neighbouring lines too")
    func different() {
        let ours = changed([("in writing", "in writing, in a language one reads")])
        let theirs = changed([("14 days", "30 days"), ("keeps their job", "keeps their job and pay")])
        let merge = LineMerge(base: Self.base, ours: ours, theirs: theirs)
        #expect(
            merge.text
                == changed([
                    ("in writing", "in writing, in a language one reads"), ("14 days", "30 days"),
                    ("keeps their job", "keeps their job and pay"),
                ]))
    }

    @Test("The same change by both is taken once")
    func same() {
        let both = changed([("14 days", "30 days")])
        #expect(LineMerge(base: Self.base, ours: both, theirs: both).text == both)
    }

    @Test("Different changes of one line are a conflict, and only that line is")
    func conflict() {
        let ours = changed([("14 days", "30 days"), ("Consent\n", "Informed consent\n")])
        let merge = LineMerge(base: Self.base, ours: ours, theirs: changed([("14 days", "7 days")]))
        #expect(merge.text == nil)
        let marked = merge.marked(ours: "you", theirs: "Heron")
        #expect(
            marked.contains(
                """
                <<<<<<< you
                3. It can be revoked within 30 days.
                =======
                3. It can be revoked within 7 days.
                >>>>>>> Heron
                """))
        #expect(marked.hasPrefix("Informed consent\n"))
        #expect(LineMerge.hasMarkers(marked) && !LineMerge.hasMarkers(ours))
    }

    @Test("Insertions at one place conflict, at two places do not; a change of a deleted line conflicts")
    func insertions() {
        let line = "2. Consent is given in writing.\n"
        let (one, two) = (line + "2a. On paper.\n", line + "2a. In the presence of a witness.\n")
        func merge(_ ours: String, _ theirs: String) -> LineMerge {
            LineMerge(base: Self.base, ours: changed([(line, ours)]), theirs: changed([(line, theirs)]))
        }
        #expect(merge(one, two).text == nil)
        #expect(merge(one, one).text == changed([(line, one)]))
        #expect(merge("", "2. Consent is given aloud.\n").text == nil)
        #expect(merge("", line).text == changed([(line, "")]))
        let elsewhere = LineMerge(
            base: Self.base, ours: changed([(line, one)]), theirs: Self.base + "\n\nSigned by all.")
        #expect(elsewhere.text == changed([(line, one)]) + "\n\nSigned by all.")
    }

    /// The demand templates in both languages are the real texts; git is available wherever this is built.
    @Test("Wherever git merges cleanly, we do, to the same text")
    func asGit() throws {
        let directory = try TemporaryDirectory()
        var generator = Seeded(state: 7)
        var clean = 0
        for text in try Self.realTexts() {
            let base = Set(text.components(separatedBy: "\n"))
            for _ in 0..<6 {
                let (ours, theirs) = (Self.edited(text, &generator), Self.edited(text, &generator))
                let merged = try Self.git(text, ours, theirs, in: directory)
                let own = LineMerge(base: text, ours: ours, theirs: theirs)
                if let merged {
                    #expect(own.text == merged)
                    clean += 1
                } else if let text = own.text {
                    // Neighbouring lines: git reports a conflict, we do not. Neither side may lose anything.
                    let old = Set(text.components(separatedBy: "\n"))
                    let written = (ours + "\n" + theirs).components(separatedBy: "\n").filter { !base.contains($0) }
                    #expect(old.isSuperset(of: written))
                }
            }
        }
        #expect(clean > 60)
    }

    private static func realTexts() throws -> [String] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "templates/demands")
        return try ["en", "zh-Hans"].flatMap { language in
            try FileManager.default.contentsOfDirectory(
                at: root.appending(path: language), includingPropertiesForKeys: nil
            ).map { try String(contentsOf: $0, encoding: .utf8) }
        }
    }

    private struct Seeded: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) | (state << 31)
        }
    }

    /// A text with some lines changed, removed or added, each in a unique way.
    private static func edited(_ text: String, _ generator: inout Seeded) -> String {
        var lines = text.components(separatedBy: "\n")
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let place = Int.random(in: 0..<lines.count, using: &generator)
            let mark = "\(UInt32.random(in: 0...UInt32.max, using: &generator))"
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: lines[place] += " " + mark
            case 1: lines.insert("new " + mark, at: place)
            default: if !lines[place].isEmpty { lines.remove(at: place) }
            }
        }
        return lines.joined(separator: "\n")
    }

    /// Merges with git; nil if there is a conflict.
    private static func git(_ base: String, _ ours: String, _ theirs: String, in directory: TemporaryDirectory) throws
        -> String?
    {
        for (name, text) in [("base", base), ("ours", ours), ("theirs", theirs)] {
            try Data(text.utf8).write(to: URL(filePath: directory(name)))
        }
        let said = try ChildProcess.run([
            "git", "merge-file", "-p", "-q", directory("ours"), directory("base"), directory("theirs"),
        ])
        return said.status == 0 ? said.output : nil
    }
}

@Suite("What changed, in words")
struct WordDiffTests {
    private func shown(_ old: String, _ new: String) -> String {
        WordDiff(from: old, to: new).segments.map {
            switch $0.change {
            case .same: $0.text
            case .removed: "[-\($0.text)-]"
            case .added: "{+\($0.text)+}"
            }
        }.joined()
    }

    @Test("Words in English, characters in Chinese, punctuation by itself")
    func words() {
        #expect(
            shown("It can be revoked within 14 days.", "It can be withdrawn within 30 days!")
                == "It can be [-revoked-]{+withdrawn+} within [-14-]{+30+} days[-.-]{+!+}")
        #expect(shown("可以在14天内撤回。", "可以在30天内随时撤回。") == "可以在[-14-]{+30+}天内{+随时+}撤回。")
        #expect(shown("one two three", "one 2 3") == "one [-two three-]{+2 3+}")
        #expect(shown("", "new") == "{+new+}" && shown("old", "") == "[-old-]" && shown("x", "x") == "x")
    }

    @Test("Both texts can be read out of the difference")
    func whole() {
        let pairs = [
            ("The employer's  reply,\nin two lines.", "The reply — in\ntwo  lines"), ("数字分身 AI", "AI 数字替身"),
            ("a\r\nb", "a\nb"), ("👩‍💻 works", "👨‍💻 works more"),
        ]
        for (old, new) in pairs {
            let segments = WordDiff(from: old, to: new).segments
            #expect(segments.filter { $0.change != .added }.map(\.text).joined() == old)
            #expect(segments.filter { $0.change != .removed }.map(\.text).joined() == new)
        }
    }

    @Test("A line is found again where it went, and not where it was changed")
    func places() {
        let diff = LineDiff(from: "a\nb\nc\nd", to: "new\na\nB\nc\nd")
        #expect(diff.place(of: 0) == 1 && diff.place(of: 1) == nil && diff.place(of: 2) == 3 && diff.place(of: 3) == 4)
        #expect(diff.place(of: 9) == nil)
    }

    @Test("A heading's underline is no conflict marker; the first and the last line of a conflict are")
    func setext() {
        #expect(!LineMerge.hasMarkers("Demands\n\nDemands\n=======\n\n1. Tell us first.\n"))
        #expect(
            !LineMerge.hasMarkers("a\r\n=======\r\n> quoted\r\n>> twice") && !LineMerge.hasMarkers("<<<<<<<< eight"))
        for text in ["<<<<<<< yours\na\n=======\nb\n>>>>>>> theirs", "a\r\n<<<<<<<\r\nb", "a\n>>>>>>> theirs\n"] {
            #expect(LineMerge.hasMarkers(text), "\(text)")
        }
    }

    @Test("Lines are counted alike whatever ends them")
    func lines() {
        for text in ["a\nb\n", "a\r\nb\r\n", "a\rb\r", "a\u{2028}b\u{85}"] {
            #expect(TextLines.of(text) == ["a", "b", ""] && TextLines.count(text) == 3)
        }
        #expect(TextLines.of("") == [""] && TextLines.count("") == 1)
        #expect(LineDiff(from: "a\r\nb", to: "a\nx\nb").place(of: 1) == 2)
    }
}
