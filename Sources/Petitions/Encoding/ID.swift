import Sodium

/// What a workplace's id identifies.
public enum Workplace {}
/// What a petition's id identifies.
public enum Petition {}
/// What an object's id identifies.
public enum Object {}

/// A 32-byte id that cannot stand where another subject's id must.
public struct ID<Subject>: Hashable, Sendable {
    public let bytes: Bytes32

    public init(_ bytes: Bytes32) { self.bytes = bytes }

    /// Nil unless 64 lowercase hexadecimal digits.
    public init?(hex: some StringProtocol) {
        guard let bytes = Bytes32(hex: hex) else { return nil }
        self.init(bytes)
    }

    public var hex: String { bytes.hex }
}

extension ID<Petition> {
    /// The petition's document is stored under the petition's own id.
    public var document: ID<Object> { ID<Object>(bytes) }
}
