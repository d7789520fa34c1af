import CoSigning
import Petitions

/// The entrance for all texts from outside: files, standard input, editors, forms, arguments. A text that has passed is
/// UTF-8, its lines end in LF, and it has no byte order mark and no control characters.
public enum OutsideText {
    /// Why something is not a text.
    public enum Fault: Error, Equatable, Sendable {
        /// Neither UTF-8, nor UTF-16 with a byte order mark.
        case encoding
        /// A control character that does not belong in a text, with its line, from 1.
        case control(line: Int, Unicode.Scalar)

        /// This fault as an error of the client.
        /// - Parameter source: what was read, in the words in which the person named it.
        public func error(in source: String) -> ClientError {
            switch self {
            case .encoding: .invalid(.notText, ["file": source])
            case .control(let line, let scalar):
                .invalid(.controlCharacter, ["line": "\(line)", "code": ReadableText.code(scalar)])
            }
        }
    }

    /// Decodes a file: UTF-16 if it has that byte order mark, otherwise strict UTF-8.
    public static func read(_ bytes: [UInt8]) throws(Fault) -> String {
        switch (bytes.first, bytes.dropFirst().first) {
        case (0xfe, 0xff): try read(utf16(bytes.dropFirst(2), bigEndian: true))
        case (0xff, 0xfe): try read(utf16(bytes.dropFirst(2), bigEndian: false))
        default: try read(utf8(bytes))
        }
    }

    private static func utf8(_ bytes: [UInt8]) throws(Fault) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .encoding }
        return text
    }

    private static func utf16(_ bytes: ArraySlice<UInt8>, bigEndian: Bool) throws(Fault) -> String {
        guard bytes.count.isMultiple(of: 2) else { throw .encoding }
        var units: [UInt16] = []
        units.reserveCapacity(bytes.count / 2)
        var place = bytes.startIndex
        while place < bytes.endIndex {
            let (a, b) = (UInt16(bytes[place]), UInt16(bytes[place + 1]))
            units.append(bigEndian ? a << 8 | b : b << 8 | a)
            place += 2
        }
        guard let text = String(validating: units, as: UTF16.self) else { throw .encoding }
        return text
    }

    /// The same for a text that is already decoded: from an argument, an editor or a form.
    public static func read(_ text: String) throws(Fault) -> String {
        let clean = tidied(text)
        var line = 1
        for scalar in clean.unicodeScalars {
            if scalar == "\n" {
                line += 1
            } else if scalar != "\t", scalar.properties.generalCategory == .control {
                throw .control(line: line, scalar)
            }
        }
        return clean
    }

    /// A co-signer's remark, from an argument: read like every text, and without characters that do not show.
    /// - Throws: `ClientError.invalid(.controlCharacter)`; `ClientError.coSigning(.remarkHidden)`.
    public static func remark(_ text: String) throws -> String {
        let clean: String
        do { clean = try read(text) } catch { throw error.error(in: "") }
        try ClientError.coSigning { () throws(CoSigningError) in try Decision.checkReadable(remark: clean) }
        return clean
    }
    /// Removes byte order marks, and turns CR LF, CR and NEL into LF.
    public static func tidied(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        var wasReturn = false
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\u{feff}": continue
            case "\n": if !wasReturn { scalars.append("\n") }
            case "\r", "\u{85}": scalars.append("\n")
            default: scalars.append(scalar)
            }
            wasReturn = scalar == "\r"
        }
        return String(scalars)
    }
}
