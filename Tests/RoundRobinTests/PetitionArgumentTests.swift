import Client
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Presentation
@testable import roundrobin

@Suite("A petition is named as people name it", .ownThreads)
struct PetitionArgumentTests {
    private let hex = String(repeating: "01f1008d", count: 8)

    @Test("An id in every form that is pasted: capitals, blanks, quotes, brackets, its page, a full stop")
    func ids() throws {
        let id = try #require(ID<Petition>(hex: hex))
        for form in [
            hex, hex.uppercased(), " \(hex)\n", "\"\(hex)\"", "“\(hex)”", "<\(hex)>", "\(hex).", "(\(hex)),",
            "https://rr.example/p/\(hex)", "http://x.onion/p/\(hex)/?lang=zh",
            "https://rr.example/p/\(hex.uppercased()).",
            "\u{feff}\(hex)\u{200b}", hex.prefix(32) + " " + hex.suffix(32), hex.prefix(32) + "\n" + hex.suffix(32),
        ] {
            #expect(PetitionArgument.meaning(String(form)) == .id(id), "\(form)")
        }
    }

    @Test("Four digits and more are the beginning of an id; everything else is words of a title")
    func others() {
        #expect(PetitionArgument.meaning("01F1") == .beginning("01f1"))
        #expect(PetitionArgument.meaning("01f1008d…") == .beginning("01f1008d"))
        for title in ["01f", "Guardrails", "our doubles", "护栏", hex + "0", "01f1x"] {
            #expect(PetitionArgument.meaning(title) == .title(title))
        }
        #expect(PetitionArgument.meaning("") == nil)
        #expect(PetitionArgument.meaning(" \"\" ") == nil)
    }

    @Test("Where there is no petition yet, that is why none fits; a file is verified and not looked for")
    func none() throws {
        #expect {
            try PetitionArgument.choose(nil, among: []) { _ in true }
        } throws: { ($0 as? ClientError)?.what == words("invalid.noPetitionYet") }
        let file = Vectors.directory.appending(path: "bundles/honest-7.rrbundle").path
        #expect {
            try PetitionArgument.scope(file)
        } throws: { ($0 as? ClientError)?.what == words("invalid.verifyFile", ["file": file]) }
    }
}
