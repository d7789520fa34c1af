import Foundation
import Templates
import Testing

@testable import Presentation
@testable import roundrobin

@Suite("Chinese as Chinese readers expect it", .ownThreads)
struct ChineseTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// A piece of text for people, and where it is.
    private struct Text {
        let place: String
        let text: String
    }

    /// Messages by key, and the lines of templates and guides, without code.
    private static func texts() throws -> [Text] {
        let messages = try Messages(.chinese, directory: root.appending(path: "templates").path)
        var texts = messages.keys.sorted().map { Text(place: $0, text: messages($0)) }
        for folder in ["templates/demands/zh-Hans", "docs"] {
            let names = try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path)
            for name in names.sorted() where folder != "docs" || name.hasSuffix(".zh-Hans.md") {
                let path = root.appending(path: folder).appending(path: name)
                let lines = try String(contentsOf: path, encoding: .utf8).split(separator: "\n")
                texts += lines.enumerated().compactMap { i, line in
                    // In a command only the comment at its end is for people; a key of the front matter is YAML.
                    var text = line.hasPrefix("    ") && folder == "docs" ? line.drop { $0 != "#" } : line
                    text = text.drop { $0 == "#" }
                    let plain = String(text).replacing(/`[^`]*`/, with: "").replacing(#/^\s*[a-z_-]+:\s/#, with: "")
                    return Text(place: "\(name):\(i + 1)", text: plain)
                }
            }
        }
        return texts
    }

    /// Punctuation for which GB/T 15834 requires full width: after or before a Chinese character, a value or a
    /// full-width sign.
    private static func halfWidth(_ text: String) -> String? {
        let behind = /[\u{3007}\u{3400}-\u{4DBF}\u{4E00}-\u{9FFF}，。：；（）？！“”《》、}]\s?[,:;?!()]/
        let before = /[,:;?!()]\s?[\u{3007}\u{3400}-\u{4DBF}\u{4E00}-\u{9FFF}]/
        let quoted = /"[\u{4E00}-\u{9FFF}]|[\u{4E00}-\u{9FFF}]"/
        let stop = /[\u{4E00}-\u{9FFF}]\.(\s|$)/
        return [
            text.firstMatch(of: behind).map { $0.output }, text.firstMatch(of: before).map { $0.output },
            text.firstMatch(of: quoted).map { $0.output }, text.firstMatch(of: stop).map { $0.output.0 },
        ].compactMap { $0 }.first.map(String.init)
    }

    @Test("Punctuation beside Chinese characters is full-width: messages, demands, guides")
    func punctuation() throws {
        let texts = try Self.texts()
        #expect(texts.count > 800)
        for text in texts {
            #expect(Self.halfWidth(text.text) == nil, "\(text.place): \(text.text)")
        }
    }

    @Test("What is half-width and what is not, by example")
    func examples() {
        for wrong in ["要求,", "签名: 一", "(你)", "你?", "{count}:成员", "说\"不\"", "记录.", "签名（一）:", "a;乙"] {
            #expect(Self.halfWidth(wrong) != nil, "\(wrong)")
        }
        for right in ["诉求，", "12:00 之前", "roundrobin join（加入）", "“不”", "第 3.5 节", "https://a.example/join#…"] {
            #expect(Self.halfWidth(right) == nil, "\(right)")
        }
    }

    /// What a value brings: a list or two sentences joined in code, and a Latin word or a number next to Han characters.
    @Test("Punctuation and spaces around values are Chinese too")
    func values() throws {
        let messages = try Messages(.chinese, directory: Self.root.appending(path: "templates").path)
        for key in messages.keys.sorted() {
            let text = messages(key)
            #expect(text.firstMatch(of: #/[，。：；！？、）」》]\x20/#) == nil || text.hasSuffix(" "), "\(key): \(text)")
            // Names and numbers, as they are filled in.
            let filled = messages(
                key, Dictionary(uniqueKeysWithValues: messages.places(in: key).map { ($0, "3 号成员（ab）") }))
            #expect(filled.firstMatch(of: /[\u{4E00}-\u{9FFF}]3 号/) == nil, "\(key): \(filled)")
            #expect(filled.firstMatch(of: #/）[,;:]|[,;:] ?3 号/#) == nil, "\(key): \(filled)")
        }
    }

    /// What puts texts next to each other with marks of one language.
    private static func joins(_ line: some StringProtocol) -> Bool {
        let line = String(line)
        let separator = #/joined\(separator: "[^"]*[,;:、，；：][^"]*"/#
        let concatenated = #/\+ ?"([,;、，；：] ?|: )"|"([,;、，；：] ?|: )" ?\+/#
        let interpolated = #/\\\([^()]*(\([^()]*\))?[^()]*\)[,;:、，；：] \\\(/#
        // Through the one door, and not with the mark itself.
        let bypassed = #/(words|texts)\("list\./#
        return line.contains(separator) || line.contains(concatenated) || line.contains(interpolated)
            || line.contains(bypassed)
    }

    @Test("Texts for people are joined by the language: no list, pair or sentence has its marks in the code")
    func joining() throws {
        for wrong in [
            #"x.joined(separator: ", ")"#, #"a + ": " + b"#, #""\(title): \(summary)""#, #"words("list.separator")"#,
            #"x.joined(separator: "、")"#, #"(name + "; ")"#,
        ] {
            #expect(Self.joins(wrong), "\(wrong)")
        }
        for right in [#"x.joined(separator: " ")"#, #"Words.list(x)"#, #"["a": "\(b)"]"#, #"x.split(separator: ":")"#] {
            #expect(!Self.joins(right), "\(right)")
        }
        // What machines read: arguments, SQL, JSON, YAML, times and addresses.
        let others = ["Joining.swift", "ShellQuoting.swift"]
        for program in ["Presentation", "roundrobin", "roundrobin-service"] {
            let folder = Self.root.appending(path: "Sources/" + program)
            let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
            while let file = files?.nextObject() as? URL {
                guard file.pathExtension == "swift", !others.contains(file.lastPathComponent) else { continue }
                for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
                    let isComment = line.trimmingCharacters(in: .whitespaces).hasPrefix("//")
                    #expect(isComment || !Self.joins(line), "\(file.lastPathComponent): \(line)")
                }
            }
        }
    }

    @Test("Parts of a text with nothing to say are left out; labels of one list end in one column")
    func parts() throws {
        for language in Language.allCases {
            let messages = try Messages(language, directory: Self.root.appending(path: "templates").path)
            let none = messages("petition.seats", ["live": "6", "rotated": "0", "unseated": "0"])
            let some = messages("petition.seats", ["live": "6", "rotated": "2", "unseated": "0"])
            #expect(!none.contains("0") && !none.contains("<") && some.count > none.count && some.contains("2"))
            let few = messages("warning.fewSeats", ["live": "6", "settled": "6"], count: 6)
            #expect(!few.contains("only") && !few.contains("只有"))
            #expect(messages("warning.fewSeats", ["live": "6", "settled": "5"], count: 5).count > few.count)
            let columns = ["petition.state", "petition.seats", "petition.you", "petition.standing", "petition.quorum"]
                .map {
                    key -> Int in
                    let text = messages(key, ["state": "X", "own": "X", "bar": "X", "live": "6"])
                    let label = text.prefix { $0 != " " }
                    return Columns.cells(String(label)) + text.dropFirst(label.count).prefix { $0 == " " }.count
                }
            #expect(Set(columns).count == 1, "\(language): \(columns)")
        }
    }

    @Test("One thing has one word: what docs/glossary.md rules out stands nowhere")
    func words() throws {
        // A petition is announced first, and opened later by whoever signs that.
        let messages = try Messages(.chinese, directory: Self.root.appending(path: "templates").path)
        #expect(messages("signer.opened").contains("开放") && messages("petition.announced").contains("公布"))
        for text in try Self.texts() {
            // A notice board, and what a demand asks the employer to announce, are other things.
            let plain = text.text.replacing("环境", with: "").replacing("公告栏", with: "").replacing("事先公告", with: "")
            let others = ["环", "叶子", "群组密钥", "工作场所", "见证人", "一项要求", "每项要求", "我方要求", "公告", "宣布"]
            for word in others {
                #expect(!plain.contains(word), "\(text.place): \(word)")
            }
        }
    }
}
