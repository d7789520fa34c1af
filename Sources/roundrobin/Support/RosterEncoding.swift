import Presentation
import Client
import Foundation

/// The encodings in which spreadsheets write lists. UTF-8, and UTF-16 with a byte order mark, are known for certain;
/// the others are a guess that a person confirms.
enum RosterEncoding: String, CaseIterable {
    case utf8 = "utf-8"
    case utf16 = "utf-16"
    /// What Excel in China writes.
    case gb18030
    /// What Excel in western Europe and America writes.
    case windows1252 = "windows-1252"

    /// A name as people write it: `UTF-8`, `gbk`, `cp1252`.
    init?(name: String) {
        switch name.lowercased().filter({ $0.isLetter || $0.isNumber }) {
        case "utf8", "utf8bom", "utf8sig": self = .utf8
        case "utf16", "unicode", "utf16le", "utf16be": self = .utf16
        case "gb18030", "gbk", "gb2312", "cp936", "ansi936": self = .gb18030
        case "windows1252", "cp1252", "latin1", "iso88591", "ansi", "ansi1252": self = .windows1252
        default: return nil
        }
    }

    /// As programs call it.
    var name: String {
        switch self {
        case .utf8: "UTF-8"
        case .utf16: "UTF-16"
        case .gb18030: "GB18030"
        case .windows1252: "Windows-1252"
        }
    }

    /// Strict; nil when the bytes are no text of this encoding.
    func decode(_ bytes: [UInt8]) -> String? {
        switch self {
        case .utf8, .utf16: nil
        case .gb18030:
            // CFStringEncodings.GB_18030_2000, which Foundation names by number alone.
            String(data: Data(bytes), encoding: String.Encoding(rawValue: 0x8000_0632))
        case .windows1252: String(data: Data(bytes), encoding: .windowsCP1252)
        }
    }

    /// What bytes that are no UTF-8 most likely are: GB18030 for who reads Chinese, and where every word with other
    /// letters than ASCII's is Han throughout, as names are. In Western words one letter among others has an accent.
    static func guess(_ bytes: [UInt8], isChinese: Bool) -> RosterEncoding? {
        // UTF-16 or UTF-32 without a mark, or no text.
        guard !bytes.contains(0) else { return nil }
        if let chinese = RosterEncoding.gb18030.decode(bytes), isChinese || hasHanWords(chinese) { return .gb18030 }
        return RosterEncoding.windows1252.decode(bytes) == nil ? nil : .windows1252
    }

    private static func hasHanWords(_ text: String) -> Bool {
        var hasHan = false
        for word in text.split(whereSeparator: { !$0.isLetter }) where !word.allSatisfy(\.isASCII) {
            guard word.unicodeScalars.allSatisfy({ $0.properties.isIdeographic }) else { return false }
            hasHan = true
        }
        return hasHan
    }
}
