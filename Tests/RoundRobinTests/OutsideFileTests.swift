import Client
import Foundation
import Petitions
import TestSupport
import TextDiff
import Testing

@testable import Presentation
@testable import roundrobin
@testable import roundrobin_service

@Suite("Files that people give", .ownThreads)
struct OutsideFileTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func write(_ text: String, _ name: String = "file") throws -> String {
        try Data(text.utf8).write(to: URL(filePath: directory(name)))
        return directory(name)
    }

    private func refuses(_ reason: ClientError.Invalid, _ body: () throws -> Void) {
        do {
            try body()
            Issue.record("not refused: \(reason)")
        } catch ClientError.invalid(let found, _) { #expect(found == reason) } catch { Issue.record("\(error)") }
    }

    @Test("A file that is not there says so; a directory and a file of no text are told apart")
    func missing() throws {
        refuses(.noFile) { _ = try OutsideFile.text(directory("none")) }
        refuses(.noFile) { _ = try OutsideFile.text(directory("")) }
        try Data([0xff, 0x00]).write(to: URL(filePath: directory("bytes")))
        refuses(.notText) { _ = try OutsideFile.text(directory("bytes")) }
        refuses(.controlCharacter) { _ = try OutsideFile.text(write("a\0b")) }
        refuses(.fileTooLong) { _ = try OutsideFile.bytes("/dev/zero") }
        #expect(try OutsideFile.text(write("\u{feff}a\r\nb\r\n")) == "a\nb\n")
    }

    @Test("draft new and draft edit read one file alike")
    func drafts() throws {
        let file = try write("Windows title\r\n\r\nFirst line.\r\nSecond line.\r\n")
        let parts = try DraftCommand.parts(of: file, title: nil)
        #expect(parts.title == "Windows title" && parts.text == "First line.\nSecond line.")
        #expect(try DraftCommand.parts(of: file, title: "Windows title") == parts)
        let other = try DraftCommand.parts(of: file, title: "Other")
        #expect(other.title == "Other" && other.text == "Windows title\n\nFirst line.\nSecond line.")
        refuses(.titleThenText) { _ = try DraftCommand.parts(of: write("1. New text."), title: nil) }
        refuses(.demandTitle) { _ = try DraftCommand.parts(of: file, title: "one\ntwo") }
        #expect(try DraftCommand.parts(of: write("1. New text."), title: "T").text == "1. New text.")
    }

    @Test("A policy and a configuration file with a byte order mark and CRLF are the same as without")
    func policies() throws {
        let lines = "# none\nquorum none\n"
        let plain = try PolicyFile.read(write(lines))
        #expect(try PolicyFile.read(write("\u{feff}" + lines.replacing("\n", with: "\r\n"))).bytes == plain.bytes)
        let settings = "name: petitions.example\r\nlisten: 127.0.0.1:0\r\n"
        for text in [settings, "\u{feff}" + settings] {
            let read = try ServeSettings(file: write(text))
            #expect(read[.name] == "petitions.example")
        }
        #expect(throws: ServeSettings.FileFault.self) {
            _ = try ServeSettings(file: write("name: \u{7}"))
        }
        // In the reader's language: the library that reads YAML has none but English.
        let told = try Program.runService("serve", "--lang", "zh-Hans", "--config", write("name: a\nlisten: [\n"))
        #expect(told.status == 2 && told.error.contains("第 2 行不是有效的 YAML"), "\(told.error)")
        #expect(!told.error.contains("error"), "\(told.error)")
    }

    @Test("A record's form with characters that do not show is refused, and CRLF is no matter")
    func forms() throws {
        let form = "date: 2026-12-02\nparty: HR\ndemands:\n  - {demand: 1, answer: countered, text: Less.}\n"
        let record = try RecordForm.read(form, .response, language: "en")
        let windows = try RecordForm.read("\u{feff}" + form.replacing("\n", with: "\r\n"), .response, language: "en")
        #expect(windows.demands == record.demands && windows.party == "HR")
        for hidden in ["\u{202e}", "\u{200b}", "\u{2067}"] {
            refuses(.hidden) {
                _ = try RecordForm.read(form.replacing("Less", with: "L\(hidden)ess"), .response, language: "en")
            }
        }
        // A full-width colon behind a key is refused by its line; in a wording it stays as it was written.
        refuses(.formColon) {
            _ = try RecordForm.read(form.replacing("party: ", with: "party："), .response, language: "en")
        }
        let wording = "date: 2026-12-02\nparty: HR\ndemands:\n  - demand: 1\n    answer: countered\n    text: |-\n"
        let kept = try RecordForm.read(wording + "      note：a\n      date：b\n", .response, language: "en")
        #expect(kept.demands.first?.text == "note：a\ndate：b")
    }
}
