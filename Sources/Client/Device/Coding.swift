import CoSigning
import Foundation
import Petitions
import Sodium

// Ids, keys and names as text, because dictionaries in the device's state use them as keys.

extension Bytes32: Codable, CodingKeyRepresentable {
    public init(from decoder: any Decoder) throws { self = try parse(decoder) { Bytes32(hex: $0) } }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hex)
    }

    public var codingKey: any CodingKey { TextKey(hex) }

    public init?(codingKey: some CodingKey) { self.init(hex: codingKey.stringValue) }
}

extension ID: Codable, CodingKeyRepresentable {
    public init(from decoder: any Decoder) throws { self = try parse(decoder) { ID(hex: $0) } }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hex)
    }

    public var codingKey: any CodingKey { TextKey(hex) }

    public init?(codingKey: some CodingKey) { self.init(hex: codingKey.stringValue) }
}

extension LogName: Codable, CodingKeyRepresentable {
    private var text: String {
        switch self {
        case .workplace(let id): "workplace/" + id.hex
        case .petition(let id): "petition/" + id.hex
        }
    }

    private init?(text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let bytes = Bytes32(hex: parts[1]) else { return nil }
        switch parts[0] {
        case "workplace": self = .workplace(ID(bytes))
        case "petition": self = .petition(ID(bytes))
        default: return nil
        }
    }

    public init(from decoder: any Decoder) throws { self = try parse(decoder) { LogName(text: $0) } }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    public var codingKey: any CodingKey { TextKey(text) }

    public init?(codingKey: some CodingKey) { self.init(text: codingKey.stringValue) }
}

extension StoredObject.Name: Codable, CodingKeyRepresentable {
    private var text: String { "\(kind.rawValue)/\(id.hex)" }

    private init?(text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let kind = UInt8(parts[0]).flatMap({ StoredObject.Kind(rawValue: $0) }),
            let id = ID<Object>(hex: parts[1])
        else { return nil }
        self.init(kind, id)
    }

    public init(from decoder: any Decoder) throws { self = try parse(decoder) { StoredObject.Name(text: $0) } }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    public var codingKey: any CodingKey { TextKey(text) }

    public init?(codingKey: some CodingKey) { self.init(text: codingKey.stringValue) }
}

extension Memory: Codable {
    public init(from decoder: any Decoder) throws {
        let data = try decoder.singleValueContainer().decode(Data.self)
        try self.init(decoding: [UInt8](data))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Data(encoding))
    }
}

private struct TextKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ text: String) { stringValue = text }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

private func parse<T>(_ decoder: any Decoder, _ read: (String) -> T?) throws -> T {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let value = read(text) else {
        throw DecodingError.dataCorruptedError(in: container, debugDescription: text)
    }
    return value
}
