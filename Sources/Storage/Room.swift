import Foundation
import Petitions
import Sodium
import Synchronization

/// What all workplaces together keep, known well enough to hold a limit: counted anew every ten seconds, and added to
/// in between. Another process's writes of that time are not in it yet.
final class Room: Sendable {
    private let total = Mutex<(bytes: Int, counted: ContinuousClock.Instant?)>((0, nil))
    /// Of the database, whose disk fills up; nil where that is another machine's.
    private let path: String?

    /// - Parameter path: of the database; nil where it is a server's.
    init(of path: String?) { self.path = path }

    /// - Parameter count: counts everything.
    func bytes(counting count: () throws -> Int) rethrows -> Int {
        try total.withLock { total in
            if let counted = total.counted, ContinuousClock.now - counted < .seconds(10) { return total.bytes }
            total = (try count(), .now)
            return total.bytes
        }
    }

    func add(_ count: Int) { total.withLock { $0.bytes += count } }

    /// Bytes that the file system has for this service; nil where that is not known.
    var free: Int? {
        guard let path else { return nil }
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        return Int(
            clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
    }
}

/// Rules that both engines keep, written once over what they read.
extension StoredObject {
    /// - Parameter newest: the newest revision of the object that is there.
    /// - Returns: whether this one is to be written; the very same bytes again are not, as the answer to the first was
    ///   lost on the way.
    /// - Throws: `StorageError.conflict` unless it follows.
    func follow(_ newest: (revision: Int64, digest: Bytes32)?) throws -> Bool {
        let (last, parent) = newest ?? (0, .zero)
        if last == Int64(revision), parent == digest { return false }
        guard Int64(revision) == last + 1, self.parent == parent else { throw StorageError.conflict }
        return true
    }
}

extension LogQuery {
    /// - Parameter size: leaves that are there.
    /// - Returns: whether those are more than the caller has.
    /// - Throws: `StorageError.wentBack` when they are fewer.
    func isNews(_ size: Int, of log: LogName) throws -> Bool {
        let known = sizes[log] ?? 0
        guard size >= known else {
            throw StorageError.wentBack(lost: .init(log: log, has: size, signed: known), logs: 1)
        }
        return size > known
    }
}
