// docs/protocol.md, section 9

import Ristretto
import Sodium

/// One line of a bundle: exactly one object; even a carriage return around it is an error.
enum BundleLine: Sendable {
    enum Log: String, Sendable {
        case workplace
        case petition

        func isNamed(by value: JSONValue?) -> Bool { value?.text?.utf8.elementsEqual(rawValue.utf8) ?? false }
    }

    /// {"log":"...","leaf":"..."}, decoded.
    case leaf(Log, [UInt8])
    case other(JSONValue)

    var value: JSONValue? {
        if case .other(let value) = self { value } else { nil }
    }

    /// Nil if this is not a line of a bundle.
    init?(_ line: ArraySlice<UInt8>) {
        // Nearly all lines are leaves in the spelling of common JSON writers; any other spelling is parsed as JSON.
        if let (log, leaf) = Self.plainLeaf(line) {
            self = .leaf(log, leaf)
            return
        }
        guard line.first == UInt8(ascii: "{"), line.last == UInt8(ascii: "}"),
            let value = try? JSONValue(parsing: Array(line))
        else { return nil }
        guard let members = value.members("log", "leaf") else {
            self = .other(value)
            return
        }
        let logs = [Log.petition, .workplace].filter { $0.isNamed(by: members["log"]) }
        guard let log = logs.first, let leaf = members["leaf"]?.text.flatMap({ Base64.decode($0) }) else { return nil }
        self = .leaf(log, leaf)
    }

    private static func plainLeaf(_ line: ArraySlice<UInt8>) -> (Log, [UInt8])? {
        guard line.suffix(2).elementsEqual([UInt8(ascii: "\""), UInt8(ascii: "}")]),
            // The value's closing quote must not be its opening quote.
            let (log, start) = starts.first(where: { line.starts(with: $0.start) && line.count >= $0.start.count + 2 }),
            let leaf = Base64.decode(published: line.dropFirst(start.count).dropLast(2))
        else { return nil }
        return (log, leaf)
    }

    private static let starts: [(log: Log, start: [UInt8])] = [Log.petition, .workplace].flatMap { log in
        [
            (log, Array("{\"log\":\"\(log.rawValue)\",\"leaf\":\"".utf8)),
            (log, Array("{\"log\": \"\(log.rawValue)\", \"leaf\": \"".utf8)),
        ]
    }
}

/// A bundle's lines in order, each parsed once, on all cores.
struct BundleLines {
    private let lines: [BundleLine]
    private var position = 0

    /// - Throws: `PetitionBundle.Unreadable.format` unless every line is an object and ends in LF.
    init(_ bytes: [UInt8]) throws(PetitionBundle.Unreadable) {
        guard bytes.last == 0x0a else { throw .format }
        var ends: [Int] = []
        bytes.withUnsafeBufferPointer { buffer in
            for (i, byte) in buffer.enumerated() where byte == 0x0a { ends.append(i) }
        }
        let parsed = Cores.map(Array(zip([0] + ends.map { $0 + 1 }, ends))[...], strip: 256) { start, end in
            BundleLine(bytes[start..<end])
        }
        lines = parsed.compactMap { $0 }
        guard lines.count == parsed.count else { throw .format }
    }

    var current: BundleLine? { lines.indices.contains(position) ? lines[position] : nil }

    mutating func advance() { position += 1 }

    mutating func next() -> BundleLine? {
        defer { advance() }
        return current
    }
}
