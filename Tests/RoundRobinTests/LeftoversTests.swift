import Foundation
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Client

/// Looks for traces: in output, logs, files, the environment, and after a crash.
@Suite("Secrets stay where they belong", .ownThreads, .serialized)
struct LeftoversTests {
    let directory: TemporaryDirectory
    static let passphrase = "correct horse battery staple 7391"

    init() throws { directory = try TemporaryDirectory() }

    /// Every secret of a member in every form in which it might be written: raw, hexadecimal, base64 in both alphabets.
    private func secrets(of member: Int) throws -> [(name: String, forms: [Data])] {
        var bytes = Array(Self.passphrase.utf8)
        let keystore = try Keystore.open(directory("m\(member)"), passphrase: SecretBytes(moving: &bytes))
        let identity = try keystore.required(.identity).reveal()
        let rings = Int(identity[33])
        var found = [("seed", Array(identity[1..<33]))]
        for i in 0..<rings { found.append(("ring key \(i)", Array(identity[34 + 32 * i..<66 + 32 * i]))) }
        for (i, start) in stride(from: 34 + 32 * rings, to: identity.count - 35, by: 36).enumerated() {
            found.append(("group key \(i)", Array(identity[start + 4..<start + 36])))
        }
        return found.map { name, secret in
            let base64 = Data(secret).base64EncodedString()
            let url = base64.replacing("+", with: "-").replacing("/", with: "_")
            return (
                "\(name) of member \(member)",
                [
                    Data(secret), Data(Hex.encode(secret).utf8), Data(base64.prefix(42).utf8),
                    Data(url.prefix(42).utf8),
                ]
            )
        }
    }

    @Test("No key, passphrase, invite, answer or remark is in an output, a log, a file, an argument or the environment")
    func nowhere() throws {
        try Data((Self.passphrase + "\n").utf8).write(to: URL(filePath: directory("pass")))
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        var said = Data()
        @discardableResult
        func run(_ member: Int, fails: Bool = false, _ arguments: String...) throws -> Program.Result {
            let result = try Program.run(as: member, in: directory, arguments)
            #expect(fails ? result.status != 0 : result.status == 0, "\(arguments): \(result.error)")
            said += Data((result.output + result.error).utf8)
            return result
        }
        try run(1, "workplace", "found", service.url, "--eligible", "9")
        // This command is asked for the addresses; they are its output.
        let issued = try Program.run(as: 1, in: directory, ["invite", "create", "--count", "4", "--json"])
        let invites = try issued.json()["invites"] as? [String] ?? []
        #expect(invites.count == 4)
        for (i, url) in invites.enumerated() { try run(i + 2, "join", url) }
        try run(6, fails: true, "join", invites[0])
        try run(6, fails: true, "join", String(invites[1].dropLast()))
        try run(2, "draft", "new", "--template", "informed-consent", "--set", "notice_days=21")
        try run(1, "draft", "adopt", "1", "--revision", "1")
        try run(
            1, "petition", "prepare", "--title", "Title", "--draft", "1", "--trustee", "2", "--threshold", "1",
            "--quorum", "3")
        try run(2, "petition", "offer")
        try run(1, "petition", "assemble")
        try run(2, "petition", "preview")
        try run(2, "petition", "accept")
        let id = try run(1, "petition", "open", "--json").json()["petition"] as? String ?? ""
        for member in 1...3 { try run(member, "cosign", id, "--all", "support", "--remark", "remark 8264 by hand") }
        try run(4, fails: true, "cosign", id, "--all", "nonsense")
        try run(3, "keys", "rotate-ring")
        try run(2, "keys", "backup", directory("backup"), "--backup-passphrase-file", directory("pass"))
        try run(2, "status")
        // A wrong passphrase, and a damaged file.
        try Data("wrong passphrase here\n".utf8).write(to: URL(filePath: directory("wrong")))
        let wrong = try Program.run("status", "--home", directory("m2"), "--passphrase-file", directory("wrong"))
        #expect(wrong.status == 2)
        said += Data((wrong.output + wrong.error).utf8)

        var searched: [(where: String, bytes: Data)] = [("outputs", said)]
        for file in ["environ", "cmdline"] {
            searched.append(
                (file, FileManager.default.contents(atPath: "/proc/\(service.identifier)/\(file)") ?? Data()))
        }
        searched.append(("the service's log", Data(service.said().utf8)))
        let files = try #require(FileManager.default.enumerator(atPath: directory.path))
        for case let file as String in files where !["pass", "wrong", "invite"].contains(file) {
            searched.append((file, FileManager.default.contents(atPath: directory(file)) ?? Data()))
        }
        #expect(searched.count > 20 && searched.contains { $0.where == "service.sqlite" })
        var secrets = try (1...5).flatMap { try self.secrets(of: $0) }
        #expect(secrets.count >= 15)
        secrets.append(("passphrase", [Data(Self.passphrase.utf8)]))
        secrets += invites.map { ("invite", [Data($0.split(separator: "#")[1].suffix(60).utf8)]) }
        secrets.append(("remark", [Data("remark 8264".utf8)]))
        for (place, bytes) in searched {
            for secret in secrets {
                for form in secret.forms { #expect(bytes.range(of: form) == nil, "\(secret.name) in \(place)") }
            }
        }
        // The search does find what is there.
        #expect(
            Data("x".utf8) + secrets[0].forms[1] != Data()
                && (said + secrets[0].forms[1]).range(of: secrets[0].forms[1]) != nil)
    }

    @Test("An invite's address is refused as an argument, before anything is asked")
    func inviteArgument() throws {
        let refused = try Program.run("join", "http://127.0.0.1:1/join#AAAA", "--home", directory("m1"))
        #expect(refused.status == 64 && refused.error.contains("--invite-file"))
        #expect(!refused.error.contains("AAAA"))
    }

    @Test("A crash leaves no core file and shows no registers; others of the same user cannot read its memory")
    func crash() throws {
        let limited = try ServiceProcess(database: directory("service.sqlite"))
        let limits = String(
            decoding: FileManager.default.contents(atPath: "/proc/\(limited.identifier)/limits") ?? Data(),
            as: UTF8.self)
        let core = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
        #expect(core.split(separator: " ").suffix(3).map(String.init) == ["0", "0", "bytes"])
        // In /proc, files of a process that may not be dumped belong to root, so nobody else may read them.
        if getuid() != 0 { #expect(access("/proc/\(limited.identifier)/mem", R_OK) != 0) }
        for signal in [SIGSEGV, SIGILL, SIGABRT] {
            let service = try ServiceProcess(database: directory("service-\(signal).sqlite"))
            #expect(service.end(by: signal) == signal)
            let said = service.said()
            #expect(!said.contains("rax") && !said.contains("Backtrace") && !said.contains("Thread 0"), "\(said)")
        }
        limited.kill()
        let left = try FileManager.default.contentsOfDirectory(atPath: FileManager.default.currentDirectoryPath)
        #expect(!left.contains { $0.hasPrefix("core") })
    }
}
