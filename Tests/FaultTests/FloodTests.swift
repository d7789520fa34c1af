import Foundation
import NIOCore
import NIOHTTP1
import Petitions
import RequestSignatures
import ServiceAPI
import Sodium
import TestSupport
import Testing
import TransparencyLog

/// The bound that docs/operations.md states ("Floods"): the budget, plus some memory for each connection.
@Suite("Memory stays bounded, and honest requests go on, whatever others hold open", .serialized, .takingTurns)
struct FloodTests {
    static let budget = 64 << 20
    static let perConnection = 96 << 10
    /// How much a flood may leave behind permanently: the allocator keeps some of the memory that it had.
    static let leftOver = 24 << 20

    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// A service with a small budget, and an attacker's workplace, with a petition that honest people sign meanwhile.
    private final class Scene {
        let service: ServiceProgram
        let world: World
        let petition: PetitionWorld
        private var next = 1
        var port: Int { Int(service.url.split(separator: ":").last ?? "") ?? 0 }

        init(_ directory: TemporaryDirectory, _ more: [String] = []) async throws {
            let config = directory("config.yaml")
            let limits = "limits:\n  memory-bytes: \(FloodTests.budget)\n  answer-seconds: 600\n  body-seconds: 600\n"
            try Data(limits.utf8).write(to: URL(filePath: config))
            service = try await ServiceProgram(
                database: directory("a.sqlite"), log: directory("log"), ["--config", config] + more)
            let info = try #require(await Self.ask(service, .GET, "/v1/service")).body
            world = try World(members: 40, logKey: try Workload.logKey(info))
            try world.rotateGroupKey()
            petition = try PetitionWorld(world)
            for person in world.people { try petition.cosign(person) }
            for (i, leaf) in world.leaves.enumerated() {
                let path = i == 0 ? Route.workplaces.path() : Route.workplaceStatements.path(world.log.id.hex)
                #expect(await Self.ask(service, .POST, path, leaf)?.status == 200)
            }
            #expect(await Self.ask(service, .POST, Route.petitions.path(), petition.leaves[0])?.status == 200)
        }

        static func ask(
            _ service: ServiceProgram, _ method: HTTPMethod, _ path: String, _ body: [UInt8] = []
        ) async -> (status: Int, body: [UInt8])? {
            await Caller(url: service.url).send(method, path, body)
        }

        /// Reads what a member reads before co-signing, and co-signs.
        func cosign() async throws {
            let tile = Tile(kind: .entries, index: 0, count: world.leaves.count)
            let log = LogPath.workplace(world.log.id)
            #expect(await Self.ask(service, .GET, log + "/checkpoint")?.status == 200)
            #expect(await Self.ask(service, .GET, log + "/" + tile.path)?.status == 200)
            let body = CoSignatureRequest(statement: petition.leaves[next], sealedName: nil).encoding
            next += 1
            #expect(await Self.ask(service, .POST, Route.cosignatures.path(petition.log.id.hex), body)?.status == 200)
        }

        func head(_ method: String, _ path: String, query: String = "", body: [UInt8] = [], by person: Person)
            -> [UInt8]
        {
            let signed = SignedRequest.headers(
                method: method, path: path, query: query, body: body, created: UInt64(Date().timeIntervalSince1970),
                by: person.seed.signingKey())
            let lines = signed.map { "\($0.name): \($0.value)\r\n" }.joined()
            let target = query.isEmpty ? path : path + "?" + query
            return Array(
                "\(method) \(target) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.count)\r\n\(lines)\r\n".utf8)
        }

        /// The resident memory of the service, in bytes.
        var resident: Int {
            let text = (try? String(contentsOfFile: "/proc/\(service.identifier)/status", encoding: .utf8)) ?? ""
            let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
            return (line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0) << 10
        }

        /// Measures the memory while honest people continue.
        /// - Returns: the greatest resident memory.
        func endure(_ comment: String, cosignatures: Int = 3) async throws -> Int {
            var most = resident
            for _ in 0..<cosignatures {
                try await cosign()
                for _ in 0..<10 {
                    try await Task.sleep(for: .milliseconds(50))
                    most = max(most, resident)
                }
            }
            return most
        }

        /// Waits until the memory that a flood took has been released.
        func recovers(to level: Int) async throws -> Int {
            var now = resident
            for _ in 0..<600 where now > level {
                try await Task.sleep(for: .milliseconds(100))
                now = resident
            }
            return now
        }
    }

    private func check(_ scene: Scene, _ what: String, before: Int, connections: Int, during: Int) async throws {
        let bound = before + Self.budget + connections * Self.perConnection
        #expect(during <= bound, "\(what): \(during >> 20) MB, bound \(bound >> 20) MB, before \(before >> 20) MB")
        let level = before + Self.leftOver
        let after = try await scene.recovers(to: level)
        print("flood: \(what): before \(before >> 20) MB, during \(during >> 20) MB, after \(after >> 20) MB")
        #expect(after <= level, "\(what): \(after >> 20) MB afterwards")
    }

    @Test("500 connections that do not read lists, objects and tiles that they asked for")
    func unread() async throws {
        let scene = try await Scene(directory)
        let (world, founder) = (scene.world, scene.world.founder)
        for _ in 0..<9 {
            let object = try StoredObject.seal(
                Random.bytes(1_000_000), kind: .draft, id: ID(Random.bytes32()), after: nil, in: world.log.id,
                under: .generate(epoch: 0), by: founder.seed.signingKey())
            let path = Route.objectRevision.path(world.log.id.hex, "1", object.id.hex, "1")
            let flood = Flood()
            try await flood.send(
                [scene.head("PUT", path, body: object.bytes, by: founder) + object.bytes], to: scene.port)
            #expect(flood.statuses() == [204: 1])
        }
        let before = scene.resident
        let flood = Flood()
        let list = Route.objects.path(world.log.id.hex)
        try await flood.send(
            (0..<500).map { _ in scene.head("GET", list, query: "kind=1", by: founder) }, to: scene.port)
        let during = try await scene.endure("lists")
        print("flood: statuses \(flood.statuses())")
        flood.end()
        try await check(scene, "500 lists of 9 MB", before: before, connections: 500, during: during)
        let tile = Tile(kind: .entries, index: 0, count: world.leaves.count)
        let path = LogPath.workplace(world.log.id) + "/" + tile.path
        try await flood.send(
            (0..<500).map { _ in Array("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n".utf8) }, to: scene.port)
        let meanwhile = try await scene.endure("tiles")
        flood.end()
        try await check(scene, "500 tiles", before: before, connections: 500, during: meanwhile)
        await scene.service.stop()
    }

    @Test("500 bodies that never end: unsigned ones are refused by their heads, signed ones find room or do not")
    func unfinished() async throws {
        let scene = try await Scene(directory)
        let (world, founder) = (scene.world, scene.world.founder)
        let before = scene.resident
        let flood = Flood()
        let wraps = Route.wraps.path(String(repeating: "0", count: 64))
        let length = (4 << 20) - 1
        let head = Array("PUT \(wraps) HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n".utf8)
        let unsigned = head + [UInt8](repeating: 0x20, count: length - 1)
        try await flood.send((0..<500).map { _ in unsigned }, to: scene.port)
        let during = try await scene.endure("unsigned")
        flood.end()
        try await check(scene, "500 unsigned bodies of 4 MB", before: before, connections: 500, during: during)
        let body = [UInt8](repeating: 7, count: 1_000_000)
        let signed = (0..<500).map { i in
            let path = Route.objectRevision.path(world.log.id.hex, "1", Random.bytes32().hex, "1")
            return scene.head("PUT", path, body: body, by: founder) + body.dropLast()
        }
        try await flood.send(signed, to: scene.port)
        let meanwhile = try await scene.endure("signed")
        print("flood: statuses \(flood.statuses())")
        #expect(flood.statuses()[503] ?? 0 > 400, "most were refused, when the budget was used up")
        flood.end()
        try await check(scene, "500 signed bodies of 1 MB", before: before, connections: 500, during: meanwhile)
        await scene.service.stop()
    }

    @Test("60 HTTP/2 connections with 100 streams each, whose windows are shut")
    func streams() async throws {
        let (status, said) = try await Finished.run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", directory("key.pem"), "-out",
                directory("cert.pem"),
            ], output: directory("said"))
        #expect(status == 0, "\(said)")
        let tls = ["--tls-certificate", directory("cert.pem"), "--tls-key", directory("key.pem")]
        let scene = try await Scene(directory, tls)
        let tile = Tile(kind: .entries, index: 0, count: scene.world.leaves.count)
        let path = LogPath.workplace(scene.world.log.id) + "/" + tile.path
        let before = scene.resident
        let flood = StreamFlood()
        try await flood.open(60, to: scene.port, path: path, streams: 100)
        let during = try await scene.endure("streams")
        await flood.end()
        try await check(scene, "60 connections of 100 streams", before: before, connections: 60, during: during)
        await scene.service.stop()
    }
}
