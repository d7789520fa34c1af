// docs/protocol.md, section 3; C2SP tlog-tiles

import Sodium

/// The address of a tile of a log: 256 hashes of one level, or 256 leaves.
public struct Tile: Sendable, Hashable {
    /// Entries of a full tile.
    public static let width = 256

    /// The content of a tile.
    public enum Kind: Sendable, Hashable {
        /// Hashes of the tree's level 8 * level.
        case hashes(level: Int)
        case entries
    }

    /// The content of a tile.
    public let kind: Kind
    /// The tile's place among those of its kind, from 0.
    public let index: UInt64
    /// 1...256; a tile with fewer than 256 entries is partial.
    public let count: Int

    /// Checks nothing.
    public init(kind: Kind, index: UInt64, count: Int = Tile.width) {
        (self.kind, self.index, self.count) = (kind, index, count)
    }

    /// Parses `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`. Nil for anything that `path` would not produce.
    public init?(path: String) {
        var parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 3, parts.removeFirst() == "tile" else { return nil }
        let first = parts.removeFirst()
        var count = Tile.width
        if parts.count >= 2, parts[parts.count - 2].hasSuffix(".p"), let width = Int(parts[parts.count - 1]) {
            parts.removeLast()
            parts[parts.count - 1].removeLast(2)
            count = width
        }
        var index: UInt64 = 0
        for part in parts {
            guard let digits = UInt64(part.last == nil ? "" : part.replacingX()), digits < 1000, index < 1 << 50 else {
                return nil
            }
            index = index * 1000 + digits
        }
        let kind: Kind
        if first == "entries" {
            kind = .entries
        } else {
            guard let level = Int(first), (0..<64).contains(level) else { return nil }
            kind = .hashes(level: level)
        }
        self.init(kind: kind, index: index, count: count)
        guard (1...Tile.width).contains(count), self.path == path else { return nil }
    }

    /// The tile's path below the log's address.
    public var path: String {
        let prefix =
            switch kind {
            case .entries: "entries"
            case .hashes(let level): "\(level)"
            }
        var groups: [String] = []
        var rest = index
        repeat {
            let digits = String(rest % 1000)
            let group = String(repeating: "0", count: 3 - digits.count) + digits
            groups.insert(groups.isEmpty ? group : "x" + group, at: 0)
            rest /= 1000
        } while rest > 0
        return "tile/\(prefix)/" + groups.joined(separator: "/") + (count < Tile.width ? ".p/\(count)" : "")
    }

    /// The tiles that hold the first `size` leaves.
    public static func entries(upTo size: UInt64) -> [Tile] {
        let full = size / UInt64(width)
        var tiles = (0..<full).map { Tile(kind: .entries, index: $0) }
        let rest = Int(clamping: size % UInt64(width))
        if rest > 0 { tiles.append(Tile(kind: .entries, index: full, count: rest)) }
        return tiles
    }
}

extension String {
    /// "123" for both "x123" and "123"; whether the x belonged there shows when the path is written again.
    fileprivate func replacingX() -> String { hasPrefix("x") ? String(dropFirst()) : self }
}

/// An entries tile's bytes: each leaf, preceded by its length as a big-endian uint16.
public enum EntryBundle {
    /// Encodes the leaves of a tile.
    /// - Parameter leaves: each of at most 65,535 bytes.
    public static func encode(_ leaves: [[UInt8]]) -> [UInt8] {
        leaves.flatMap { [UInt8($0.count >> 8 & 255), UInt8($0.count & 255)] + $0 }
    }

    /// Decodes the leaves of a tile.
    /// - Throws: `LogError.entries` unless there are exactly `count` leaves and nothing more.
    public static func decode(_ bytes: [UInt8], count: Int) throws(LogError) -> [[UInt8]] {
        var leaves: [[UInt8]] = []
        var rest = bytes[...]
        while let high = rest.popFirst() {
            guard let low = rest.popFirst() else { throw .entries }
            let length = Int(high) << 8 | Int(low)
            guard rest.count >= length, leaves.count < count else { throw .entries }
            leaves.append(Array(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        guard leaves.count == count else { throw .entries }
        return leaves
    }
}
