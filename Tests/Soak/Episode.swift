import ChildProcesses
import Foundation
import MembershipProofs
import NIOCore
import NIOHTTP1
import Petitions
import Sodium
import Synchronization
import TestSupport
import TransparencyLog

/// One database from its founding to its last check.
final class Episode {
    private let program: String
    private let setting: Setting
    private let directory: TemporaryDirectory
    private let control: FaultControl
    private let library: String
    private let postgres: PostgresServer?
    private let database: String
    private var services: [Running?]
    private var witness: Running?
    /// The services that the load uses at the moment.
    private let live = Mutex<[Running]>([])
    private var tally = Tally()
    private let isVerbose: Bool

    init(program: String, setting: Setting, isVerbose: Bool) throws {
        (self.program, self.setting, self.isVerbose) = (program, setting, isVerbose)
        directory = try TemporaryDirectory()
        control = try FaultControl(directory("control"))
        library = try CompiledLibrary.make("soak_faults.c", in: directory)
        try FileManager.default.createDirectory(atPath: directory("disk"), withIntermediateDirectories: true)
        postgres = setting.isPostgres ? try PostgresServer.shared.get() : nil
        database = try postgres.map { $0.url(try $0.makeDatabase()) } ?? directory("disk/rr.sqlite")
        services = Array(repeating: nil, count: setting.services)
    }

    // MARK: Programs

    private func start(_ i: Int, isWitnessed: Bool) async throws {
        var arguments = [
            "serve", "--database", database, "--name", "test.example", "--listen", "127.0.0.1:0", "--heads",
            directory("disk/heads"),
        ]
        if setting.mixes { arguments += ["--mix-every", "1", "--mix-at-least", "2"] }
        if isWitnessed { arguments += ["--witnesses", directory("policy"), "--witness-patience", "1"] }
        services[i] = try await Running(
            program, arguments,
            environment: ["LD_PRELOAD": library, "SOAK_CONTROL": control.path, "SOAK_DIRECTORY": directory("disk")],
            log: directory("log-\(i)"))
        show()
    }

    private func startMissing() async throws {
        for i in services.indices where services[i] == nil { try await start(i, isWitnessed: setting.isWitnessed) }
        if setting.isWitnessed, witness == nil { try await startWitness(serviceKey: nil) }
    }

    private func show() {
        let running = services.compactMap(\.self)
        live.withLock { $0 = running }
    }

    private func end(_ i: Int, _ signal: Int32) async {
        guard let service = services[i] else { return }
        services[i] = nil
        show()
        await service.end(signal)
        if signal == SIGKILL { tally.kills += 1 }
    }

    private func endAll(_ signal: Int32) async {
        for i in services.indices { await end(i, signal) }
    }

    /// Starts a witness; the first time with the service's key and a free port, which it keeps.
    private func startWitness(serviceKey: String?) async throws {
        let port = witnessPort.map { "127.0.0.1:\($0)" } ?? "127.0.0.1:0"
        let key = serviceKey ?? self.serviceKey
        let started = try await Running(
            program,
            [
                "witness", "--database", directory("w.sqlite"), "--name", "soak.example/w", "--service", key,
                "--listen", port,
            ],
            log: directory("log-w"))
        witness = started
        if witnessPort == nil {
            witnessPort = started.url.split(separator: ":").last.map(String.init)
            let own = started.said.firstMatch(of: /witness_key=([^ \n]+)/).map { String($0.1) } ?? ""
            try Data("witness w \(own) \(started.url)\nquorum w\n".utf8).write(to: URL(filePath: directory("policy")))
        }
    }

    private var witnessPort: String?
    private var serviceKey = ""

    // MARK: The run

    func run(rounds: Int, until end: ContinuousClock.Instant) async throws -> Tally {
        try await start(0, isWitnessed: false)
        guard let first = services[0], let info = await first.send(.GET, "/v1/service"),
            let json = try JSONSerialization.jsonObject(with: Data(info.body)) as? [String: Any],
            let logKey = (json["log_key"] as? String).flatMap({ Bytes32(hex: $0) }),
            let key = json["service_key"] as? String
        else { throw Running.DidNotStart(said: "no answer") }
        serviceKey = key
        if setting.isWitnessed {
            try await startWitness(serviceKey: key)
            await self.end(0, SIGTERM)
        }
        try await startMissing()
        let world = try World(members: 24, logKey: logKey)
        let petition = try PetitionWorld(world)
        let ledger = Ledger(
            petition: petition.log.id,
            verifiers: (world.log.verifier, world.log.verifier(of: petition.log.id)), logKey: logKey)
        try await found(world, petition, ledger)
        let (workplace, id) = (world.log.id, petition.log.id)
        // Nobody else uses it from here on.
        nonisolated(unsafe) let handedOver = petition
        let members = Members(handedOver)
        while tally.rounds < rounds, ContinuousClock.now < end, ledger.problems.isEmpty {
            try await round(members, ledger, workplace, id)
            tally.rounds += 1
        }
        if ledger.problems.isEmpty { try await settle(members, ledger, workplace, id) }
        await endAll(SIGTERM)
        await witness?.end(SIGTERM)
        if ledger.problems.isEmpty { try await fsck(ledger) }
        (tally.receipts, tally.promises) = ledger.counts
        tally.problems += ledger.problems
        if !tally.problems.isEmpty { keep() }
        return tally
    }

    private func found(_ world: World, _ petition: PetitionWorld, _ ledger: Ledger) async throws {
        let path = "/v1/workplaces"
        for (i, leaf) in (world.leaves + petition.leaves).enumerated() {
            let isPetition = i >= world.leaves.count
            let to =
                isPetition ? "/v1/petitions" : i == 0 ? path : path + "/\(world.log.id.hex)/statements"
            guard let answer = await services[0]?.send(.POST, to, leaf), answer.status == 200 else {
                throw Running.DidNotStart(said: "the workplace was not founded")
            }
            ledger.take(leaf, isPetition: isPetition, status: 200, body: answer.body)
        }
    }

    private func round(
        _ members: Members, _ ledger: Ledger, _ workplace: ID<Workplace>, _ petition: ID<Petition>
    ) async throws {
        guard let fault = setting.faults.randomElement() else { return }
        tally.faults[fault, default: 0] += 1
        let started = ContinuousClock.now
        let isOver = Mutex(false)
        nonisolated(unsafe) let this = self
        let load = Load(
            members: members, ledger: ledger, petition: petition, services: { this.live.withLock { $0 } },
            isOver: { isOver.withLock { $0 } },
            patience: fault == .cut ? .milliseconds(.random(in: 2...30)) : .seconds(60))
        async let sent: Void = load.run(clients: 6)
        try await Task.sleep(for: .milliseconds(.random(in: 20...250)))
        switch fault {
        case .kill: await end(services.indices.randomElement() ?? 0, SIGKILL)
        case .killAll:
            await endAll(SIGKILL)
            await witness?.end(SIGKILL)
            witness = nil
        case .stop: await end(services.indices.randomElement() ?? 0, SIGTERM)
        case .killServer:
            try postgres?.kill()
            try postgres?.start()
        case .fullDisk:
            try control.set(diskIsFull: true)
            try await Task.sleep(for: .milliseconds(.random(in: 50...200)))
            try control.set()
        case .clock:
            try control.set(clock: .random(in: -172_800...172_800))
            try await Task.sleep(for: .milliseconds(.random(in: 50...200)))
            try control.set()
            try await Task.sleep(for: .milliseconds(50))
        case .flip:
            await endAll(SIGKILL)
            isOver.withLock { $0 = true }
            try await flip(ledger, workplace, petition)
        case .cut: try await Task.sleep(for: .milliseconds(.random(in: 50...200)))
        }
        isOver.withLock { $0 = true }
        let broken = ContinuousClock.now
        await sent
        let sentAll = ContinuousClock.now
        try await startMissing()
        let back = ContinuousClock.now
        try await look(members, ledger, workplace, petition)
        guard isVerbose else { return }
        print(
            "  \(fault.rawValue): broken after \(broken - started), answered \(sentAll - broken), back \(back - sentAll), "
                + "looked at \(ContinuousClock.now - back)")
    }

    // MARK: Checks

    private func read(
        _ service: Running, _ ledger: Ledger, _ workplace: ID<Workplace>, _ petition: ID<Petition>
    ) async throws -> (workplace: ServedLog, petition: ServedLog) {
        (
            try await ServedLog("workplace/\(workplace.hex)", from: service, verifier: ledger.verifiers.workplace),
            try await ServedLog("petition/\(petition.hex)", from: service, verifier: ledger.verifiers.petition)
        )
    }

    /// Checks that each service shows everything that was handed out. PostgreSQL may need a moment after its own crash.
    private func look(
        _ members: Members, _ ledger: Ledger, _ workplace: ID<Workplace>, _ petition: ID<Petition>
    ) async throws {
        for service in services.compactMap(\.self) {
            for attempt in 0... {
                do {
                    let logs = try await read(service, ledger, workplace, petition)
                    tally.checks += ledger.check(logs.workplace, logs.petition)
                    await members.saw(logs.petition)
                    break
                } catch ServedLog.Fault.unanswered(let what) where attempt < 200 {
                    _ = what
                    try await Task.sleep(for: .milliseconds(50))
                } catch {
                    ledger.fault("\(error)")
                    break
                }
            }
        }
    }

    /// Waits until every promised leaf is in the log, which is soon with a mixing interval of one second.
    private func settle(
        _ members: Members, _ ledger: Ledger, _ workplace: ID<Workplace>, _ petition: ID<Petition>
    ) async throws {
        guard let service = services.compactMap(\.self).first else { return }
        // A co-signature that waits alone is mixed when its promise is due; a service without mixing appends it at
        // once.
        if setting.mixes {
            await endAll(SIGTERM)
            let arguments = [
                "serve", "--database", database, "--name", "test.example", "--listen", "127.0.0.1:0", "--heads",
                directory("disk/heads"),
            ]
            services[0] = try await Running(program, arguments, log: directory("log-last"))
            show()
        }
        let last = services.compactMap(\.self).first ?? service
        var missing: [[UInt8]] = []
        for _ in 0..<1200 {
            let logs = try await read(last, ledger, workplace, petition)
            missing = ledger.missing(in: logs.petition)
            if missing.isEmpty { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        if !missing.isEmpty { ledger.fault("\(missing.count) promises were not kept within a minute") }
        try await look(members, ledger, workplace, petition)
    }

    /// Runs the checker on everything.
    private func fsck(_ ledger: Ledger) async throws {
        let said = try ChildProcess.run([
            program, "fsck", "--database", database, "--heads", directory("disk/heads"),
        ])
        if said.status != 0 { ledger.fault("fsck: \(said.output) \(said.error)") }
    }

    /// Flips some bits in the database's files, observes what a service makes of them, and restores the files.
    private func flip(_ ledger: Ledger, _ workplace: ID<Workplace>, _ petition: ID<Petition>) async throws {
        let files = ["rr.sqlite", "rr.sqlite-wal", "heads", "heads-wal"]
        let originals = files.map { FileManager.default.contents(atPath: directory("disk/" + $0)) }
        for (name, bytes) in zip(files.prefix(2), originals.prefix(2)) {
            guard var bytes, !bytes.isEmpty else { continue }
            for _ in 0..<Int.random(in: 1...4) {
                bytes[Int.random(in: 0..<bytes.count)] ^= UInt8(1 << Int.random(in: 0..<8))
            }
            try overwrite(bytes, name)
        }
        do {
            try await start(0, isWitnessed: false)
            if let service = services[0] {
                // Damage may be refused in any way, but nothing false may be shown under a signature.
                if let logs = try? await read(service, ledger, workplace, petition) {
                    _ = ledger.check(logs.workplace, logs.petition)
                }
                services[0] = nil
                show()
                await service.end(SIGKILL)
            }
        } catch is Running.DidNotStart { tally.refusedFlips += 1 }
        for name in files + ["rr.sqlite-shm", "heads-shm"] {
            try? FileManager.default.removeItem(atPath: directory("disk/" + name))
        }
        for (name, bytes) in zip(files, originals) {
            if let bytes { try overwrite(bytes, name) }
        }
    }

    private func overwrite(_ bytes: Data, _ name: String) throws {
        try bytes.write(to: URL(filePath: directory("disk/" + name)))
        chmod(directory("disk/" + name), 0o600)
    }

    /// Keeps the files for whoever investigates what went wrong.
    private func keep() {
        let place = FileManager.default.temporaryDirectory.appending(path: "soak-" + Hex.encode(Random.bytes(4))).path
        if (try? FileManager.default.copyItem(atPath: directory.path, toPath: place)) != nil {
            print("  the files are kept in \(place)")
        }
    }
}
