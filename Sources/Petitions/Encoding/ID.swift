import Sodium

/// The subject of a workplace's id.
public enum Workplace {}
/// The subject of a petition's id.
public enum Petition {}
/// The subject of an object's id.
public enum Object {}

/// A 32-byte id, typed by its subject so that ids of different subjects cannot be confused.
public struct ID<Subject>: Hashable, Sendable {
    /// The id's 32 bytes.
    public let bytes: Bytes32

    /// Any 32 bytes are an id.
    public init(_ bytes: Bytes32) { self.bytes = bytes }

    /// Nil unless 64 lowercase hexadecimal digits.
    public init?(hex: some StringProtocol) {
        guard let bytes = Bytes32(hex: hex) else { return nil }
        self.init(bytes)
    }

    /// 64 lowercase hexadecimal digits.
    public var hex: String { bytes.hex }
}

extension ID<Petition> {
    /// The id of the petition's document, whose bytes are the petition's own id.
    public var document: ID<Object> { ID<Object>(bytes) }
}
