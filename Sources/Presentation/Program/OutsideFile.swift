import Client
import Foundation

/// Files that people name, read whole. Their texts come in through `OutsideText`.
package enum OutsideFile {
    /// Bytes of the largest file that is read: far more than any list, form or draft has.
    package static let most = 16 << 20

    /// The text of a file, or of standard input for `-`.
    /// - Throws: `ClientError.invalid(.noFile)`, `.fileTooLong`, `.notText`, `.controlCharacter`.
    package static func text(_ path: String) throws -> String {
        let bytes = try bytes(path)
        do { return try OutsideText.read(bytes) } catch { throw error.error(in: path) }
    }

    /// The bytes of a file, or of standard input for `-`.
    package static func bytes(_ path: String) throws -> [UInt8] {
        let handle: FileHandle
        if path == "-" {
            handle = .standardInput
        } else {
            guard let opened = FileHandle(forReadingAtPath: path) else {
                throw ClientError.invalid(.noFile, ["file": path])
            }
            handle = opened
        }
        let data: Data?
        do { data = try handle.read(upToCount: most + 1) } catch {
            throw ClientError.invalid(.noFile, ["file": path])
        }
        guard data?.count ?? 0 <= most else { throw ClientError.invalid(.fileTooLong, ["file": path]) }
        return [UInt8](data ?? Data())
    }
}
