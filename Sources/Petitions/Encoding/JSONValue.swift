// docs/protocol.md, sections 4 and 9; RFC 8259

/// JSON as bundles and documents require it: strict UTF-8, no repeated members, no unpaired surrogates, nothing after
/// the value. Common parsers let one or another of these pass, and two verifiers would then disagree.
public indirect enum JSONValue: Sendable, Equatable {
    case object([(name: String, value: JSONValue)])
    case array([JSONValue])
    case string(String)
    /// The number as it was written.
    case number(String)
    case bool(Bool)
    case null

    /// Why bytes are not strict JSON, or are nested too deeply.
    public enum ParseError: Error, Equatable, Sendable {
        case notUTF8
        case syntax
        case repeatedMember
        case tooDeep
    }

    static let maximalDepth = 64

    /// Parses exactly one value, with white space around it at most.
    public init(parsing bytes: [UInt8]) throws(ParseError) {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw .notUTF8 }
        var parser = JSONParser(bytes)
        self = try parser.document()
    }

    /// The members, if this is an object with exactly these names, each once.
    func members(_ names: String...) -> [String: JSONValue]? {
        guard case .object(let members) = self, members.count == names.count else { return nil }
        var found: [String: JSONValue] = [:]
        for (name, value) in members {
            guard names.contains(where: { $0.utf8.elementsEqual(name.utf8) }) else { return nil }
            found[name] = value
        }
        return found.count == names.count ? found : nil
    }

    /// A member of an object, whatever other members it has; nil if there is none. For responses, whose form may grow.
    public subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    /// The text of a string; nil for any other value.
    public var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// Objects are equal if they have the same members in the same order.
    public static func == (a: JSONValue, b: JSONValue) -> Bool {
        switch (a, b) {
        case (.object(let a), .object(let b)):
            a.count == b.count
                && zip(a, b).allSatisfy { $0.name.utf8.elementsEqual($1.name.utf8) && $0.value == $1.value }
        case (.array(let a), .array(let b)): a == b
        case (.string(let a), .string(let b)): a.utf8.elementsEqual(b.utf8)
        case (.number(let a), .number(let b)): a == b
        case (.bool(let a), .bool(let b)): a == b
        case (.null, .null): true
        default: false
        }
    }

    /// A string in JSON syntax, quotes included.
    public static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "\u{0}"..<"\u{20}":
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}

/// Recursive descent over the bytes. The depth is bounded, and so is the stack.
private struct JSONParser {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(JSONValue.ParseError) -> JSONValue {
        let value = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw .syntax }
        return value
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let c = next, c == 0x20 || c == 0x09 || c == 0x0a || c == 0x0d { position += 1 }
    }

    private mutating func take(_ c: Character) -> Bool {
        guard next == c.asciiValue else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ c: Character) throws(JSONValue.ParseError) {
        guard take(c) else { throw .syntax }
    }

    private mutating func value(depth: Int) throws(JSONValue.ParseError) -> JSONValue {
        guard depth < JSONValue.maximalDepth else { throw .tooDeep }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(depth)
        case UInt8(ascii: "["): return try array(depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: return .number(try number())
        }
    }

    private mutating func literal(_ text: String, _ value: JSONValue) throws(JSONValue.ParseError) -> JSONValue {
        for c in text { try expect(c) }
        return value
    }

    private mutating func object(_ depth: Int) throws(JSONValue.ParseError) -> JSONValue {
        try expect("{")
        var members: [(name: String, value: JSONValue)] = []
        // Compared as bytes: Swift's String equality would take two spellings of one letter for the same name.
        var names: Set<[UInt8]> = []
        skipSpace()
        if take("}") { return .object([]) }
        while true {
            skipSpace()
            let name = try string()
            guard names.insert(Array(name.utf8)).inserted else { throw .repeatedMember }
            skipSpace()
            try expect(":")
            members.append((name, try value(depth: depth + 1)))
            skipSpace()
            if take("}") { return .object(members) }
            try expect(",")
        }
    }

    private mutating func array(_ depth: Int) throws(JSONValue.ParseError) -> JSONValue {
        try expect("[")
        var items: [JSONValue] = []
        skipSpace()
        if take("]") { return .array([]) }
        while true {
            items.append(try value(depth: depth + 1))
            skipSpace()
            if take("]") { return .array(items) }
            try expect(",")
        }
    }

    private mutating func string() throws(JSONValue.ParseError) -> String {
        try expect("\"")
        var text: [UInt8] = []
        while let c = next {
            position += 1
            switch c {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text += try escape()
            case 0..<0x20: throw .syntax
            default: text.append(c)
            }
        }
        throw .syntax
    }

    private mutating func escape() throws(JSONValue.ParseError) -> [UInt8] {
        guard let c = next else { throw .syntax }
        position += 1
        switch c {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [c]
        case UInt8(ascii: "b"): return [8]
        case UInt8(ascii: "f"): return [12]
        case UInt8(ascii: "n"): return [10]
        case UInt8(ascii: "r"): return [13]
        case UInt8(ascii: "t"): return [9]
        case UInt8(ascii: "u"): return Array(String(Character(try unicode())).utf8)
        default: throw .syntax
        }
    }

    /// The scalar of one \uXXXX, or of a surrogate pair.
    private mutating func unicode() throws(JSONValue.ParseError) -> Unicode.Scalar {
        let high = try hex4()
        if let scalar = Unicode.Scalar(high) { return scalar }
        guard (0xd800..<0xdc00).contains(high) else { throw .syntax }
        try expect("\\")
        try expect("u")
        let low = try hex4()
        guard (0xdc00..<0xe000).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (high - 0xd800) << 10 + (low - 0xdc00))
        else { throw .syntax }
        return scalar
    }

    private mutating func hex4() throws(JSONValue.ParseError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let c = next, let digit = Character(Unicode.Scalar(c)).hexDigitValue, c < 0x80 else { throw .syntax }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    private mutating func digits() throws(JSONValue.ParseError) {
        guard let c = next, (0x30...0x39).contains(c) else { throw .syntax }
        while let c = next, (0x30...0x39).contains(c) { position += 1 }
    }

    private mutating func number() throws(JSONValue.ParseError) -> String {
        let start = position
        _ = take("-")
        if !take("0") { try digits() }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits()
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }
}
