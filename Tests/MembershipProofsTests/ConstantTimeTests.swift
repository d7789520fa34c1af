import ChildProcesses
import Foundation
import TestSupport
import Testing

/// Runs Tests/ConstantTime under valgrind's memcheck, which follows a secret through memory and registers.
@Suite("No branch and no address depends on a secret")
struct ConstantTimeTests {
    private static let program = BuiltProgram.directory + "/ConstantTime"
    private static let suppressions = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "ConstantTime/secrecy.supp").path
    /// valgrind's exit status if it has reported something; the program itself never returns it.
    private static let reported: Int32 = 99

    private func run(_ mode: String) async throws -> (status: Int32, said: String) {
        let directory = try TemporaryDirectory()
        // Valgrind 3.19 stops at the debug information that Swift's compiler writes.
        let stripped = directory("ConstantTime")
        let strip = try await end(of: ["strip", "--strip-debug", "-o", stripped, Self.program], directory)
        try #require(strip.status == 0, "\(strip.said)")
        return try await end(
            of: [
                "valgrind", "--quiet", "--error-exitcode=\(Self.reported)", "--suppressions=\(Self.suppressions)",
                stripped, mode,
            ], directory)
    }

    private func end(
        of command: [String], _ directory: TemporaryDirectory
    ) async throws -> (status: Int32, said: String) {
        try await Finished.run(command[0], Array(command.dropFirst()), output: directory("said"))
    }

    @Test("Membership proofs, proofs of possession, names and shares: memcheck reports nothing")
    func secrets() async throws {
        let (status, said) = try await run("check")
        #expect(status == 0 && said.isEmpty, "\(said)")
    }

    @Test(
        "A deliberate mistake is reported: the secret, and what comes of it, is followed",
        arguments: ["branch", "address", "index", "nonce", "share"])
    func controls(_ control: String) async throws {
        let (status, said) = try await run(control)
        #expect(status == Self.reported, "\(said)")
        let what = control == "address" ? "Use of uninitialised value" : "Conditional jump or move depends"
        #expect(said.contains(what), "\(said)")
    }

    @Test("Without valgrind the program says nothing of secrets, so it does not pass for a check")
    func alone() throws {
        #expect(try ChildProcess.run([Self.program, "check"]).status != 0)
    }
}
