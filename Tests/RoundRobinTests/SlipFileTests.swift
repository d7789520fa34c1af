import Client
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing

@testable import roundrobin

@Suite("Files of slips")
struct SlipFileTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func batch(_ names: String...) throws -> [IssuedInvite] {
        names.map { name in
            let invite = Invite(
                workplace: ID(Random.bytes32()), logKey: Random.bytes32(), serviceURL: "http://127.0.0.1:8080")
            return IssuedInvite(entry: DirectoryEntry(name: name), url: invite.url())
        }
    }

    private func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory("")).sorted()
    }

    @Test("One for each batch; what was not issued is taken away, and nothing that is there is overwritten")
    func batches() throws {
        let slips = SlipFiles(directory("slips.html"))
        try slips.check(2 * Session.invitesPerBatch + 1)
        try slips.keep(batch("Ana", "Bo"))
        try slips.keep(batch("Chen"))
        #expect(try files() == ["slips-2.html", "slips.html"])
        #expect(try String(contentsOfFile: directory("slips-2.html"), encoding: .utf8).contains("Chen"))
        slips.drop()
        #expect(try files() == ["slips.html"] && slips.written == [directory("slips.html")])
        let more = SlipFiles(directory("slips.html"))
        #expect(throws: ClientError.self) { try more.check(1) }
        try Data().write(to: URL(filePath: directory("other-3.html")))
        let other = SlipFiles(directory("other.html"))
        try other.check(2 * Session.invitesPerBatch)
        #expect(throws: ClientError.self) { try other.check(2 * Session.invitesPerBatch + 1) }
        // Without a file nothing is written.
        let none = SlipFiles(nil)
        try none.check(5)
        try none.keep(batch("Dan"))
        none.drop()
        #expect(none.written.isEmpty)
    }

    @Test("The number comes before the ending, and folders and hidden files are left as they are")
    func names() {
        let expected = [
            "slips.html": "slips-2.html", "slips": "slips-2", "a.b/slips": "a.b/slips-2", "/x/.slips": "/x/.slips-2",
            "名单.纸条.html": "名单.纸条-2.html", "": "-2", "a/": "a/-2",
        ]
        for (path, second) in expected { #expect(SlipFiles.name(path, 1) == second, "\(path)") }
        #expect(SlipFiles.name("slips.html", 0) == "slips.html")
    }
}
