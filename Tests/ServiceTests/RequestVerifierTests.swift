import Petitions
import RequestSignatures
import Sodium
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Service

@Suite("Signed requests are fresh and used once, whatever becomes of the wall clock", .takingTurns)
struct RequestVerifierTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Two clocks that a test sets. Time passes on both, but only the wall clock is ever adjusted.
    private final class Hands: Sendable {
        private let state: Mutex<(wall: UInt64, steady: UInt64)>

        init(wall: UInt64) { state = Mutex((wall, 5000)) }

        var wall: UInt64 { state.withLock { $0.wall } }
        func pass(_ seconds: UInt64) { state.withLock { $0 = ($0.wall + seconds, $0.steady + seconds) } }
        func set(_ change: Int64) { state.withLock { $0.wall = UInt64(Int64($0.wall) + change) } }
        var clocks: Clocks { Clocks(wall: { self.wall }, steady: { self.state.withLock { $0.steady } }) }
    }

    private static let day = Int64(86_400)
    private let workplace = ID<Workplace>(Random.bytes32())
    private let key = Random.bytes32()

    private func verifier(_ hands: Hands, _ name: String = "a") throws -> RequestVerifier {
        RequestVerifier(
            store: try SQLiteStore(path: directory("\(name).sqlite"), serviceName: "a"), clocks: hands.clocks)
    }

    private func request(_ created: UInt64, nonce: String = Hex.encode(Random.bytes(16))) -> SignedRequest.Parameters {
        .init(created: created, nonce: nonce, key: key)
    }

    private func takes(_ verifier: RequestVerifier, _ request: SignedRequest.Parameters) async -> Bool {
        do {
            try await verifier.accept(request, in: workplace)
            return true
        } catch { return false }
    }

    @Test("The time before the start counts as used; a signature is fresh for five minutes, and good for once")
    func ordinary() async throws {
        let hands = Hands(wall: 1_000_000)
        let verifier = try verifier(hands)
        #expect(await takes(verifier, request(999_999)) == false, "before the start")
        let first = request(1_000_000)
        #expect(await takes(verifier, first))
        #expect(await takes(verifier, first) == false, "again")
        #expect(await takes(verifier, request(1_000_301)) == false, "from the future")
        #expect(await takes(verifier, request(1_000_300)))
        hands.pass(301)
        #expect(await takes(verifier, request(1_000_000)) == false, "too old")
        #expect(await takes(verifier, request(.max)) == false)
        #expect(await takes(verifier, request(0)) == false)
        // At every moment at which it is fresh.
        for seconds in stride(from: UInt64(0), through: 900, by: 90) {
            let hands = Hands(wall: 2_000_000)
            let verifier = try self.verifier(hands, "b\(seconds)")
            let request = request(2_000_290)
            #expect(await takes(verifier, request))
            hands.pass(seconds)
            #expect(await takes(verifier, request) == false, "after \(seconds) seconds")
        }
    }

    @Test(
        "A clock that is wrong at the start and is then set locks nobody out",
        arguments: [86_400, -86_400, 8 * 3600, 3600, 400, 11] as [Int64])
    func wrongAtStart(_ error: Int64) async throws {
        let truth = UInt64(1_700_000_000)
        let hands = Hands(wall: UInt64(Int64(truth) + error))
        let verifier = try verifier(hands)
        hands.pass(20)
        if abs(error) > 300 { #expect(await takes(verifier, request(truth + 20)) == false, "while it is wrong") }
        hands.set(-error)
        #expect(await takes(verifier, request(truth + 20)), "at once")
        // A request signed before the start is still refused.
        #expect(await takes(verifier, request(truth - 1)) == false)
    }

    @Test(
        "Nothing is replayed when the clock jumps ahead and back, at once or after an hour",
        arguments: [60, 700, 3600] as [UInt64])
    func forwardAndBack(_ meanwhile: UInt64) async throws {
        let hands = Hands(wall: 1_700_000_000)
        let verifier = try verifier(hands)
        hands.pass(100)
        let request = request(hands.wall)
        #expect(await takes(verifier, request))
        hands.set(Self.day)
        #expect(await takes(verifier, self.request(hands.wall)), "a client of the same machine")
        hands.pass(meanwhile)
        #expect(await takes(verifier, self.request(hands.wall)))
        hands.set(-Self.day)
        #expect(await takes(verifier, request) == false, "the first again")
        #expect(await takes(verifier, self.request(hands.wall)), "and others are not locked out")
    }

    @Test("A clock that is set back does not open the time again that it has left, once nonces of it were forgotten")
    func setBack() async throws {
        let hands = Hands(wall: 1_700_000_000)
        let verifier = try verifier(hands)
        var used: [SignedRequest.Parameters] = []
        for _ in 0..<20 {
            hands.pass(100)
            used.append(request(hands.wall))
            #expect(await takes(verifier, used[used.count - 1]))
        }
        hands.set(-1200)
        for request in used { #expect(await takes(verifier, request) == false, "\(request.created)") }
        // Until the clock is back where it was.
        hands.set(1200)
        #expect(await takes(verifier, request(hands.wall)))
        for request in used { #expect(await takes(verifier, request) == false, "\(request.created)") }
    }

    @Test(
        "A workplace whose nonces are many is not locked out for longer than they are kept, whichever way the clock is set"
    )
    func full() async throws {
        let hands = Hands(wall: 1_700_000_000)
        let verifier = try verifier(hands)
        for i in 0..<RequestVerifier.capacity {
            try await verifier.accept(request(hands.wall, nonce: "\(i)"), in: workplace)
        }
        #expect(await takes(verifier, request(hands.wall)) == false)
        hands.set(Self.day)
        hands.set(-Self.day)
        hands.pass(700)
        #expect(await takes(verifier, request(hands.wall)))
    }
}
