import CoSigning
import Foundation
import Petitions
import ServiceAPI
import Sodium
import Synchronization
import TestSupport
import Testing
import TransparencyLog

@testable import Client

/// A workplace whose members reach the service through its dishonest operator, and copies of their devices.
final class Stage {
    let directory: TemporaryDirectory
    let service: RunningService
    let inspector: Operator
    let workplace: LiveWorkplace
    let books: Books
    private let witness: RunningWitness?
    /// Every keystore here has the same passphrase and salt, so the key is derived once.
    private let opener = KeystoreOpener(LiveWorkplace.passphrase())
    private var copies = 0

    var isWitnessed: Bool { witness != nil }
    var members: [Member] { workplace.members }
    var workplaceID: ID<Workplace> { members[0].workplaceID }

    /// - Parameter isWitnessed: whether the workplace's log names a witness, which then signs every checkpoint.
    init(
        members: Int, isWitnessed: Bool = false, clock: @escaping @Sendable () -> UInt64 = Device.systemClock
    ) async throws {
        directory = try TemporaryDirectory()
        books = Books(database: directory("a.sqlite"))
        witness = isWitnessed ? try await Self.witness(of: books.database, directory("w.sqlite")) : nil
        let policy = witness.map { "witness w \($0.key.text) \($0.url)\nquorum w\n" }
        service = try await RunningService.start(database: books.database, witnesses: policy, clock: clock)
        inspector = try await Operator.start(before: service.port)
        workplace = try await LiveWorkplace(
            members: members, service: service, directory: directory, at: inspector.url, clock: clock)
        guard let policy else { return }
        try await workplace.members[0].session {
            try await $0.nameWitnesses(WitnessPolicy(parsing: Array(policy.utf8)))
        }
    }

    /// Starts a witness of the service whose database this is.
    private static func witness(of database: String, _ own: String) async throws -> RunningWitness {
        let service = try await RunningService.start(database: database)
        let info = try JSONDecoder().decode(
            Answers.Service.self, from: Data(try await service.send("GET", Route.service.path()).body))
        await service.stop()
        return try await RunningWitness.start(
            database: own, name: "one.example/w", services: [try NoteKey(parsing: info.service_key)])
    }

    func close() async {
        await workplace.close()
        await inspector.stop()
        await witness?.stop()
    }

    /// A petition with one demand and two trustees.
    func openPetition(_ title: String, closes: UInt64 = 0, levels: [UInt32] = []) async throws -> ID<Petition> {
        let draft = try await members[1].newDraft(language: "en", title: "A demand", text: "We ask.\nTwice.")
        let plan = try await members[0].session { session in
            try await session.adopt(draft.id, revision: 1)
            return try await session.prepare(
                PetitionPlan(
                    language: "en", title: title, preamble: "", drafts: [(draft.id, draft.revision)],
                    trustees: members.prefix(2).map(\.signKey), threshold: 1, quorum: 2, closes: closes,
                    levels: levels))
        }
        return try await workplace.open(plan, trustees: 2)
    }

    // MARK: Logs

    func face() async throws -> Face { try await books.face(LogPath.workplace(workplaceID), service) }
    func face(_ id: ID<Petition>) async throws -> Face { try await books.face(LogPath.petition(id), service) }

    // MARK: Devices

    /// A copy of a member's device in its present state.
    func copy(of member: Member) throws -> String {
        copies += 1
        let path = directory("copy-\(copies)")
        try FileManager.default.copyItem(atPath: member.device.keystore.directory, toPath: path)
        return path
    }

    func copy(_ path: String) throws -> String {
        copies += 1
        let other = directory("copy-\(copies)")
        try FileManager.default.copyItem(atPath: path, toPath: other)
        return other
    }

    func open(_ path: String, clock: @escaping @Sendable () -> UInt64 = Device.systemClock) throws -> Member {
        try Member.open(path, with: opener, clock: clock)
    }

    /// Runs `body` with a device that starts as a copy of this one and is thrown away.
    func withDevice<R>(
        like path: String, clock: @escaping @Sendable () -> UInt64, _ body: (Member) async throws -> R
    ) async throws -> R {
        let copy = try copy(path)
        defer { try? FileManager.default.removeItem(atPath: copy) }
        let member = try open(copy, clock: clock)
        defer { member.close() }
        return try await body(member)
    }

    /// A device that starts as a copy of this one.
    func device(like path: String, clock: @escaping @Sendable () -> UInt64 = Device.systemClock) throws -> Member {
        try open(try copy(path), clock: clock)
    }
}

/// A clock that a test sets, for the service and the devices.
final class MovedClock: Sendable {
    private let ahead = Mutex<Int>(0)

    var now: UInt64 { UInt64(Int(Device.systemClock()) + ahead.withLock { $0 }) }

    func set(ahead seconds: Int) { ahead.withLock { $0 = seconds } }
}
