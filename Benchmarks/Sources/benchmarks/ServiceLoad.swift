import ArgumentParser
import Foundation
import Petitions
import Sodium
import Synchronization

/// Co-signatures over loopback HTTP into `roundrobin-service serve`, durable, with receipts. The load comes from the same machine
/// and takes its share of the same cores.
struct ServiceLoad: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "service", abstract: "Throughput and latency of the service under co-signatures.")

    @Option(help: "The roundrobin-service program, a release build.")
    var program: String
    @Option(help: "A PostgreSQL database without a service, postgres://…; a new SQLite file when not given.")
    var database: String?
    @Option(help: "Processes of the service on it; each connection goes to one of them.")
    var processes = 1
    @Flag(
        help:
            "Each process has a workplace of its own, with its part of the members, as behind a proxy that tells them apart."
    )
    var apart = false
    @Option(help: "Keys in the ring.")
    var members = 1024
    @Option(help: "Connections.")
    var connections = 64
    @Option(help: "How many times everybody co-signs as fast as it goes.")
    var rounds = 8
    @Option(help: "Connections that send false co-signatures at full speed, in a further measurement; 0 for none.")
    var flood = 0
    @Flag(help: "The flood does not wait for answers, but sends, closes and connects again.")
    var hitAndRun = false
    @Flag(help: "Let the service's log through.")
    var showsLog = false
    @Option(help: "Seconds at half of the rate that was reached, for the latencies.")
    var seconds = 10

    func run() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "roundrobin-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let start = UInt16.random(in: 20_000..<60_000)
        let ports = (0..<UInt16(processes)).map { start + $0 }
        var running: [Process] = []
        defer {
            for process in running { process.terminate() }
            for process in running { process.waitUntilExit() }
        }
        for port in ports {
            let process = Process()
            process.executableURL = URL(filePath: program)
            process.arguments = [
                "serve", "--database", database ?? directory.appending(path: "service.sqlite").path, "--name",
                "bench.example", "--heads", directory.appending(path: "heads").path, "--listen", "127.0.0.1:\(port)",
            ]
            if !showsLog { process.standardError = FileHandle.nullDevice }
            try process.run()
            running.append(process)
            // One after the other, because the first makes the tables.
            _ = try patiently(port)
        }
        try measure(ports)
    }

    private func measure(_ ports: [UInt16]) throws {
        let port = ports[0]
        var first = try patiently(port)
        struct Info: Decodable { let log_key: String }
        let info = try JSONDecoder().decode(Info.self, from: Data(try first.send("GET", "/v1/service").body))
        guard let key = Bytes32(hex: info.log_key) else { throw HTTPConnection.Failure(what: "no log key") }
        // Enough for the throughput, and for the latencies at half of ten thousand a second.
        let latencyRounds = max(1, seconds * 5000 / members)
        let each = members / (apart ? processes : 1)
        let petitions = try (0..<(apart ? processes : 1)).map { _ in
            try InventedPetition(
                members: each, rounds: flood > 0 ? 2 * rounds : rounds + latencyRounds, service: "bench.example",
                logKey: key)
        }
        // The service lets go of a connection that says nothing while the proofs are made.
        for petition in petitions {
            first = try patiently(port)
            _ = try first.expect("POST", "/v1/workplaces", petition.roster[0])
            for statement in petition.roster.dropFirst() {
                _ = try first.expect("POST", "/v1/workplaces/\(petition.workplace.hex)/statements", statement)
            }
            _ = try first.expect("POST", "/v1/petitions", petition.opened)
        }
        let petition = petitions[0]
        let path = "/v1/petitions/\(petition.id.hex)/cosignatures"
        let all = petitions.map { petition in
            Target(
                path: "/v1/petitions/\(petition.id.hex)/cosignatures",
                bodies: petition.coSignatures.map { CoSignatureRequest(statement: $0, sealedName: nil).encoding },
                members: each)
        }
        func targets(_ range: Range<Int>) -> [Target] { all.map { $0.part(range.clamped(to: 0..<$0.bodies.count)) } }

        let own = rounds * each
        let count = own * all.count
        let fast = try load(ports, targets(0..<own), perSecond: nil)
        let rate = Double(count) / fast.seconds
        print(
            "throughput: \(count) co-signatures in \(fast.seconds.rounded(2)) s, \(Int(rate)) a second, "
                + fast.percentiles)
        if flood > 0 {
            // The last of all, so that members' sequences stay in order.
            let flooded = try underFlood(port, path, all[0].bodies[0]) {
                try load(ports, targets(own..<2 * own), perSecond: nil)
            }
            let survived = Double(count) / flooded.result.seconds
            print(
                "under a flood from \(flood) connections (\(flooded.sent) false co-signatures, "
                    + "\(Int(Double(flooded.sent) / flooded.result.seconds)) a second): "
                    + "\(Int(survived)) honest ones a second, \((survived / rate).rounded(2)) of the undisturbed rate, "
                    + flooded.result.percentiles)
            return
        }
        let some = own + Int(rate / 2 * Double(seconds)) / all.count
        let half = try load(ports, targets(own..<some), perSecond: rate / 2)
        print("at half of it: \(Int(Double(half.count) / half.seconds)) a second, " + half.percentiles)
        let asked = try load(ports, targets(some..<some + 750 * seconds / all.count), perSecond: 750)
        print("at 750 a second: \(Int(Double(asked.count) / asked.seconds)) a second, " + asked.percentiles)
        first = try patiently(port)
        let read = try first.send("GET", "/petition/\(petition.id.hex)/checkpoint").body
        let size = String(decoding: read, as: UTF8.self).split(separator: "\n")[1]
        let sent = 1 + (count + half.count + asked.count) / all.count
        print("the log's checkpoint says \(size) leaves; \(sent) were acknowledged\(all.count > 1 ? " in each" : "")")
    }

    /// Runs `body` while other connections post co-signatures that keep every cheap rule and whose proofs are false.
    private func underFlood(
        _ port: UInt16, _ path: String, _ good: [UInt8], _ body: () throws -> Result
    ) throws -> (result: Result, sent: Int) {
        // Each under a tag that nobody has used: at 40 in the statement, which stands behind two bytes of length.
        let bodies = (0..<2000).map { i in
            var bad = good
            let tag = Domain.hashToGroup("generator", Array("flood \(i)".utf8)).encoding.bytes
            bad.replaceSubrange(42..<74, with: tag)
            return bad
        }
        let state = FloodState()
        let waits = !hitAndRun
        for own in 0..<flood {
            Thread { Self.flood(port, path, bodies, from: own, waits: waits, state) }.start()
        }
        Thread.sleep(forTimeInterval: 1)
        state.start()
        let result = try body()
        return (result, state.stop())
    }

    private static func flood(
        _ port: UInt16, _ path: String, _ bodies: [[UInt8]], from own: Int, waits: Bool, _ state: FloodState
    ) {
        var i = own
        while state.isRunning {
            guard var connection = try? HTTPConnection(port: port) else { continue }
            while state.isRunning {
                i += 7
                do {
                    if waits {
                        _ = try connection.send("POST", path, bodies[i % bodies.count])
                    } else {
                        try connection.sendOnly("POST", path, bodies[i % bodies.count])
                    }
                    state.count()
                } catch { break }
                if !waits { break }
            }
        }
    }

    private final class FloodState: Sendable {
        private let state = Mutex<(isOver: Bool, sent: Int)>((false, 0))

        var isRunning: Bool { state.withLock { !$0.isOver } }

        func count() { state.withLock { $0.sent += 1 } }

        func start() { state.withLock { $0.sent = 0 } }

        /// How many were sent since the start.
        func stop() -> Int {
            state.withLock { state in
                state.isOver = true
                return state.sent
            }
        }
    }

    private struct Result: Sendable {
        let count: Int
        let seconds: Double
        /// Milliseconds, sorted.
        let latencies: [Double]

        var percentiles: String {
            guard let last = latencies.last else { return "no latencies" }
            func at(_ share: Double) -> Double { latencies[Int(share * Double(latencies.count - 1))].rounded(1) }
            return "p50 \(at(0.5)) ms, p99 \(at(0.99)) ms, longest \(last.rounded(1)) ms"
        }
    }

    /// A petition's co-signatures, in the order in which they must come.
    private struct Target: Sendable {
        let path: String
        let bodies: [[UInt8]]
        let members: Int

        func part(_ range: Range<Int>) -> Target { Target(path: path, bodies: Array(bodies[range]), members: members) }
    }

    /// Each connection has members of its own, because a member's statements must come in order; and one petition, if there are several.
    /// - Parameter perSecond: when each request is due; latencies are counted from then. Nil for as fast as it goes.
    private func load(_ ports: [UInt16], _ targets: [Target], perSecond: Double?) throws -> Result {
        let results = Mutex<(latencies: [Double], failures: [String])>(([], []))
        let start = ContinuousClock.now
        let lanes = connections / targets.count
        let threads = (0..<lanes * targets.count).map { own in
            let target = targets[own % targets.count]
            let lane = own / targets.count
            let thread = Thread {
                do {
                    var connection = try HTTPConnection(port: ports[own % ports.count])
                    var latencies: [Double] = []
                    for (i, body) in target.bodies.enumerated() where i % target.members % lanes == lane {
                        var due = ContinuousClock.now
                        if let perSecond {
                            due = start + .seconds(Double(i * targets.count) / perSecond)
                            let early = due - ContinuousClock.now
                            if early > .zero { Thread.sleep(forTimeInterval: early.nanoseconds / 1e9) }
                        }
                        _ = try connection.expect("POST", target.path, body)
                        latencies.append((ContinuousClock.now - due).nanoseconds / 1e6)
                    }
                    results.withLock { $0.latencies += latencies }
                } catch { results.withLock { $0.failures.append("\(error)") } }
                results.withLock { $0.latencies.append(-1) }
            }
            thread.start()
            return thread
        }
        while results.withLock({ $0.latencies.count { $0 < 0 } }) < threads.count {
            Thread.sleep(forTimeInterval: 0.002)
        }
        let seconds = (ContinuousClock.now - start).nanoseconds / 1e9
        let (all, failures) = results.withLock { ($0.latencies, $0.failures) }
        if let failure = failures.first { throw HTTPConnection.Failure(what: failure) }
        return Result(
            count: targets.reduce(0) { $0 + $1.bodies.count }, seconds: seconds,
            latencies: all.filter { $0 >= 0 }.sorted())
    }

    /// A connection as soon as the service listens.
    private func patiently(_ port: UInt16) throws -> HTTPConnection {
        for _ in 0..<200 {
            if let connection = try? HTTPConnection(port: port) { return connection }
            Thread.sleep(forTimeInterval: 0.05)
        }
        return try HTTPConnection(port: port)
    }
}

extension HTTPConnection {
    /// The answer, which must be 200.
    mutating func expect(_ method: String, _ path: String, _ body: [UInt8]) throws -> [UInt8] {
        let answer = try send(method, path, body)
        guard answer.status == 200 else {
            throw Failure(what: "\(answer.status): \(String(decoding: answer.body, as: UTF8.self))")
        }
        return answer.body
    }
}

extension Double {
    func rounded(_ digits: Int) -> Double {
        let factor = pow(10, Double(digits))
        return (self * factor).rounded() / factor
    }
}
