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

/// Shows checkpoints to the world: asks the witnesses for their signatures first, for as long as the operator's
/// patience lasts, and lets receipts out only then, so that what a receipt promises is never ahead of what is served.
/// Where the workplace names witnesses, a checkpoint without enough of them is not shown at all, and they are asked
/// until it has them.
///
/// Guards what each witness has seen of each log, and who waits for which publication. A stop between a commit and its
/// publication leaves a durable checkpoint that is not shown; `Republisher` shows it after the next start.
actor Publisher {
    /// A checkpoint that is shown.
    struct Published: Sendable {
        let size: Int
        /// With the witnesses' lines.
        let note: String
    }

    enum Outcome: Sendable {
        case shown(Published)
        /// It waits for witnesses that the workplace names; what was shown before is shown still.
        case late
    }

    /// One that is durable and waits to be shown.
    struct Candidate: Sendable {
        let size: Int
        /// With the log's own signature.
        let note: String
        /// Witnesses' lines that are kept with it.
        var witnessed: String
        let verifier: LogVerifier
        /// The witnesses whom the workplace names: without enough of them it is not shown.
        let quorum: WitnessQuorum
        /// Whether witnesses are asked again for one that is shown.
        let again: Bool
        /// Whether those are asked too that have signed it: for a new time.
        let fresh: Bool
        /// The consistency proof from a former size to this one.
        let proof: @Sendable (UInt64) async -> [Bytes32]?
    }

    private struct Waiting {
        let size: Int
        let answer: CheckedContinuation<Outcome, any Error>
    }

    private struct Line {
        /// The size that is being shown.
        var current = 0
        var newest: Candidate?
        var waiting: [Waiting] = []
    }

    private struct Place: Hashable {
        let witness: Int
        let log: LogName
    }

    /// A checkpoint that is shown without the signature of every witness, and those that it has.
    private struct Incomplete {
        let size: Int
        var signatures: [Int: SignedNote.Signature]
        /// Whether it is in the database with these.
        var isShown: Bool
        /// Twice as long each time that nothing comes of it, up to an hour: a witness may never have heard of a log.
        var delay: Duration
        var next: ContinuousClock.Instant
    }

    private let store: any Store
    private nonisolated let witnesses: [WitnessPolicy.Witness]
    private let policy: WitnessPolicy
    private let patience: Duration
    private let logger: Logger
    /// By witness.
    private let silences: OncePerState
    /// By witness and log.
    private let refusals: OncePerState
    /// By log.
    private let unwitnessed: OncePerState
    private let waits: OncePerState
    private var lines: [LogName: Line] = [:]
    /// What each witness has seen, as far as this process knows; a witness says it when asked wrongly.
    private var seen: [Place: UInt64] = [:]
    /// Logs that are asked for again.
    private var incomplete: [LogName: Incomplete] = [:]
    private static let maximalKept = 100_000
    /// Witnesses that do not answer are not asked, and nobody waits for them, until then; nor those that refuse a
    /// log, for that log.
    private var silentUntil: [Int: ContinuousClock.Instant] = [:]
    private var refusedUntil: [Place: ContinuousClock.Instant] = [:]
    private let silence: Duration
    private var client: HTTPClient?

    init(store: any Store, policy: WitnessPolicy, patience: Duration, silence: Duration, logger: Logger) {
        (self.store, self.policy, self.patience, self.silence, self.logger) = (store, policy, patience, silence, logger)
        silences = OncePerState("a witness does not sign", over: "a witness signs again", logger: logger)
        refusals = OncePerState(
            "a witness does not sign this log", over: "a witness signs this log again", logger: logger)
        unwitnessed = OncePerState(
            "a checkpoint is shown without the witnesses that the policy asks for",
            over: "checkpoints have the witnesses that the policy asks for again", logger: logger)
        waits = OncePerState(
            "a checkpoint waits for the witnesses that its workplace names",
            over: "the witnesses that its workplace names have signed a checkpoint", logger: logger)
        // Beside the log's own line, a note has room for so many.
        witnesses = Array(policy.witnesses.filter { $0.url != nil }.prefix(SignedNote.maximalSignatures - 1))
    }

    func close() async {
        try? await client?.shutdown()
        client = nil
    }

    /// Whether each of these is asked by this service.
    nonisolated func asks(all named: [WitnessVerifier]) -> Bool {
        named.allSatisfy { witness in witnesses.contains { $0.verifier == witness } }
    }

    /// Shows this checkpoint or a newer one, and returns what is shown.
    /// - Throws: `StorageError`.
    func publish(_ log: LogName, _ candidate: Candidate) async throws -> Outcome {
        if let shown = try await shown(log, candidate) { return .shown(shown) }
        return try await withCheckedThrowingContinuation { answer in
            let isRunning = lines[log] != nil
            var line = lines[log] ?? Line()
            line.waiting.append(Waiting(size: candidate.size, answer: answer))
            // One that was being asked for when this came may have been judged by witnesses that are named no more.
            if candidate.size > max(line.newest?.size ?? 0, line.current)
                || (candidate.size == line.current && line.newest == nil && candidate.again)
            {
                line.newest = candidate
            }
            lines[log] = line
            if !isRunning { Task { await run(log) } }
        }
    }

    private func shown(_ log: LogName, _ candidate: Candidate) async throws -> Published? {
        guard !candidate.again else { return nil }
        guard let (size, note) = try await store.checkpoint(of: log, covering: candidate.size - 1) else { return nil }
        if candidate.quorum != .empty {
            guard let verified = try? candidate.verifier.verify(note), candidate.quorum.judge(verified).isSatisfied
            else {
                return nil
            }
        }
        return Published(size: size, note: note)
    }

    /// Logs that are shown without every witness, and whose turn it is to be asked for again.
    func due() -> [LogName] {
        let now = ContinuousClock.now
        return incomplete.filter { $0.value.next <= now }.map(\.key)
    }

    /// One publication of a log after the other; what came meanwhile is shown by the next, together.
    private func run(_ log: LogName) async {
        while let next = lines[log]?.newest {
            lines[log]?.newest = nil
            lines[log]?.current = next.size
            let result: Result<Outcome, any Error>
            do {
                // It may have been shown since somebody asked for it, by the last publication or another process.
                if let shown = try await shown(log, next) {
                    result = .success(.shown(shown))
                } else {
                    result = .success(try await show(log, try await asKept(log, next)))
                }
            } catch {
                // Durable and not shown: tried again as if a witness were missing.
                note(log, next.size, incomplete[log]?.signatures ?? [:])
                result = .failure(error)
            }
            let waiting = lines[log]?.waiting ?? []
            lines[log]?.waiting = waiting.filter { $0.size > next.size }
            for one in waiting where one.size <= next.size { one.answer.resume(with: result) }
        }
        lines[log] = nil
    }

    /// With the lines that the publications before this one have kept, so that no witness is asked twice.
    private func asKept(_ log: LogName, _ candidate: Candidate) async throws -> Candidate {
        guard candidate.again, let newest = try await store.newestCheckpoint(of: log), newest.note == candidate.note
        else { return candidate }
        var candidate = candidate
        candidate.witnessed = newest.witnessed
        return candidate
    }

    private func show(_ log: LogName, _ candidate: Candidate) async throws -> Outcome {
        let lines = await lines(of: log, candidate)
        let isEnough =
            candidate.quorum == .empty
            || (try? candidate.verifier.verify(candidate.note + lines)).map { candidate.quorum.judge($0).isSatisfied }
                == true
        guard isEnough else {
            waits.begins("too few have signed", about: log.title)
            return .late
        }
        waits.ends(about: log.title)
        if incomplete[log]?.isShown != true || lines != candidate.witnessed {
            try await store.publish(log, size: candidate.size, witnessed: lines, isShown: true)
            incomplete[log]?.isShown = true
        }
        return .shown(Published(size: candidate.size, note: candidate.note + lines))
    }

    private func note(_ log: LogName, _ size: Int, _ signatures: [Int: SignedNote.Signature]) {
        if incomplete.count >= Self.maximalKept { incomplete = [:] }
        let before = incomplete[log].flatMap { $0.size == size ? $0 : nil }
        let isSame = before?.signatures.count == signatures.count
        let delay = before.map { isSame ? min($0.delay * 2, .seconds(3600)) : silence } ?? silence
        incomplete[log] = Incomplete(
            size: size, signatures: signatures, isShown: isSame && before?.isShown == true, delay: delay,
            next: .now + delay)
    }

    /// The signature lines of every witness that answers in time, and those that this checkpoint has already.
    func lines(of log: LogName, _ candidate: Candidate) async -> String {
        guard let verified = try? candidate.verifier.verify(candidate.note) else { return "" }
        let now = ContinuousClock.now
        var signatures = kept(candidate, verified)
        if let known = incomplete[log], known.size == candidate.size {
            signatures.merge(known.signatures) { kept, known in candidate.fresh ? kept : known }
        }
        let standing = witnesses.indices.filter { index in
            let until = max(silentUntil[index] ?? now, refusedUntil[Place(witness: index, log: log)] ?? now)
            return until <= now && (candidate.fresh || signatures[index] == nil)
        }
        let deadline = now + patience
        await withTaskGroup(of: (Int, SignedNote.Signature?).self) { group in
            for index in standing {
                group.addTask { (index, await self.ask(index, log, candidate, verified, until: deadline)) }
            }
            for await (index, signature) in group { signatures[index] = signature ?? signatures[index] }
        }
        if signatures.count < witnesses.count {
            self.note(log, candidate.size, signatures)
        } else {
            incomplete[log] = nil
        }
        let note = verified.note.adding(signatures.sorted { $0.key < $1.key }.map(\.value))
        // What clients could not read is not shown.
        guard let shown = try? candidate.verifier.verify(note.serialized) else { return "" }
        if candidate.quorum == .empty {
            let verdict = policy.judge(shown)
            if verdict.isSatisfied {
                unwitnessed.ends(about: log.title)
            } else {
                unwitnessed.begins("missing: \(verdict.missing.joined(separator: ", "))", about: log.title)
            }
        }
        let more = Array(note.signatures.dropFirst(verified.note.signatures.count))
        return SignedNote(text: "", signatures: more).signatureLines
    }

    /// The signatures among the lines that are kept with a checkpoint, by witness.
    private func kept(_ candidate: Candidate, _ verified: VerifiedCheckpoint) -> [Int: SignedNote.Signature] {
        guard !candidate.witnessed.isEmpty, let lines = try? SignedNote.signatures(parsing: candidate.witnessed) else {
            return [:]
        }
        var kept: [Int: SignedNote.Signature] = [:]
        for index in witnesses.indices { kept[index] = newest(of: index, lines, on: verified) }
        return kept
    }

    /// The signature of one witness; none when it does not give one.
    private func ask(
        _ index: Int, _ log: LogName, _ candidate: Candidate, _ verified: VerifiedCheckpoint,
        until deadline: ContinuousClock.Instant
    ) async -> SignedNote.Signature? {
        let place = Place(witness: index, log: log)
        // The first answer may say what the witness has seen; the second may meet somebody else's request.
        for _ in 0..<3 {
            let old = seen[place] ?? 0
            guard old <= verified.size else { return fork(index, "has signed a longer log than this one") }
            let proof = old == 0 || old == verified.size ? [] : await candidate.proof(old)
            guard let proof else { return nil }
            let request = AddCheckpoint(oldSize: old, proof: proof, note: candidate.note)
            switch await send(request, to: index, until: deadline) {
            case .signed(let lines):
                guard let newest = newest(of: index, lines, on: verified) else {
                    return fail(index, "answered without its signature")
                }
                if seen.count >= Self.maximalKept { seen = [:] }
                seen[place] = verified.size
                let label = witnesses[index].label
                silences.ends(about: label, metadata: ["witness": "\(label)"])
                refusals.ends(about: "\(label) \(log.title)", metadata: ["witness": "\(label)"])
                return newest
            case .otherSize(let size): seen[place] = size
            case .inconsistent: return fork(index, "says that this log does not extend what it has signed")
            case .refused(let status):
                if refusedUntil.count >= Self.maximalKept { refusedUntil = [:] }
                refusedUntil[place] = .now + silence
                let label = witnesses[index].label
                refusals.begins(
                    "it answered \(status)", about: "\(label) \(log.title)", metadata: ["witness": "\(label)"])
                return nil
            case .failed(let why): return fail(index, why)
            }
        }
        return fail(index, "changes its mind about the size it has seen")
    }

    /// One line of a witness, whatever it answered with: a note has room for few.
    private func newest(
        of index: Int, _ lines: [SignedNote.Signature], on verified: VerifiedCheckpoint
    ) -> SignedNote.Signature? {
        let verifier = witnesses[index].verifier
        let times = lines.compactMap { line in
            (try? verifier.signatureTime(in: [line], on: verified.note.text)).map { ($0, line) }
        }
        return times.max { $0.0 < $1.0 }?.1
    }

    private enum Answer {
        case signed([SignedNote.Signature])
        case otherSize(UInt64)
        case inconsistent
        case refused(UInt)
        case failed(String)
    }

    /// Asks, for as long as there is time: a head without a body must not hold up a log either.
    private func send(
        _ request: AddCheckpoint, to index: Int, until deadline: ContinuousClock.Instant
    ) async -> Answer {
        let client = self.client ?? HTTPClient(eventLoopGroupProvider: .singleton, configuration: Self.configuration)
        self.client = client
        let base = witnesses[index].url ?? ""
        let url = base + (base.hasSuffix("/") ? "" : "/") + AddCheckpoint.path
        return await withTaskGroup(of: Answer.self) { group in
            group.addTask { await Self.exchange(url, request, client) }
            group.addTask {
                try? await Task.sleep(until: deadline, clock: .continuous)
                return .failed("does not answer in time")
            }
            let first = await group.next() ?? .failed("does not answer")
            group.cancelAll()
            return first
        }
    }

    private static func exchange(_ url: String, _ request: AddCheckpoint, _ client: HTTPClient) async -> Answer {
        var http = HTTPClientRequest(url: url)
        http.method = .POST
        http.body = .bytes(ByteBuffer(string: request.serialized))
        do {
            let response = try await client.execute(http, timeout: .seconds(60))
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
            case 400..<500 where response.status.code != 429: return .refused(response.status.code)
            case let code: return .failed("answered \(code)")
            }
        } catch { return .failed("does not answer") }
    }

    private static var configuration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow, decompression: .disabled)
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.timeout = .init(connect: .seconds(10), read: .seconds(60))
        return configuration
    }

    private func fail(_ index: Int, _ why: String) -> SignedNote.Signature? {
        silentUntil[index] = .now + silence
        let label = witnesses[index].label
        silences.begins("it \(why)", about: label, metadata: ["witness": "\(label)"])
        return nil
    }

    /// The database went back, or two services sign with one key: nothing that the operator should sleep through.
    private func fork(_ index: Int, _ why: String) -> SignedNote.Signature? {
        logger.critical("a witness \(why)", metadata: ["witness": "\(witnesses[index].label)"])
        return nil
    }
}
