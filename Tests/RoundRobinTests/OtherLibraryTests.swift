import Foundation
import TestSupport
import Testing

@Suite("A libsodium that verifies by another rule", .ownThreads)
struct OtherLibraryTests {
    @Test("is not used: the program says why it stops, and gives no verdict")
    func cofactor() throws {
        let directory = try TemporaryDirectory()
        let library = try CompiledLibrary.make("cofactor_libsodium.c", in: directory)
        let bundle = Vectors.directory.appending(path: "bundles/honest-7.rrbundle").path
        #expect(try Program.run("verify", bundle).status == 0)
        let other = try Program.run(
            "verify", bundle, environment: ["LD_PRELOAD": library, "SWIFT_BACKTRACE": "enable=no"])
        #expect(other.status != 0 && other.output.isEmpty)
        #expect(other.error.contains("another rule (with the cofactor)"), "\(other.error)")
    }
}
