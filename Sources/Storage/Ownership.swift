import Foundation
import Synchronization

/// Which file a path names: it stays the same while the file is written to, and is another after a move, a removal or a
/// replacement.
struct FileIdentity: Equatable, Sendable {
    private let device: UInt64
    private let inode: UInt64

    /// Nil when there is no file at the path.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
    }
}

/// A lock that every serving process shares, and that a tool which replaces or repairs a database has alone. It belongs
/// to the file itself, wherever somebody moves it, and ends with the process.
final class FileLock: Sendable {
    private let file: Mutex<Int32>

    /// - Throws: `StorageError.inUse` when somebody else has it.
    init(_ path: String, exclusive: Bool) throws {
        #if os(Linux)
            // Apart from the locks that SQLite takes, which are of another kind on Linux, and the same kind elsewhere.
            let file = open(path, O_RDONLY | O_CLOEXEC)
            self.file = Mutex(file)
            guard file >= 0, flock(file, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0 else { return }
            let isTaken = errno == EWOULDBLOCK
            end()
            if isTaken { throw StorageError.inUse(path) }
        #else
            file = Mutex(-1)
        #endif
    }

    deinit { end() }

    /// Gives it back.
    func end() {
        file.withLock { file in
            if file >= 0 {
                #if os(Linux)
                    // A child that is just being started has the file too, until it runs its own program.
                    flock(file, LOCK_UN)
                #endif
                close(file)
            }
            file = -1
        }
    }
}

/// What a serving store knows of itself: whether its files are still the ones at their paths, whether something was
/// found that ends it, and whether the disk refused the last write.
final class Ownership: Sendable {
    private struct State {
        var files: [(path: String, identity: FileIdentity)] = []
        var fault: StorageError?
        var hasRefused = false
        var probe: (time: ContinuousClock.Instant, succeeded: Bool)?
        var compared = ContinuousClock.now
    }

    private let state = Mutex(State())

    /// How often the whole record of signed checkpoints is held against the database.
    static let comparison = Duration.seconds(600)

    /// Watches those of the paths at which there is something.
    func watch(_ paths: [String]) {
        let files = paths.compactMap { path in FileIdentity(path).map { (path, $0) } }
        state.withLock { $0.files += files }
    }

    /// - Throws: what was found before: nothing is written or shown after that.
    func check() throws(StorageError) {
        if let fault = state.withLock({ $0.fault }) { throw fault }
    }

    /// Looks whether each file is still at its path: some microseconds.
    /// - Throws: `StorageError.replaced`, from then on always.
    func checkFiles() throws(StorageError) {
        let files = try look()
        for (path, identity) in files where FileIdentity(path) != identity { throw noted(.replaced(path)) }
    }

    private func look() throws(StorageError) -> [(path: String, identity: FileIdentity)] {
        let (fault, files) = state.withLock { ($0.fault, $0.files) }
        if let fault { throw fault }
        return files
    }

    /// Remembers what an error says of this store.
    /// - Returns: the error; or what had ended the store before.
    func noted(_ error: StorageError) -> StorageError {
        state.withLock { state in
            if error.isFatal, state.fault == nil { state.fault = error }
            if error.isOfDisk {
                state.hasRefused = true
                // What went through before says nothing any more.
                if state.probe?.succeeded == true { state.probe = nil }
            }
            return state.fault ?? error
        }
    }

    /// Whether the disk refused a write, and none has been committed since.
    var hasRefused: Bool { state.withLock { $0.hasRefused || $0.fault != nil } }

    /// A commit went through.
    func wrote() { state.withLock { $0.hasRefused = false } }

    /// Whether a small commit goes through. Tried once a second at most, however often anybody asks.
    func canWrite(_ probe: () async throws -> Void) async -> Bool {
        let known = state.withLock { state -> Bool? in
            guard state.fault == nil else { return false }
            guard let last = state.probe, ContinuousClock.now - last.time < .seconds(1) else { return nil }
            return last.succeeded
        }
        if let known { return known }
        let succeeded = (try? await probe()) != nil
        state.withLock { state in
            state.probe = (.now, succeeded)
            if succeeded { state.hasRefused = false }
        }
        return succeeded
    }

    /// Whether the whole record is to be held against the database now; then not again for a while.
    /// - Parameter again: at once.
    func isComparisonDue(again: Bool = false) -> Bool {
        state.withLock { state in
            guard again || ContinuousClock.now - state.compared >= Self.comparison else { return false }
            state.compared = .now
            return true
        }
    }
}

extension Ownership {
    /// Holds the whole record of signed checkpoints against the database, some logs at a time.
    /// - Parameter losses: what the database, read anew, lacks of some heads.
    /// - Throws: `StorageError.contradicted`; whatever else goes wrong is no verdict.
    func compare(
        _ heads: SignedHeads, _ losses: ([SignedHeads.Head]) async throws -> [StorageError.Loss]
    ) async throws(StorageError) {
        // The record before the database: what another process records meanwhile is in it already.
        guard let signed = try? await heads.allHeads() else { return }
        for start in stride(from: 0, to: signed.count, by: 500) {
            let some = Array(signed[start..<min(start + 500, signed.count)])
            guard let lost = try? await losses(some) else { return }
            if let first = lost.first { throw noted(.contradicted(first)) }
        }
    }
}

extension StorageError {
    /// Whether the store must neither write nor show anything any more: somebody else may be signing the same logs.
    public var isFatal: Bool {
        switch self {
        case .contradicted, .replaced: true
        default: false
        }
    }

    /// Whether it says that the disk, or the database's server, does not take what is written.
    var isOfDisk: Bool {
        switch self {
        case .diskFull, .diskFails, .readOnly, .cannotOpen, .unrecorded, .unreachable, .unanswered, .refusedByServer:
            true
        // Not what a request that was given up leaves: SQLITE_ABORT, SQLITE_INTERRUPT.
        case .other(let code): ![0, 4, 9].contains(code & 0xff)
        default: false
        }
    }
}
