import Foundation
import Petitions
import Service
import Sodium
import TestSupport
import Testing

@testable import Client

/// A workplace on a running service, with members who have keystores.
final class LiveWorkplace {
    let directory: TemporaryDirectory
    let service: RunningService
    private(set) var members: [Member] = []
    private let clock: @Sendable () -> UInt64
    static let cost = PasswordHash(passes: 1, memory: 8192, salt: [UInt8](repeating: 1, count: 16))!

    static func passphrase() -> SecretBytes {
        var bytes = Array("passphrase".utf8)
        return SecretBytes(moving: &bytes)
    }

    init(
        members count: Int, service: RunningService, directory: TemporaryDirectory, at url: String? = nil,
        proxy: Proxy? = nil,
        clock: @escaping @Sendable () -> UInt64 = Device.systemClock
    ) async throws {
        (self.service, self.directory, self.clock) = (service, directory, clock)
        let founder = try await Enrolment.found(
            at: url ?? service.url, eligible: 20, in: directory("home-1"), passphrase: Self.passphrase(),
            cost: Self.cost,
            proxy: proxy, clock: clock)
        members = [founder]
        if count > 1 {
            for (i, url) in try await founder.invite(count: count - 1, note: nil).enumerated() {
                members.append(
                    try await Enrolment.join(
                        .init(parsing: url), in: directory("home-\(i + 2)"), passphrase: Self.passphrase(),
                        cost: Self.cost,
                        proxy: proxy, clock: clock))
            }
        }
    }

    func join(_ url: String, as former: Bytes32? = nil) async throws -> Member {
        let member = try await Enrolment.join(
            .init(parsing: url), as: former, in: directory("home-\(members.count + 1)"), passphrase: Self.passphrase(),
            cost: Self.cost, clock: clock)
        members.append(member)
        return member
    }

    /// Drafts, prepares, offers, assembles, accepts and opens a petition.
    func openPetition(
        trustees: Int = 2, threshold: UInt8 = 1, closes: UInt64 = 0, levels: [UInt32] = [], demands: Int = 1
    ) async throws -> (id: ID<Petition>, plan: ID<Object>) {
        let plan = try await prepare(
            trustees: trustees, threshold: threshold, closes: closes, levels: levels, demands: demands)
        return (try await open(plan, trustees: trustees), plan)
    }

    /// Drafts and prepares.
    func prepare(
        trustees: Int = 2, threshold: UInt8 = 1, closes: UInt64 = 0, levels: [UInt32] = [], demands: Int = 1
    ) async throws -> ID<Object> {
        var drafts = [try await members[1].newDraft(language: "en", title: "A demand", text: "We ask.\nTwice.")]
        for number in 1..<demands where demands > 1 {
            drafts.append(
                try await members[1].newDraft(language: "en", title: "Demand \(number + 1)", text: "We ask \(number)."))
        }
        return try await members[0].session { session in
            for draft in drafts { try await session.adopt(draft.id, revision: 1) }
            return try await session.prepare(
                PetitionPlan(
                    language: "en", title: "Guardrails", preamble: "", drafts: drafts.map { ($0.id, $0.revision) },
                    trustees: members.prefix(trustees).map(\.signKey), threshold: threshold, quorum: 2, closes: closes,
                    levels: levels))
        }
    }

    /// Offers, assembles, accepts and opens what was prepared.
    func open(_ plan: ID<Object>, trustees: Int) async throws -> ID<Petition> {
        for member in members.prefix(trustees) { try await member.offer(plan) }
        try await members[0].assemble(plan)
        for member in members.prefix(trustees) {
            try await member.session { session in
                await #expect(throws: ClientError.self, "not read yet") { _ = try await session.accept(plan) }
                _ = try await session.preview(plan)
                _ = try await session.accept(plan)
            }
        }
        return try await members[0].openPetition(plan)
    }

    func close() async {
        for member in members { member.close() }
        await service.stop()
    }
}
