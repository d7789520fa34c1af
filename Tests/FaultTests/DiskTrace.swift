import Foundation
import Sodium
import TestSupport

/// What a disk and a client saw of a service, one operation after another.
struct DiskTrace {
    enum Operation {
        case write(String, offset: Int, [UInt8])
        case truncate(String, Int)
        case sync(String)
        case unlink(String)
        /// The beginning of a response.
        case response
    }

    var operations: [Operation]

    init(_ path: String) throws {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path), options: .alwaysMapped))
        var operations: [Operation] = []
        var at = 0
        func number(_ length: Int) throws -> Int {
            guard at + length <= bytes.count else { throw Absent() }
            defer { at += length }
            return bytes[at..<at + length].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        func take(_ length: Int) throws -> [UInt8] {
            guard at + length <= bytes.count else { throw Absent() }
            defer { at += length }
            return Array(bytes[at..<at + length])
        }
        while at < bytes.count {
            let what = try take(1)[0]
            let file = String(decoding: try take(number(4)), as: UTF8.self)
            let offset = try number(8)
            let data = try take(number(4))
            switch what {
            case UInt8(ascii: "W"): operations.append(.write(file, offset: offset, data))
            case UInt8(ascii: "T"): operations.append(.truncate(file, offset))
            case UInt8(ascii: "S"): operations.append(.sync(file))
            case UInt8(ascii: "U"): operations.append(.unlink(file))
            case UInt8(ascii: "R"):
                // Pieces of a response after its head say nothing new, and neither do responses that are not a success.
                if data.starts(with: "HTTP/1.1 2".utf8) { operations.append(.response) }
            default: throw Absent()
            }
        }
        self.operations = operations
    }
}

/// The files of a directory as a power cut leaves them: everything that was synced, and part of the rest, as fate
/// decides.
struct Disk {
    /// What happens to operations that were not synced.
    enum Fate: CaseIterable {
        /// The process was killed but not the machine: everything is there.
        case kept
        /// Nothing is there.
        case dropped
        /// Everything is there, but only half of the last write.
        case torn
        /// The last one is there, those before it are not.
        case reordered
        /// Chance decides for each.
        case scattered
    }

    private var durable: [String: [UInt8]] = [:]
    /// By file, in order; the number is the order across files.
    private var pending: [(file: String, operation: DiskTrace.Operation)] = []

    mutating func apply(_ operation: DiskTrace.Operation) {
        switch operation {
        case .write(let file, _, _), .truncate(let file, _), .unlink(let file): pending.append((file, operation))
        case .sync(let file):
            // Whether a sync covers an operation on a file or in a directory.
            func isSynced(_ entry: (file: String, operation: DiskTrace.Operation)) -> Bool {
                if case .unlink(let path) = entry.operation {
                    return (path as NSString).deletingLastPathComponent == file
                }
                return entry.file == file
            }
            for entry in pending where isSynced(entry) { Self.carry(out: entry.operation, half: false, &durable) }
            pending.removeAll(where: isSynced)
        case .response: break
        }
    }

    private static func carry(out operation: DiskTrace.Operation, half: Bool, _ files: inout [String: [UInt8]]) {
        switch operation {
        case .write(let file, let offset, let data):
            let data = half ? Array(data.prefix(data.count / 2)) : data
            var bytes = files[file] ?? []
            if bytes.count < offset + data.count {
                bytes += [UInt8](repeating: 0, count: offset + data.count - bytes.count)
            }
            bytes.replaceSubrange(offset..<offset + data.count, with: data)
            files[file] = bytes
        case .truncate(let file, let length):
            let bytes = files[file] ?? []
            files[file] =
                bytes.count >= length
                ? Array(bytes.prefix(length)) : bytes + [UInt8](repeating: 0, count: length - bytes.count)
        case .unlink(let file): files[file] = nil
        case .sync, .response: break
        }
    }

    /// - Parameter chance: numbers that decide if the fate is `scattered`.
    func files(_ fate: Fate, _ chance: inout some RandomNumberGenerator) -> [String: [UInt8]] {
        var files = durable
        for (i, entry) in pending.enumerated() {
            let isLast = i == pending.count - 1
            let (happens, half) =
                switch fate {
                case .kept: (true, false)
                case .dropped: (false, false)
                case .torn: (true, isLast)
                case .reordered: (isLast, false)
                case .scattered: (Bool.random(using: &chance), false)
                }
            if happens { Self.carry(out: entry.operation, half: half, &files) }
        }
        return files
    }
}

/// SplitMix64: the same numbers in every run, so that a finding can be reproduced.
struct FixedChance: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
