import Presentation
import Client
import Foundation
import Petitions

/// Files that people were sent: read from a path, a pipe or the standard input, never more than there may be.
enum BundleFile {
    /// Bytes of the largest file that is read. A bundle of 16,384 keys and as many co-signatures is far below it.
    static let limit = 1 << 30

    /// - Parameter path: of a file or a pipe, or `-` for the standard input.
    /// - Returns: nil where there is nothing to read.
    static func read(_ path: String) throws -> [UInt8]? {
        if path == "-" { return try read(STDIN_FILENO) }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else { return nil }
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
        let isChanged = begins.count < bytes.count || bytes.contains(0x0d) || bytes.last != 0x0a
        return isOurs && isChanged ? .invalid(.bundleLineEnds) : .invalid(.bundleDamaged)
    }

    /// Why a file cannot be verified, as people are told it.
    static func error(_ error: PetitionBundle.Unreadable, _ bytes: [UInt8]) -> ClientError {
        switch error {
        case .format: explain(bytes)
        case .firstWorkplaceLeaf: .invalid(.bundleUnreadable, ["why": words("unreadable.firstWorkplaceLeaf")])
        case .firstPetitionLeaf: .invalid(.bundleUnreadable, ["why": words("unreadable.firstPetitionLeaf")])
        case .ids: .invalid(.bundleUnreadable, ["why": words("unreadable.ids")])
        case .otherPetition: .invalid(.bundleUnreadable, ["why": words("unreadable.otherPetition")])
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
