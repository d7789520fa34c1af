import ChildProcesses
import Client
import CoSigning
import Foundation
import MembershipProofs
import Petitions
import Sodium
import Synchronization
import TestSupport
import Testing
import TransparencyLog

/// `roundrobin-service serve` as a process of its own, that can be killed.
final class ServiceProcess {
    let url: String
    let port: Int
    private let process: ChildProcess

    /// The program's output until it listened.
    let log: String

    /// - Parameter port: 0 for a free one.
    convenience init(database: String, port: Int = 0, _ more: [String] = []) throws {
        try self.init("serve", ["--database", database, "--name", "crash.example"] + more, port: port)
    }

    /// - Parameter command: a command that listens: `serve` or `witness`.
    init(_ command: String, _ arguments: [String], port: Int = 0) throws {
        let port = port == 0 ? FreePorts.take() : port
        self.port = port
        url = "http://127.0.0.1:\(port)"
        let error = Pipe()
        process = try Program.start(
            [command] + arguments + ["--listen", "127.0.0.1:\(port)"], of: BuiltProgram.service, error: .pipe(error))
        var log = ""
        while !log.contains("listening") {
            let data = error.fileHandleForReading.availableData
            guard !data.isEmpty else { throw NotListening(log: log) }
            log += String(decoding: data, as: UTF8.self)
        }
        self.log = log
        // Keeps reading, so that the pipe does not fill up.
        error.fileHandleForReading.readabilityHandler = { [heard] handle in
            let more = handle.availableData
            heard.data.withLock { $0 += more }
        }
    }

    private final class Heard: Sendable { let data = Mutex<Data>(Data()) }
    private let heard = Heard()

    var identifier: Int32 { process.identifier }

    /// The program's output so far.
    func said() -> String { log + heard.data.withLock { String(decoding: $0, as: UTF8.self) } }

    /// - Returns: the signal that ended it; nil if it ended by itself.
    func end(by signal: Int32) -> Int32? {
        process.send(signal)
        guard case .killed(let signal) = process.wait() else { return nil }
        return signal
    }

    struct NotListening: Error { let log: String }

    func kill() {
        process.send(SIGKILL)
        process.wait()
    }

    func terminate() -> Int32 {
        process.send(SIGTERM)
        guard case .exited(let status) = process.wait() else { return -1 }
        return status
    }
}

@Suite("A service that is killed loses nothing that it acknowledged", .ownThreads, .serialized)
struct CrashTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static func passphrase() -> SecretBytes {
        var bytes = Array("passphrase".utf8)
        return SecretBytes(moving: &bytes)
    }

    @Test("Killed again and again under load: every receipt handed out verifies, and every client gets through")
    func kills() async throws {
        let cost = try #require(PasswordHash(passes: 1, memory: 8192, salt: Random.bytes(16)))
        var service = try ServiceProcess(database: directory("service.sqlite"))
        let port = service.port
        let founder = try await Enrolment.found(
            at: service.url, eligible: 10, in: directory("m0"), passphrase: Self.passphrase(), cost: cost)
        var members = [founder]
        for (i, url) in try await founder.session({ try await $0.invite(count: 5, note: nil) }).enumerated() {
            members.append(
                try await Enrolment.join(
                    .init(parsing: url), in: directory("m\(i + 1)"), passphrase: Self.passphrase(), cost: cost))
        }
        let id = try await founder.session { founder in
            let draft = try await founder.newDraft(language: "en", title: "D", text: "x")
            try await founder.adopt(draft.id, revision: draft.revision)
            let plan = try await founder.prepare(
                PetitionPlan(
                    language: "en", title: "P", preamble: "", drafts: [(draft.id, 1)], trustees: [members[0].signKey],
                    threshold: 1, quorum: 1, closes: 0))
            try await founder.offer(plan)
            _ = try await founder.assemble(plan)
            _ = try await founder.preview(plan)
            _ = try await founder.accept(plan)
            return try await founder.openPetition(plan)
        }
        for member in members { member.close() }

        // Each member signs again and again while the service is killed at random moments.
        let rounds = 12
        let (home, address, count) = (directory, service.url, members.count)
        let load = Task {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for i in 0..<count {
                    group.addTask { try await Self.sign(home("m\(i)"), id, times: 6) }
                }
                try await group.waitForAll()
            }
        }
        for _ in 0..<rounds {
            try await Task.sleep(for: .milliseconds(Int(100 + Random.number(below: 500))))
            service.kill()
            service = try ServiceProcess(database: directory("service.sqlite"), port: port)
        }
        try await load.value
        #expect(service.url == address)
        var receipts = 0
        for i in 0..<members.count {
            let member = try Member.open(directory("m\(i)"), passphrase: Self.passphrase())
            let view = try await member.cosigner.view(id)
            receipts += member.cosigner.verifiedReceipts(view)
            if i == 0 {
                let audited = try AuditedPetition(auditing: view.bundle)
                #expect(audited.faults.isEmpty)
                #expect(audited.tally.cosignatures == members.count)
                #expect(view.petition.size == 1 + members.count * 6)
            }
            member.close()
        }
        #expect(receipts == members.count * 6)
        #expect(service.terminate() == 0, "SIGTERM ends it gracefully")
    }

    /// Signs until it has that many receipts; opens the keystore again after every failure, as a person would.
    private static func sign(_ home: String, _ id: ID<Petition>, times: Int) async throws {
        var done = 0
        var failures = 0
        while done < times {
            let member = try Member.open(home, passphrase: passphrase())
            do {
                // A statement that was sent but not acknowledged is settled first, so this may add one more.
                done = member.cosigner.verifiedReceipts(try await member.cosigner.view(id))
                if done < times {
                    if member.device.ownStatus(id) == .pending {
                        let begun = try await member.cosigner.begin(.petition(id))
                        if try await member.cosigner.resend(begun) == nil { try member.cosigner.abandon(begun) }
                    } else {
                        try await member.cosigner.cosign(id, choices: [1])
                    }
                    done = member.cosigner.verifiedReceipts(try await member.cosigner.view(id))
                }
            } catch let error as ClientError {
                guard error.code == .unreachable, failures < 400 else { throw error }
                failures += 1
                try await Task.sleep(for: .milliseconds(50))
            }
            member.close()
        }
    }
}
