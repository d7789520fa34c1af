import Foundation
import Sodium

/// Known answers made by an independent implementation of the protocol.
public enum Vectors {
    public static let directory = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Vectors")

    public static func load<T: Decodable>(_ name: String, as type: T.Type = T.self) throws -> T {
        try JSONDecoder().decode(T.self, from: Data(contentsOf: directory.appending(path: name + ".json")))
    }

    public static func bundle(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: directory.appending(path: "bundles/\(name).rrbundle")))
    }
}

/// Bytes that a vector contains as hexadecimal.
public struct HexBytes: Decodable, Sendable, Hashable {
    public let bytes: [UInt8]

    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let bytes = Hex.decode(text) else {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "not hex"))
        }
        self.bytes = bytes
    }

    public var bytes32: Bytes32 { Bytes32(bytes)! }
    public var secret: SecretBytes { SecretBytes(bytes32) }
}

extension Array where Element == UInt8 {
    /// Every way to flip one bit; if `sparse`, only one bit of each byte.
    public func flips(sparse: Bool = true) -> [[UInt8]] {
        indices.flatMap { i -> [[UInt8]] in
            (0..<8).compactMap { bit in
                if sparse, bit != i % 8 { return nil }
                var copy = self
                copy[i] ^= 1 << UInt8(bit)
                return copy
            }
        }
    }
}

/// `#require` for values that cannot be copied.
public func unwrap<T: ~Copyable>(_ value: consuming T?) throws -> T {
    guard let value else { throw Absent() }
    return value
}

public struct Absent: Error {
    public init() {}
}
