// docs/protocol.md, section 4, "Invites"

import ScalarClasses

/// An invite's address as it reaches the program, with characters that messengers, mail and typing add or remove.
/// Nothing here depends on the secret; the code is passed on to `InviteCode` as it is.
struct InviteText {
    /// `https://service.example`, without a trailing slash.
    let serviceURL: String
    /// The characters of the code, including the hyphens and white space between them.
    let code: [UInt8]

    private static let join = Array("/join".unicodeScalars)

    /// - Throws: `RuleViolation.invite` if the text is not an invite's address.
    init(_ text: String) throws(RuleViolation) {
        let scalars = Self.plain(text)
        // The code begins after the first # that follows /join; a slash or a messenger's query may stand between the
        // two.
        guard let (path, hash) = Self.place(in: scalars) else { throw .invite }
        serviceURL = try Self.service(scalars[..<path])
        code = Self.code(scalars[(hash + 1)...])
    }

    /// Narrows full-width characters, turns every dash into a hyphen, decodes %23 and the like, and drops characters
    /// that do not show.
    private static func plain(_ text: String) -> [Unicode.Scalar] {
        var scalars: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0xff01...0xff5e:
                if let narrow = Unicode.Scalar(scalar.value - 0xfee0) { scalars.append(narrow) }
            case 0x2010...0x2015, 0x2212, 0xfe58, 0xfe63: scalars.append("-")
            // The full stop that ends a Chinese sentence, and those that Chinese input methods produce for a dot.
            case 0x3002, 0xff61: scalars.append(".")
            case 0x0a, 0x0d, 0x2028, 0x2029, 0x85: scalars.append("\n")
            case 0x09, 0x0b, 0x0c: scalars.append(" ")
            default:
                if scalar.isSpaceSeparator {
                    scalars.append(" ")
                } else if ReadableText.isPlain(scalar), !scalar.isDefaultIgnorable {
                    scalars.append(scalar)
                }
            }
        }
        return decoded(scalars)
    }

    /// Decodes the percent escapes of characters that an address needs: # - / : and the space.
    private static func decoded(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
        let known: [String: Unicode.Scalar] = ["23": "#", "2d": "-", "2f": "/", "3a": ":", "20": " "]
        var result: [Unicode.Scalar] = []
        var place = 0
        while place < scalars.count {
            if scalars[place] == "%", place + 2 < scalars.count {
                let digits = String(String.UnicodeScalarView(scalars[(place + 1)...(place + 2)])).lowercased()
                if let scalar = known[digits] {
                    result.append(scalar)
                    place += 3
                    continue
                }
            }
            result.append(scalars[place])
            place += 1
        }
        return result
    }

    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || scalar == "\n" }

    private static func lower(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        ("A"..."Z").contains(scalar) ? Unicode.Scalar(scalar.value | 0x20) ?? scalar : scalar
    }

    /// Where `/join` begins, and where the # after it is.
    private static func place(in scalars: [Unicode.Scalar]) -> (path: Int, hash: Int)? {
        var hash = 0
        while let next = scalars[hash...].firstIndex(of: "#") {
            // Go backwards over a query and a slash, if there are any, to /join; white space may break the line
            // anywhere.
            var end = next
            if let query = scalars[..<next].lastIndex(of: "?"), matches(scalars[..<query]) != nil { end = query }
            if let path = matches(scalars[..<end]) { return (path, next) }
            hash = next + 1
        }
        return nil
    }

    /// Where `/join` begins, if the scalars end in it.
    private static func matches(_ scalars: ArraySlice<Unicode.Scalar>) -> Int? {
        var rest = scalars
        func dropSpace() { while let last = rest.last, isSpace(last) { rest.removeLast() } }
        dropSpace()
        if rest.last == "/" { rest.removeLast() }
        for wanted in join.reversed() {
            dropSpace()
            guard let last = rest.last, lower(last) == wanted else { return nil }
            rest.removeLast()
        }
        return rest.endIndex
    }

    // MARK: The service

    private static func service(_ head: ArraySlice<Unicode.Scalar>) throws(RuleViolation) -> String {
        // A line break inside an address, and the indentation of the next line, are not part of it.
        var lines: [Unicode.Scalar] = []
        var gap: [Unicode.Scalar] = []
        for scalar in head {
            if isSpace(scalar) {
                gap.append(scalar)
            } else {
                if !gap.contains("\n"), !lines.isEmpty { lines += gap }
                gap = []
                lines.append(scalar)
            }
        }
        let whole = scheme(in: lines) != nil ? lines : Array(head)
        let address = whole[(scheme(in: whole) ?? bare(whole))...].drop { isSpace($0) }
        var text = String(String.UnicodeScalarView(address.filter { $0 != "\n" })).trimmingSpaces()
        while text.hasSuffix("/") { text.removeLast() }
        guard !text.isEmpty, !text.unicodeScalars.contains(where: isSpace) else { throw .invite }
        for known in ["https://", "http://"] where text.lowercased().hasPrefix(known) {
            let host = text.dropFirst(known.count)
            guard !host.isEmpty else { throw .invite }
            return known + host
        }
        guard isAddress(text) else { throw .invite }
        return (isNear(text) ? "http://" : "https://") + text
    }

    /// Where the last `http://` or `https://` begins.
    private static func scheme(in scalars: [Unicode.Scalar]) -> Int? {
        let text = scalars.map(lower)
        for start in text.indices.reversed() {
            for known in ["https://", "http://"] where text[start...].starts(with: known.unicodeScalars) {
                return start
            }
        }
        return nil
    }

    /// Where an address without a scheme begins: after the last character that cannot be in one, and after a label that
    /// ends in a colon.
    private static func bare(_ scalars: [Unicode.Scalar]) -> Int {
        var start = scalars.endIndex
        while start > 0, isOfAddress(scalars[start - 1]) { start -= 1 }
        while start < scalars.endIndex, [".", ":", "/", "-"].contains(scalars[start]) { start += 1 }
        guard let colon = scalars[start...].firstIndex(of: ":"), scalars[start] != "[" else { return start }
        let behind = scalars[(colon + 1)...].prefix { $0 != "/" }
        // A port has only digits; anything else after the colon means that a label precedes the address.
        return behind.allSatisfy { ("0"..."9").contains($0) } && !behind.isEmpty ? start : colon + 1
    }

    private static func isOfAddress(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", ".", "-", ":", "/", "[", "]", "_": true
        default: false
        }
    }

    private static func isAddress(_ text: String) -> Bool {
        let host = text.prefix { $0 != "/" }
        return host.contains(".") || host.hasPrefix("[") || host.prefix { $0 != ":" } == "localhost"
    }

    /// Onion services and this computer's own ports are reached without TLS; all others with it.
    private static func isNear(_ text: String) -> Bool {
        let host = text.prefix { $0 != "/" && $0 != ":" }.lowercased()
        return host.hasSuffix(".onion") || host == "localhost" || host.hasPrefix("127.") || text.hasPrefix("[::1]")
    }

    // MARK: The code

    /// Takes as many characters as a code has, unless more of them follow directly. Whatever stands behind the code (a
    /// full stop, a bracket, a messenger's click counter) is not part of it.
    private static func code(_ tail: ArraySlice<Unicode.Scalar>) -> [UInt8] {
        var code: [UInt8] = []
        var count = 0
        for scalar in tail {
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9":
                count += 1
                code.append(UInt8(scalar.value))
            case "-": code.append(UInt8(ascii: "-"))
            // Characters that mail programs put at the ends and beginnings of lines.
            case ">", "=", "|":
                if count == InviteCode.characters { return code }
            case " ", "\n":
                // The code is complete and a space follows: the rest is the sentence around it.
                if count == InviteCode.characters { return code }
                code.append(UInt8(ascii: " "))
            default:
                if count == InviteCode.characters { return code }
                return code + Array(String(scalar).utf8)
            }
        }
        return code
    }
}

extension String {
    fileprivate func trimmingSpaces() -> String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
