import CProcess
import Foundation
import Sodium

/// Files that only this user can read (mode 0600), and that are replaced as a whole or not at all.
public enum SecureFiles {
    static func makeDirectory(_ path: String) throws(ClientError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch { throw .disk(path) }
    }

    /// Writes a new file, syncs it, renames it and syncs the directory: after a crash, the file is either the old one
    /// or the new one.
    /// - Throws: `ClientError.disk`; `.invalid(.noDirectory)`.
    public static func write(_ bytes: [UInt8], to path: String) throws(ClientError) {
        let temporary = path + ".new"
        unlink(temporary)
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw fault(path) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Foundation.write(file, $0.baseAddress! + written, bytes.count - written)
            }
            if count <= 0 { break }
            written += count
        }
        let synced = written == bytes.count && fsync(file) == 0
        close(file)
        guard synced, rename(temporary, path) == 0 else {
            unlink(temporary)
            throw fault(path)
        }
        // The file is there; a directory that cannot be synced is no reason to say otherwise.
        _ = roundrobin_sync_directory_of(path)
    }

    /// Why a file could not be written: `.invalid(.noDirectory)` if the directory is not there, as that of a drive that is
    /// not connected; else `.disk`.
    public static func fault(_ path: String) -> ClientError {
        let directory = (path as NSString).deletingLastPathComponent
        guard directory.isEmpty || FileManager.default.fileExists(atPath: directory) else {
            return .invalid(.noDirectory, ["directory": directory])
        }
        return .disk(path)
    }

    /// Nil if there is no such file.
    static func read(_ path: String) throws(ClientError) -> [UInt8]? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let data = FileManager.default.contents(atPath: path) else { throw .disk(path) }
        return [UInt8](data)
    }
}

/// An exclusive lock on a keystore, held until it is released.
final class KeystoreLock {
    private var file: Int32

    /// - Parameter waiting: up to three seconds for whoever holds it.
    init(_ path: String, waiting: Bool = true) throws(ClientError) {
        file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .disk(path) }
        // A look of `watch` is over in a moment. And after we release the lock, a process that is being started still
        // shares it for the moment between its fork and its exec.
        for _ in 0..<(waiting ? 150 : 0) where flock(file, LOCK_EX | LOCK_NB) != 0 { usleep(20_000) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else { throw .keystoreLocked }  // deinit closes it
    }

    /// Holds no lock at all, for reading only.
    static func none() -> KeystoreLock { KeystoreLock() }

    private init() { file = -1 }

    var isHeld: Bool { file >= 0 }

    func release() {
        guard isHeld else { return }
        close(file)
        file = -1
    }

    deinit { release() }
}
