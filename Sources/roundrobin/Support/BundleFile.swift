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

    /// Why a file that is no bundle is none, as far as its bytes tell.
    static func explain(_ bytes: [UInt8]) -> ClientError {
        let begins = bytes.drop { [0xef, 0xbb, 0xbf, 0x20, 0x09, 0x0a, 0x0d].contains($0) }
        // However a writer of JSON has set its blanks.
        let head = begins.prefix(200).filter { $0 != 0x20 }
        let isOurs = head.starts(with: Array("{\"format\":\"roundrobin-".utf8))
        // What mail and editors do: the content is there, and no byte of it was forged.
        if bytes.starts(with: [0x1f, 0x8b]) || bytes.starts(with: Array("PK\u{3}\u{4}".utf8)) {
            return .invalid(.bundlePacked)
        }
        if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) { return .invalid(.bundleLineEnds) }
        guard isOurs else { return .invalid(.bundleDamaged) }
        if begins.count < bytes.count || bytes.contains(0x0d) { return .invalid(.bundleLineEnds) }
        return isCut(bytes) ? .invalid(.bundleCut) : .invalid(.bundleDamaged)
    }

    /// Whether the end is missing: that of the last line, or of its object, or the whole second log.
    private static func isCut(_ bytes: [UInt8]) -> Bool {
        guard bytes.last == 0x0a else { return true }
        let lines = bytes.split(separator: 0x0a)
        guard let last = lines.last, (try? JSONSerialization.jsonObject(with: Data(last))) != nil else { return true }
        let second = Array("{\"log\":\"petition\"".utf8)
        return !lines.contains { $0.starts(with: second) }
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
        .invalid(.serviceUnreadable, ["why": why(error)])
    }

    private static func why(_ error: PetitionBundle.Unreadable) -> String {
        switch error {
        case .format: words("unreadable.format")
        case .firstWorkplaceLeaf: words("unreadable.firstWorkplaceLeaf")
        case .firstPetitionLeaf: words("unreadable.firstPetitionLeaf")
        case .ids: words("unreadable.ids")
        case .otherPetition: words("unreadable.otherPetition")
        }
    }

    /// Why a file cannot be verified, as people are told it.
    static func error(_ error: PetitionBundle.Unreadable, _ bytes: [UInt8]) -> ClientError {
        switch error {
        case .format: explain(bytes)
        default: .invalid(.bundleUnreadable, ["why": why(error)])
        }
    }

    /// What a person gave as a petition's id: with blanks, capitals, quotation marks or angle brackets around it, or as
    /// the address of its page. The 64 characters, or what is left of them.
    static func id(_ text: String) -> String {
        let around = CharacterSet.whitespacesAndNewlines.union(CharacterSet(charactersIn: "<>\"'“”‘’«»().,;，。；（）"))
        var text = text.unicodeScalars.filter { Self.isVisible($0) }.reduce(into: "") { $0.unicodeScalars.append($1) }
            .trimmingCharacters(in: around)
        if let page = text.range(of: "/p/") {
            text = String(text[page.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" })
        }
        return text.filter { !$0.isWhitespace }.lowercased()
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory != .format && scalar.properties.generalCategory != .control
            || scalar.properties.isWhitespace
    }
}

/// A file of another petition than the one that was asked for.
struct OtherPetition: Error {
    let wanted: String
    let found: String

    /// Nobody can make two petitions whose ids differ in so few characters, so the person mistyped.
    private static let slips = 4

    var error: ClientError {
        let differing = zip(wanted, found).enumerated().filter { $0.element.0 != $0.element.1 }.map {
            "\($0.offset + 1)"
        }
        guard differing.count <= Self.slips, wanted.count == found.count else {
            return .invalid(.otherPetition, ["id": found])
        }
        return .invalid(
            .mistypedPetition, ["id": found, "places": Words.list(differing)])
    }
}
