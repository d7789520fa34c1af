import Foundation
import Sodium

/// The page that people open in a browser: one file, the same for everybody, as `make web` makes it.
public struct BrowserPage: Sendable {
    /// The file's name.
    public static let name = "roundrobin.html"
    /// No page is larger, in bytes. A service keeps it in memory.
    private static let mostBytes = 4 << 20

    /// The whole file.
    public let bytes: [UInt8]
    /// SHA-256 of the file, as a release states it: 64 lowercase hexadecimal digits.
    public let digest: String
    /// The policy that the page states for itself (CSP Level 3, section 3.3).
    public let policy: String

    /// Where the page is: beside the installed templates, or where `make web` leaves it in the sources.
    /// - Parameter templates: the templates' directory.
    /// - Returns: nil if there is none.
    public static func path(besideTemplates templates: String) -> String? {
        ["/../" + name, "/../.build/web/" + name].map { templates + $0 }.first {
            FileManager.default.fileExists(atPath: $0)
        }
    }

    /// The page beside the templates; nil if there is none.
    /// - Throws: `TemplateError.damaged`.
    public static func find(besideTemplates templates: String) throws(TemplateError) -> BrowserPage? {
        guard let path = path(besideTemplates: templates) else { return nil }
        guard let data = FileManager.default.contents(atPath: path), let page = BrowserPage([UInt8](data)) else {
            throw .damaged(file: name, .page)
        }
        return page
    }

    /// Nil for bytes that are no such page: it states a policy in its head.
    init?(_ bytes: [UInt8]) {
        guard bytes.count <= Self.mostBytes, let head = String(validating: bytes.prefix(4096), as: UTF8.self),
            let match = head.firstMatch(of: #/<meta http-equiv="Content-Security-Policy" content="([^"<>\r\n]+)">/#)
        else { return nil }
        (self.bytes, digest, policy) = (bytes, Self.digest(of: bytes), String(match.1))
    }

    /// The SHA-256 of a page's bytes, as `digest` has it.
    public static func digest(of bytes: [UInt8]) -> String { Hex.encode(SHA256.hash(bytes).bytes) }
}

/// The pages that this program knows by their SHA-256: its own, and those of the releases.
public struct KnownPages: Sendable {
    /// Where a page comes from.
    public enum Origin: Equatable, Sendable {
        /// It came with this program.
        case own
        /// It came with the release of this version.
        case release(String)
    }

    private static let list = "page-releases.txt"

    private let origins: [String: Origin]
    /// The digest of the page that came with this program; nil if none did.
    public let own: String?

    /// Reads the page beside the templates, and the releases' list among them: a digest, white space and a version in
    /// each line, and comments after a number sign.
    /// - Throws: `TemplateError.damaged`.
    public init(templates: String) throws(TemplateError) {
        var origins: [String: Origin] = [:]
        let text = FileManager.default.contents(atPath: templates + "/" + Self.list) ?? Data()
        for line in String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let parts = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace).map(String.init)
            if parts.isEmpty { continue }
            guard parts.count == 2, Bytes32(hex: parts[0]) != nil else {
                throw .damaged(file: Self.list, .releases)
            }
            origins[parts[0]] = .release(parts[1])
        }
        own = try BrowserPage.find(besideTemplates: templates)?.digest
        if let own { origins[own] = .own }
        self.origins = origins
    }

    /// Every known digest.
    public var digests: Set<String> { Set(origins.keys) }

    /// Where the page with this digest comes from; nil if this program does not know it.
    public func origin(of digest: String) -> Origin? { origins[digest] }
}
