// docs/protocol.md, section 3; C2SP tlog-witness

import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Petitions
import Sodium
import Storage
import TransparencyLog

/// Shows checkpoints to the world: asks the witnesses for their signatures first, for as long as the operator's patience
/// lasts, and lets receipts out only then, so that what a receipt promises is never ahead of what is served.
///
/// Guards what each witness has seen of each log, and who waits for which publication. A stop between a commit and its
/// publication leaves a durable checkpoint that is not shown; `Sequencer.publishLeftovers` shows it after the next start.
actor Publisher {
    /// A checkpoint that is shown.
    struct Published: Sendable {
        let size: Int
        let note: String
    }

    /// One that is durable and waits to be.
    struct Candidate: Sendable {
        let size: Int
        let note: String
        let verifier: LogVerifier
        /// The consistency proof from a former size to this one.
        let proof: @Sendable (UInt64) async -> [Bytes32]?
    }

    private struct Waiting {
        let size: Int
        let answer: CheckedContinuation<Published, any Error>
    }

    private struct Line {
        var newest: Candidate?
        var waiting: [Waiting] = []
    }

    private struct Place: Hashable {
        let witness: Int
        let log: LogName
    }

    private let store: Store
    private let witnesses: [WitnessPolicy.Witness]
    private let policy: WitnessPolicy
    private let patience: Duration
    private let logger: Logger
    private var lines: [LogName: Line] = [:]
    /// What each witness has seen, as far as this process knows; a witness says it when asked wrongly.
    private var seen: [Place: UInt64] = [:]
    private static let maximalSeen = 100_000
    /// Witnesses that failed are not asked, and nobody waits for them, until then.
    private var silentUntil: [Int: ContinuousClock.Instant] = [:]
    private static let silence = Duration.seconds(30)
    private var client: HTTPClient?

    init(store: Store, policy: WitnessPolicy, patience: Duration, logger: Logger) {
        (self.store, self.policy, self.patience, self.logger) = (store, policy, patience, logger)
        witnesses = policy.witnesses.filter { $0.url != nil }
    }

    func close() async {
        try? await client?.shutdown()
        client = nil
    }

    /// Shows this checkpoint or a newer one, and returns what is shown.
    /// - Throws: `StorageError`.
    func publish(_ log: LogName, _ candidate: Candidate) async throws -> Published {
        try await withCheckedThrowingContinuation { answer in
            let isRunning = lines[log] != nil
            var line = lines[log] ?? Line()
            line.waiting.append(Waiting(size: candidate.size, answer: answer))
            if candidate.size > line.newest?.size ?? 0 { line.newest = candidate }
            lines[log] = line
            if !isRunning { Task { await run(log) } }
        }
    }

    /// One publication of a log after the other; what came meanwhile is shown by the next, together.
    private func run(_ log: LogName) async {
        while let next = lines[log]?.newest {
            lines[log]?.newest = nil
            let result: Result<Published, any Error>
            do {
                let lines = await witnessed(log, next)
                try await store.publish(log, size: next.size, witnessed: lines)
                result = .success(Published(size: next.size, note: next.note + lines))
            } catch { result = .failure(error) }
            let waiting = lines[log]?.waiting ?? []
            lines[log]?.waiting = waiting.filter { $0.size > next.size }
            for one in waiting where one.size <= next.size { one.answer.resume(with: result) }
        }
        lines[log] = nil
    }

    /// The signature lines of every witness that answers in time.
    private func witnessed(_ log: LogName, _ candidate: Candidate) async -> String {
        guard let verified = try? candidate.verifier.verify(candidate.note) else { return "" }
        let now = ContinuousClock.now
        let standing = witnesses.indices.filter { silentUntil[$0].map { $0 <= now } ?? true }
        let deadline = NIODeadline.now() + .nanoseconds(Int64(patience / .nanoseconds(1)))
        let signatures = await withTaskGroup(of: [SignedNote.Signature].self) { group in
            for index in standing {
                group.addTask { await self.ask(index, log, candidate, verified, until: deadline) }
            }
            var all: [SignedNote.Signature] = []
            for await lines in group { all += lines }
            return all
        }
        let shown = try? candidate.verifier.verify(verified.note.adding(signatures).serialized)
        if shown.flatMap({ try? policy.judge($0) })?.isSatisfied != true {
            logger.warning("a checkpoint is shown without the witnesses that the policy asks for")
        }
        return SignedNote(text: "", signatures: signatures).signatureLines
    }

    /// The signature of one witness; none when it does not give one.
    private func ask(
        _ index: Int, _ log: LogName, _ candidate: Candidate, _ verified: VerifiedCheckpoint,
        until deadline: NIODeadline
    ) async -> [SignedNote.Signature] {
        let place = Place(witness: index, log: log)
        // The first answer may say what the witness has seen; the second may meet somebody else's request.
        for _ in 0..<3 {
            let old = seen[place] ?? 0
            guard old <= verified.size else { return fork(index, "has signed a longer log than this one") }
            let proof = old == 0 || old == verified.size ? [] : await candidate.proof(old)
            guard let proof else { return [] }
            let request = AddCheckpoint(oldSize: old, proof: proof, note: candidate.note)
            switch await send(request, to: index, until: deadline) {
            case .signed(let lines):
                let own = lines.filter { $0.name == witnesses[index].verifier.name }
                let time = try? witnesses[index].verifier.signatureTime(in: own, on: verified.note.text)
                guard time != nil else { return fail(index, "answered without its signature") }
                if seen.count >= Self.maximalSeen { seen = [:] }
                seen[place] = verified.size
                let id = witnesses[index].verifier.noteKey.id
                return own.filter { $0.keyID == id }
            case .otherSize(let size): seen[place] = size
            case .inconsistent: return fork(index, "says that this log does not extend what it has signed")
            case .failed(let why): return fail(index, why)
            }
        }
        return fail(index, "changes its mind about the size it has seen")
    }

    private enum Answer {
        case signed([SignedNote.Signature])
        case otherSize(UInt64)
        case inconsistent
        case failed(String)
    }

    private func send(_ request: AddCheckpoint, to index: Int, until deadline: NIODeadline) async -> Answer {
        let client = self.client ?? HTTPClient(eventLoopGroupProvider: .singleton, configuration: Self.configuration)
        self.client = client
        let base = witnesses[index].url ?? ""
        var http = HTTPClientRequest(url: base + (base.hasSuffix("/") ? "" : "/") + AddCheckpoint.path)
        http.method = .POST
        http.body = .bytes(ByteBuffer(string: request.serialized))
        do {
            let response = try await client.execute(http, deadline: deadline)
            let body = String(buffer: try await response.body.collect(upTo: AddCheckpoint.maximalLength))
            switch response.status.code {
            case 200:
                guard let lines = try? SignedNote.signatures(parsing: body) else { return .failed("answered badly") }
                return .signed(lines)
            case 409 where response.headers.first(name: "content-type")?.hasPrefix(AddCheckpoint.sizeType) == true:
                guard body.hasSuffix("\n"), let size = UInt64(body.dropLast()), size != request.oldSize else {
                    return .inconsistent
                }
                return .otherSize(size)
            case 409, 422: return .inconsistent
            case let code: return .failed("answered \(code)")
            }
        } catch { return .failed("does not answer") }
    }

    private static var configuration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow, decompression: .disabled)
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }

    private func fail(_ index: Int, _ why: String) -> [SignedNote.Signature] {
        silentUntil[index] = .now + Self.silence
        logger.warning("a witness \(why)", metadata: ["witness": "\(witnesses[index].label)"])
        return []
    }

    /// The database went back, or two services sign with one key: nothing that the operator should sleep through.
    private func fork(_ index: Int, _ why: String) -> [SignedNote.Signature] {
        logger.critical("a witness \(why)", metadata: ["witness": "\(witnesses[index].label)"])
        return []
    }
}
