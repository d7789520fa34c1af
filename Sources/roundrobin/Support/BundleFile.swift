import Presentation
import Client
import Foundation
import Petitions

/// Files that people were sent: read from a path, a pipe or the standard input, never more than there may be.
enum BundleFile {
    /// Bytes of the largest file that is read. A bundle of 16,384 keys and as many co-signatures is far below it.
    static let limit = 1 << 30

    /// - Parameter path: of a file or a pipe, or `-` for the standard input.
    /// - Returns: nil where there is no such file.
    /// - Throws: `ClientError.invalid(.fileIsDirectory)`, `.noFile` if it may not be read, `.bundleTooLong`.
    static func read(_ path: String) throws -> [UInt8]? {
        if path == "-" { return try read(STDIN_FILENO) }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if [ENOENT, ENOTDIR, ENAMETOOLONG].contains(errno) { return nil }
            throw ClientError.invalid(.noFile, ["file": path])
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else {
            throw ClientError.invalid(.fileIsDirectory, ["file": path])
        }
        return try read(descriptor)
    }

    private static func read(_ descriptor: Int32) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Foundation.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return bytes }
            guard bytes.count + count <= limit else { throw ClientError.invalid(.bundleTooLong) }
            bytes += chunk[..<count]
        }
    }

    /// Whether a name is that of a file of ours: of a bundle, a history or evidence.
    static func isOurs(_ path: String) -> Bool {
        guard let handle = FileHandle(forReadingAtPath: path) else { return false }
        defer { try? handle.close() }
        let head = (try? handle.read(upToCount: 200)) ?? nil
        return head.map { $0.filter { $0 != 0x20 }.starts(with: Data("{\"format\":\"roundrobin-".utf8)) } ?? false
    }

    /// Why what a service sent cannot be verified.
    static func serviceError(_ error: PetitionBundle.Unreadable) -> ClientError {
        .invalid(.serviceUnreadable, ["why": FileFault.why(error)])
    }

    /// Why a file cannot be verified, as people are told it.
    static func error(_ error: PetitionBundle.Unreadable, _ bytes: [UInt8]) -> ClientError {
        FileFault(error, bytes).error
    }
}

extension FileFault {
    /// Reasons are called alike; a test goes through them.
    var error: ClientError { .invalid(ClientError.Invalid(rawValue: reason.rawValue) ?? .bundleDamaged, values) }
}

/// A file of another petition than the one that was asked for.
struct OtherPetition: Error {
    let wanted: String
    let found: String

    var error: ClientError { FileFault(wanted: wanted, found: found).error }
}
