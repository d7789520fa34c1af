import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Petitions
import RequestSignatures
import ServiceAPI
import Sodium
import Storage
import Synchronization
import TestSupport
import Testing
import TransparencyLog

@testable import Client
@testable import Service

@Suite("Whoever floods or dawdles is held off", .serialized, .takingTurns)
struct AbuseTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private typealias Address = AddressBuckets.Address

    @Test("A network of addresses has a bucket; this machine, behind which proxies are, has none")
    func buckets() throws {
        let now = Mutex(UInt64(1000))
        let buckets = AddressBuckets(rate: 10, burst: 5, clock: { now.withLock { $0 } })
        let one = try #require(Address([192, 0, 2, 1]))
        #expect(one == Address([192, 0, 2, 200]) && one != Address([192, 0, 3, 1]))
        let six = try #require(Address([0x20, 1, 0xd, 0xb8, 0, 1] + [UInt8](repeating: 7, count: 10)))
        #expect(six == Address([0x20, 1, 0xd, 0xb8, 0, 1] + [UInt8](repeating: 9, count: 10)))
        #expect(Address([127, 0, 0, 1]) == nil && Address([UInt8](repeating: 0, count: 15) + [1]) == nil)
        #expect(try Address(SocketAddress(ipAddress: "::ffff:192.0.2.77", port: 1)) == one)
        #expect(try Address(SocketAddress(ipAddress: "::ffff:127.0.0.1", port: 1)) == nil)
        for _ in 0..<5 { try buckets.take(one) }
        #expect(throws: Refusal.tooMany(seconds: 1)) { try buckets.take(one) }
        try buckets.take(six)
        for _ in 0..<100 { try buckets.take(nil) }
        now.withLock { $0 += 100 }
        try buckets.take(one)
        #expect(throws: Refusal.self) { try buckets.take(one) }
        // Worthless requests cost more, but not for ever.
        buckets.charge(one, cost: 1e9)
        now.withLock { $0 += 6000 }
        try buckets.take(one)
    }

    @Test("A network has so many connections, and a workplace so many nonces")
    func counted() async throws {
        let counter = ConnectionCounter(most: 2)
        let (here, there) = try (
            SocketAddress(ipAddress: "192.0.2.1", port: 1), SocketAddress(ipAddress: "198.51.100.1", port: 1)
        )
        let own = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
        var places = [counter.enter(here), counter.enter(here)]
        #expect(places.allSatisfy { $0 != nil } && counter.enter(here) == nil)
        #expect(counter.enter(there) != nil && (0..<10).allSatisfy { _ in counter.enter(own) != nil })
        places.removeLast()
        #expect(counter.enter(here) != nil)
        let directory = try TemporaryDirectory()
        let store = try SQLiteStore(path: directory("a.sqlite"), serviceName: "a")
        let verifier = RequestVerifier(store: store, clocks: Clocks(wall: { 1000 }, steady: { 1 }))
        let (busy, calm) = (ID<Workplace>(Random.bytes32()), ID<Workplace>(Random.bytes32()))
        func accept(_ nonce: Int, in workplace: ID<Workplace>) async throws {
            try await verifier.accept(.init(created: 1000, nonce: "\(nonce)", key: .zero), in: workplace)
        }
        for i in 0..<RequestVerifier.capacity { try await accept(i, in: busy) }
        await #expect(throws: Refusal.self) { try await accept(-1, in: busy) }
        try await accept(0, in: calm)
        await #expect(throws: Refusal.self, "again") { try await accept(0, in: calm) }
    }

    @Test(
        "Large places leave room for small ones; what is given back can be had again; one too large for its part waits until it is empty"
    )
    func memory() {
        let budget = MemoryBudget(8 << 20)
        var large = (0..<2).map { _ in budget.reserve(1 << 20 + 1) }
        #expect(large[0] != nil && large[1] == nil, "a quarter is for the large")
        let middle = (0..<4).map { _ in budget.reserve(1 << 20) }
        #expect(middle[0] != nil && middle[1] != nil && middle[3] == nil)
        let small = (0..<64).map { _ in budget.reserve(MemoryBudget.floor) }
        #expect(small.allSatisfy { $0 != nil })
        large = []
        #expect(budget.reserve(1 << 30) != nil, "alone")
        let whole = budget.reserve(1 << 30)
        #expect(whole != nil && budget.reserve(2 << 20) == nil)
    }

    @Test("Budgets count what was accepted, refuse beyond with the time to wait, and fill up again")
    func budgets() throws {
        let now = Mutex(UInt64(0))
        var limits = ServiceConfiguration.Limits()
        limits.foundings = .init(burst: 2, perSecond: 0.5)
        let budgets = Budgets(limits, clock: { now.withLock { $0 } })
        for _ in 0..<10 { try budgets.check(.founding) }
        budgets.count(.founding)
        budgets.count(.founding)
        #expect(throws: Refusal.tooMany(seconds: 2)) { try budgets.check(.founding) }
        try budgets.check(.statement(ID(.zero)))
        now.withLock { $0 += 2000 }
        try budgets.check(.founding)
    }

    @Test("Beyond a limit the answer is 429 or 507 with what to do, and nothing is changed; the limits are shown")
    func limits() async throws {
        var limits = ServiceConfiguration.Limits()
        limits.foundings = .init(burst: 1, perSecond: 0.001)
        limits.stored = 40_000
        limits.storedByMember = 2
        limits.replacements = 2
        let service = try await RunningService.start(database: directory("a.sqlite"), limits: limits)
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        await #expect {
            _ = try await Enrolment.found(
                at: service.url, eligible: 5, in: directory("other"), passphrase: LiveWorkplace.passphrase(),
                cost: LiveWorkplace.cost)
        } throws: { error in
            guard case .refused(let refusal)? = error as? ClientError else { return false }
            return refusal.code == .tooMany && refusal.values["seconds"] != nil
        }
        let id = try await workplace.openPetition().id
        for _ in 0..<2 { _ = try await workplace.members[1].cosign(id, choices: [1]) }
        await #expect {
            _ = try await workplace.members[1].cosign(id, choices: [1])
        } throws: { error in
            guard case .unanswered(let refusal)? = error as? ClientError else { return false }
            return refusal.code == .full
        }
        let text = String(repeating: "x", count: 9000)
        _ = try await workplace.members[0].newDraft(language: "en", title: "T", text: text)
        await #expect {
            for _ in 0..<3 { _ = try await workplace.members[0].newDraft(language: "en", title: "T", text: text) }
        } throws: { ($0 as? ClientError)?.isRefusal(.full) == true }
        let shown = String(decoding: try await service.send("GET", "/v1/service").body, as: UTF8.self)
        #expect(shown.contains(#""foundings":{"burst":1,"per_hour":4}"#) && shown.contains(#""workplace_bytes":40000"#))
        await workplace.close()
    }

    /// Sends pieces over a raw connection, and returns how long the connection lived.
    private func dawdle(_ port: Int, _ pieces: [String], every: Duration) async throws -> Duration {
        let start = ContinuousClock.now
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: false).connect(host: "127.0.0.1", port: port).get()
        for piece in pieces where channel.isActive {
            try? await channel.writeAndFlush(ByteBuffer(string: piece))
            try await Task.sleep(for: every)
        }
        if channel.isActive { try? await channel.closeFuture.get() }
        return .now - start
    }

    @Test("A head or a body that drips, and a connection that says nothing, are cut off in time")
    func slow() async throws {
        var limits = ServiceConfiguration.Limits()
        (limits.idle, limits.request) = (.seconds(1), .seconds(1))
        let service = try await RunningService.start(database: directory("a.sqlite"), limits: limits)
        let port = service.port
        let drip = Array(repeating: "x", count: 200)
        async let silent = dawdle(port, [], every: .zero)
        async let head = dawdle(port, ["GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: "] + drip, every: .milliseconds(100))
        async let body = dawdle(
            port, ["POST /v1/workplaces HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n"] + drip,
            every: .milliseconds(100))
        for time in try await [silent, head, body] { #expect(time < .seconds(15)) }
        #expect(try await service.send("GET", "/healthz").status == 200)
        await service.stop()
    }

    @Test("Connections beyond the limit wait; those that were idle make room")
    func connections() async throws {
        var limits = ServiceConfiguration.Limits()
        (limits.connections, limits.idle) = (3, .seconds(2))
        let service = try await RunningService.start(database: directory("a.sqlite"), limits: limits)
        var idle: [any Channel] = []
        for _ in 0..<8 {
            idle.append(
                try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connect(host: "127.0.0.1", port: service.port).get())
        }
        #expect(try await service.send("GET", "/healthz").status == 200)
        for channel in idle { try? await channel.close() }
        await service.stop()
    }

    @Test("A false proof is answered late, and closes its connection; honest co-signers do not notice")
    func penance() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 6, service: service, directory: directory)
        let id = try await workplace.openPetition().id
        _ = try await workplace.members[1].cosign(id, choices: [1])
        let tile = try await service.send("GET", "/petition/\(id.hex)/tile/entries/000.p/2")
        var leaf = try #require(try EntryBundle.decode(tile.body, count: 2).last)
        // The last scalar of the proof, and a tag that nobody has used.
        leaf[leaf.count - 32] ^= 1
        leaf.replaceSubrange(40..<72, with: ProverTag.random())
        let body = CoSignatureRequest(statement: leaf, sealedName: nil).encoding
        let path = "/v1/petitions/\(id.hex)/cosignatures"
        let start = ContinuousClock.now
        async let flood = withThrowingTaskGroup(of: (Int, String?).self) { group in
            for _ in 0..<20 {
                group.addTask {
                    let answer = try await service.send("POST", path, body: body)
                    return (answer.status, answer.headers.first(name: "connection"))
                }
            }
            var all: [(Int, String?)] = []
            for try await answer in group { all.append(answer) }
            return all
        }
        _ = try await workplace.members[2].cosign(id, choices: [1])
        let answers = try await flood
        #expect(answers.allSatisfy { $0.0 == 422 && $0.1 == "close" }, "\(answers)")
        #expect(.now - start >= .seconds(1))
        #expect(try await workplace.members[3].petition(id).cosignatures == 2)
        await workplace.close()
    }
}

private enum ProverTag {
    static func random() -> [UInt8] {
        Domain.hashToGroup("test", Random.bytes(32)).encoding.bytes
    }
}
