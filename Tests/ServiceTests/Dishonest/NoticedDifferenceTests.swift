import CoSigning
import Foundation
import Petitions
import ServiceAPI
import TestSupport
import Testing

@testable import Client

/// Clients that behave differently on some devices: each in one way, and each is reported. They are made of the parts of the
/// real one.
@Suite("A client that does something else on a device that has seen something else is noticed", .takingTurns)
struct NoticedDifferenceTests {
    private struct Twin {
        let differences: Set<Trial.Difference>
        let operation: Operation

        init(
            _ name: String, _ differences: Trial.Difference...,
            run: @escaping @Sendable (Member, Scene) async throws -> Void
        ) {
            self.differences = Set(differences)
            operation = Operation(name) { member, scene in
                try await run(member, scene)
                return "done"
            }
        }
    }

    private struct Refused: Error {}

    private static let twins = [
        Twin("asks once more over the same connection", .served, .requests) { member, scene in
            let device = member.device
            try await AnonymousConnection.with(device.serviceURL, proxy: nil) { connection in
                _ = try await connection.read(Run(.petition(scene.id), of: device.workplaceID))
                if !member.alarms.isEmpty { _ = try await connection.answer(.names(scene.id), of: device.workplaceID) }
            }
        },
        Twin("looks again over a new connection", .served, .requests) { member, scene in
            _ = try await member.cosigner.look(.roster)
            if !member.alarms.isEmpty { _ = try await member.cosigner.look(.roster) }
        },
        Twin("looks again over the same connection", .served, .requests) { member, scene in
            let device = member.device
            try await AnonymousConnection.with(device.serviceURL, proxy: nil) { connection in
                for _ in 0..<(member.alarms.isEmpty ? 1 : 2) {
                    _ = try await connection.read(Run(.roster, of: device.workplaceID))
                }
            }
        },
        Twin("opens a second connection for what it would read over the first", .requests) { member, scene in
            let device = member.device
            try await AnonymousConnection.with(device.serviceURL, proxy: nil) { connection in
                let log = RunRequest.checkpoint(.workplace(device.workplaceID))
                _ = try await connection.answer(log, of: device.workplaceID)
                if member.alarms.isEmpty {
                    _ = try await connection.answer(log, of: device.workplaceID)
                } else {
                    try await AnonymousConnection.with(device.serviceURL, proxy: nil) {
                        _ = try await $0.answer(log, of: device.workplaceID)
                    }
                }
            }
        },
        Twin("reads in another order", .served, .requests) { member, scene in
            let scope: Run.Scope = member.alarms.isEmpty ? .petition(scene.id) : .log(scene.id)
            _ = try await member.cosigner.look(scope)
        },
        Twin("leaves out the log that it does not trust", .served, .requests) { member, scene in
            _ = try await member.cosigner.look(member.alarms.isEmpty ? .everything : .roster)
        },
        Twin("does not send", .requests, .sendings) { member, scene in
            _ = try? await member.cosigner.carryOut(
                .sign(choices: [1], remark: "", name: nil), in: .petition(scene.id)
            ) { _, _ in member.alarms.isEmpty }
        },
        Twin("sends another length", .requests) { member, scene in
            let body = [UInt8](repeating: 0, count: member.alarms.isEmpty ? 1000 : 1001)
            try await send(body, "application/octet-stream", member, scene)
        },
        Twin("sends another header", .requests) { member, scene in
            let type = member.alarms.isEmpty ? "application/octet-stream" : "text/plain"
            try await send([1, 2, 3], type, member, scene)
        },
        Twin("refuses after the same requests", .outcome) { member, scene in
            _ = try await member.cosigner.look(.petition(scene.id))
            if !member.alarms.isEmpty { throw Refused() }
        },
    ]

    private static func send(
        _ body: [UInt8], _ type: String, _ member: Member, _ scene: Scene
    ) async throws {
        let transport = Transport(serviceURL: member.device.serviceURL, proxy: nil)
        let path = Route.cosignatures.path(scene.id.hex)
        _ = try? await transport.exchange("POST", path, body: body, headers: [("content-type", type)])
        await transport.close()
    }

    @Test("Each of these is reported where there is an alarm, as what it is, and nowhere else")
    func noticed() async throws {
        let scene = try await Scene()
        let states = try await scene.deviceStates(["anonymous pins further ahead", "both faces"])
        scene.inspector.keepResponses()
        // Whatever is sent, so that what is no co-signature has a response as well.
        let serving = Serving("the truth", Scene.sending(.response(.problem("held", 409))))
        for twin in Self.twins {
            let fresh = try await scene.trial(twin.operation, scene.fresh, serving)
            let ahead = try await scene.trial(twin.operation, states[0].path, serving)
            #expect(ahead.differences(from: fresh) == [], "\(twin.operation.name)")
            let faces = try await scene.trial(twin.operation, states[1].path, serving)
            #expect(faces.differences(from: fresh) == twin.differences, "\(twin.operation.name)")
        }
        await scene.stage.close()
    }

    @Test("Devices that are not served the same are not compared, and a table without an outcome is no table")
    func unequal() async throws {
        let scene = try await Scene()
        let view = try #require(Operation.all.first { $0.name == "view" })
        let fresh = try await scene.trial(view, scene.fresh, Serving("the truth"))
        let other = try await scene.trial(view, scene.fresh, Serving("a fork", scene.forkedLog.script))
        #expect(other.differences(from: fresh) == [.served])
        let table = ExpectedOutcomes(outcomes: ["the truth": ["open": ["view"]]], exceptions: [])
        #expect(table.outcome(of: "view", "the truth") == "open")
        #expect(table.outcome(of: "bundle", "the truth") == nil && table.outcome(of: "view", "another") == nil)
        await scene.stage.close()
    }
}
