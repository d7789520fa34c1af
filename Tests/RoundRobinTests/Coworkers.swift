import ChildProcesses
import CoSigning
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Client

/// Members of a workplace on a running service, whose keystores the built program opens: `m1`, `m2` and so on in a
/// test's directory, under the passphrase in the file `pass` there.
struct Coworkers {
    let directory: TemporaryDirectory
    private static let cost = PasswordHash(passes: 1, memory: 8192, salt: [UInt8](repeating: 1, count: 16))!

    private static func passphrase() -> SecretBytes {
        var bytes = Array("a passphrase".utf8)
        return SecretBytes(moving: &bytes)
    }

    init(_ count: Int, at url: String, in directory: TemporaryDirectory) async throws {
        self.directory = directory
        try Data("a passphrase\n".utf8).write(to: URL(filePath: directory("pass")))
        let founder = try await Enrolment.found(
            at: url, eligible: 20, in: directory("m1"), passphrase: Self.passphrase(), cost: Self.cost)
        founder.close()
        try await join(2...count)
    }

    /// They join, each with an invite of their own.
    func join(_ numbers: ClosedRange<Int>) async throws {
        let invites = try await act(1) { try await $0.invite(count: numbers.count, note: nil) }
        for (number, invite) in zip(numbers, invites) {
            try await Enrolment.join(
                Invite(parsing: invite), in: directory("m\(number)"), passphrase: Self.passphrase(), cost: Self.cost
            ).close()
        }
    }

    /// With a member's keystore, which is free for the program afterwards.
    func with<R>(_ number: Int, _ body: (Member) async throws -> R) async throws -> R {
        let member = try Member.open(directory("m\(number)"), passphrase: Self.passphrase())
        defer { member.close() }
        return try await body(member)
    }

    /// Under a member's name.
    func act<R>(_ number: Int, _ body: (Session) async throws -> R) async throws -> R {
        try await with(number) { try await $0.session(body) }
    }

    func cosign(_ number: Int, _ id: ID<Petition>, _ choices: [UInt8]) async throws {
        try await with(number) { _ = try await $0.cosigner.cosign(id, choices: choices) }
    }

    func view(_ id: ID<Petition>, by number: Int = 1) async throws -> PetitionView {
        try await with(number) { try await $0.cosigner.view(id) }
    }

    /// An open petition; the first two members are its trustees, and one of them can open it.
    func petition(demands: Int = 1, levels: [UInt32] = []) async throws -> ID<Petition> {
        var drafts: [Draft] = []
        for number in 1...demands {
            drafts.append(
                try await act(2) {
                    try await $0.newDraft(language: "en", title: "Demand \(number)", text: "We ask \(number).")
                })
        }
        var keys: [Bytes32] = []
        for number in 1...2 { keys.append(try await with(number) { $0.signKey }) }
        let plan = try await act(1) { session in
            for draft in drafts { try await session.adopt(draft.id, revision: 1) }
            return try await session.prepare(
                PetitionPlan(
                    language: "en", title: "Guardrails", preamble: "", drafts: drafts.map { ($0.id, $0.revision) },
                    trustees: keys, threshold: 1, quorum: 2, closes: 0, levels: levels))
        }
        for number in 1...2 { try await act(number) { try await $0.offer(plan, again: false) } }
        _ = try await act(1) { try await $0.assemble(plan) }
        for number in 1...2 {
            try await act(number) { session in
                _ = try await session.preview(plan)
                _ = try await session.accept(plan)
            }
        }
        return try await act(1) { try await $0.openPetition(plan) }
    }

    // MARK: The built program

    func run(_ number: Int, _ arguments: String...) throws -> Program.Result {
        try Program.run(as: number, in: directory, arguments)
    }

    /// On a terminal.
    func terminal(
        _ number: Int, _ arguments: String..., environment: [String: String] = [:]
    ) throws -> PseudoTerminal {
        try PseudoTerminal(
            [Program.path] + arguments
                + ["--home", directory("m\(number)"), "--passphrase-file", directory("pass")],
            environment: ["NO_COLOR": "1", "TMPDIR": directory(""), "XDG_RUNTIME_DIR": ""].merging(environment) { $1 },
            columns: 160, directory: directory(""))
    }
}
