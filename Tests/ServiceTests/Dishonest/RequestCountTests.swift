import CoSigning
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Client

@Suite("What commands cost in requests and bytes, in a workplace of 41", .serialized, .takingTurns)
struct RequestCountTests {
    @Test("Status, drafts, a co-signature and the opening of a petition stay within bounds")
    func counts() async throws {
        let stage = try await Stage(members: 41)
        let (organiser, member) = (stage.members[0], stage.members[7])
        let first = try await stage.workplace.openPetition(levels: [20]).id
        let plan = try await stage.workplace.prepare()
        for trustee in stage.members.prefix(2) { try await trustee.offer(plan) }
        try await organiser.assemble(plan)
        for trustee in stage.members.prefix(2) {
            try await trustee.preview(plan)
            try await trustee.accept(plan)
        }
        for coworker in stage.members[10..<30] { try await coworker.cosign(first, choices: [1]) }
        func measure(
            _ name: String, requests: Int, connections: Int, kilobytes: Int, _ body: () async throws -> Void
        ) async throws {
            let exchanges = try await stage.inspector.watch(body)
            WireRules.check(exchanges, name)
            let bytes = exchanges.reduce(0) { $0 + ($1.response?.body.count ?? 0) }
            let count = Set(exchanges.map(\.request.connection)).count
            let signed = exchanges.count { $0.request.isSigned }
            print(
                "cost of \(name): \(exchanges.count) requests (\(signed) signed) on \(count) connections, \(bytes) bytes"
            )
            #expect(exchanges.count <= requests, "\(name)")
            #expect(count <= connections, "\(name)")
            #expect(bytes <= kilobytes << 10, "\(name)")
        }
        try await measure("openPetition", requests: 16, connections: 3, kilobytes: 64) {
            _ = try await organiser.openPetition(plan)
        }
        try await measure("status", requests: 24, connections: 4, kilobytes: 128) { _ = try await member.status() }
        try await measure("an organiser's status", requests: 28, connections: 4, kilobytes: 128) {
            _ = try await organiser.status()
        }
        try await measure("drafts", requests: 6, connections: 2, kilobytes: 48) { _ = try await member.drafts() }
        try await measure("cosign by id", requests: 10, connections: 2, kilobytes: 96) {
            _ = try await member.cosign(first, choices: [1])
        }
        try await measure("withdraw by id", requests: 10, connections: 2, kilobytes: 96) {
            _ = try await member.withdraw(first)
        }
        await stage.close()
    }
}
