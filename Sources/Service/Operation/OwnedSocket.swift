// unix(7)

import Foundation

/// Why a service cannot listen where it was told to.
public enum ListeningError: Error, Equatable, Sendable {
    /// Something other than a socket has this path. It is left alone.
    case notASocket(String)
    case noDirectory(String)
    /// The path has more bytes than this, which is what the system leaves an operator to choose.
    case tooLong(String, limit: Int)
    /// Another program listens at this address.
    case inUse(String)
    /// The system refuses the address, for a reason in its own words.
    case refused(String, why: String)
}

/// A Unix socket that a new service takes over, in one step, from the service that runs: it is bound under a name of this process and
/// renamed once connections are accepted, so that nobody meets a path without a listener.
struct OwnedSocket: Sendable {
    let path: String
    /// The name under which it is bound.
    let bound: String

    /// What sun_path holds besides its closing zero, and what the name of a process adds (a dot and a number of up to 22 bits).
    static let limit = 107 - 8

    /// - Throws: `ListeningError`, before anything is made.
    init(_ path: String) throws(ListeningError) {
        guard path.utf8.count <= Self.limit else { throw .tooLong(path, limit: Self.limit) }
        (self.path, bound) = (path, "\(path).\(getpid())")
        let directory = URL(filePath: path).deletingLastPathComponent().path
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory), isDirectory.boolValue else {
            throw .noDirectory(directory)
        }
        try checkPath()
    }

    /// What is there is replaced only if it is a socket.
    private func checkPath() throws(ListeningError) {
        // A link is looked at itself, and not what it leads to.
        guard let found = try? FileManager.default.attributesOfItem(atPath: path) else { return }
        guard found[.type] as? FileAttributeType == .typeSocket else { throw .notASocket(path) }
    }

    /// Puts the bound socket in its place. A proxy and Tor are of its group; the directory decides who else may come in.
    func takeOver() throws(ListeningError) {
        try checkPath()
        guard chmod(bound, 0o660) == 0, rename(bound, path) == 0 else {
            let why = String(cString: strerror(errno))
            unlink(bound)
            throw .refused(path, why: why)
        }
    }
}
