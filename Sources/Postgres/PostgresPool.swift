import Foundation
import Synchronization

/// A few connections, each on its own thread, so that waiting for the server blocks none of Swift's threads.
public actor PostgresPool {
    private var idle: [PostgresWorker] = []
    private var waiting: [CheckedContinuation<PostgresWorker, any Error>] = []
    private var isClosed = false

    /// A pool without any connections yet.
    /// - Parameters:
    ///   - count: the greatest number of connections. Each is made when it is first needed, and made again after it
    ///     breaks.
    ///   - patience: the timeout of one statement, in seconds.
    ///   - setUp: runs on each new connection.
    public init(
        _ address: PostgresAddress, count: Int, patience: TimeInterval,
        setUp: @escaping @Sendable (PostgresConnection) throws -> Void
    ) {
        idle = (0..<count).map { _ in
            PostgresWorker {
                let connection = try PostgresConnection(address, patience: patience)
                try setUp(connection)
                return connection
            }
        }
    }

    /// Runs on a connection's thread. If an idle connection turns out to be broken at its first statement, so that
    /// nothing has happened yet, the body runs again on a new one.
    public func run<T: Sendable>(_ body: @Sendable @escaping (PostgresConnection) throws -> T) async throws -> T {
        let lease = try await lease()
        defer { lease.end() }
        return try await lease.run(body)
    }

    /// Reserves a connection for several calls; nobody else uses it until the lease ends.
    public func lease() async throws -> PostgresLease {
        let worker: PostgresWorker
        if let free = idle.popLast() {
            worker = free
        } else {
            guard !isClosed else { throw PostgresError.cannotConnect("it is closed") }
            worker = try await withCheckedThrowingContinuation { waiting.append($0) }
        }
        return PostgresLease(worker) { worker in Task { await self.take(back: worker) } }
    }

    private func take(back worker: PostgresWorker) {
        if isClosed {
            worker.stop()
        } else if waiting.isEmpty {
            idle.append(worker)
        } else {
            waiting.removeFirst().resume(returning: worker)
        }
    }

    /// Closes every connection; those in use are closed when their leases end.
    public func close() {
        isClosed = true
        for worker in idle { worker.stop() }
        idle = []
        for one in waiting { one.resume(throwing: PostgresError.cannotConnect("it is closed")) }
        waiting = []
    }
}

/// A connection that is in use.
public final class PostgresLease: Sendable {
    private let worker: PostgresWorker
    private let hasEnded = Mutex(false)
    private let giveBack: @Sendable (PostgresWorker) -> Void

    fileprivate init(_ worker: PostgresWorker, _ giveBack: @escaping @Sendable (PostgresWorker) -> Void) {
        (self.worker, self.giveBack) = (worker, giveBack)
        worker.renew()
    }

    deinit { end() }

    /// Runs on the connection's thread.
    public func run<T: Sendable>(_ body: @Sendable @escaping (PostgresConnection) throws -> T) async throws -> T {
        try await worker.run(body)
    }

    /// Gives the connection back. Calls that come later have no effect.
    public func end() {
        let isFirst = hasEnded.withLock { hasEnded in
            defer { hasEnded = true }
            return !hasEnded
        }
        if isFirst { giveBack(worker) }
    }
}

/// A thread with a connection, which nothing else touches.
final class PostgresWorker: Sendable {
    private let jobs = Mutex<[@Sendable (PostgresWorker) -> Void]>([])
    private let work = DispatchSemaphore(value: 0)
    /// Accessed on the thread only.
    private nonisolated(unsafe) var connection: PostgresConnection?
    private let connect: @Sendable () throws -> PostgresConnection

    init(_ connect: @escaping @Sendable () throws -> PostgresConnection) {
        self.connect = connect
        let thread = Thread { [weak self] in
            while let job = self?.next() { if let worker = self { job(worker) } }
        }
        thread.name = "postgres"
        thread.start()
    }

    private func next() -> (@Sendable (PostgresWorker) -> Void)? {
        work.wait()
        return jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }

    private func enqueue(_ job: @escaping @Sendable (PostgresWorker) -> Void) {
        jobs.withLock { $0.append(job) }
        work.signal()
    }

    /// Prepares the connection for its next user: a transaction that was left open is rolled back.
    func renew() {
        enqueue { worker in
            worker.connection?.sent = 0
            if worker.connection?.isIdle == false { worker.connection = nil }
        }
    }

    func run<T: Sendable>(_ body: @Sendable @escaping (PostgresConnection) throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { answer in
            enqueue { worker in answer.resume(with: Result { try worker.perform(body) }) }
        }
    }

    private func perform<T>(_ body: (PostgresConnection) throws -> T) throws -> T {
        let known = connection
        connection = nil
        if let known, !known.isLost {
            do {
                let value = try body(known)
                connection = known
                return value
            } catch let error as PostgresError {
                guard case .lost = error, known.sent <= 1 else {
                    if !known.isLost { connection = known }
                    throw error
                }
            } catch {
                if !known.isLost { connection = known }
                throw error
            }
        }
        let fresh = try connect()
        fresh.sent = 0
        defer { if !fresh.isLost { connection = fresh } }
        return try body(fresh)
    }

    /// Closes the connection and ends the thread, after the current work.
    func stop() {
        enqueue { $0.connection = nil }
        // There is no job for this signal, so the thread ends.
        work.signal()
    }
}
