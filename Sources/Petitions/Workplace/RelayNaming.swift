// docs/protocol.md, section 4, type 13

import Sodium

/// The relays through which members reach the service without showing it their address.
public struct RelayNaming: Hashable, Sendable {
    /// At most 8 distinct addresses of printable ASCII, each beginning with https:// or http://.
    public let urls: [String]
    /// Digest("gateway", the service's Oblivious HTTP key configuration); zeros exactly if there are no relays.
    public let gateway: Bytes32

    static let mostRelays = 8

    /// A naming that keeps the rules for relays.
    /// - Throws: `RuleViolation.relay`.
    public init(urls: [String], gateway: Bytes32) throws(RuleViolation) {
        guard urls.count <= Self.mostRelays, urls.isEmpty == gateway.isZero else { throw .relay }
        for (i, url) in urls.enumerated() {
            guard (1...255).contains(url.utf8.count), url.utf8.allSatisfy({ (0x21...0x7e).contains($0) }),
                ["https://", "http://"].contains(where: { url.utf8.starts(with: $0.utf8) }),
                !urls[..<i].contains(url)
            else { throw .relay }
        }
        (self.urls, self.gateway) = (urls, gateway)
    }

    init(_ reader: inout ByteReader) throws(RuleViolation) {
        var urls: [String] = []
        for _ in 0..<(try reader.uint8()) {
            // Bytes that are not ASCII become replacement characters here, which are not ASCII either, and are
            // rejected.
            urls.append(String(decoding: try reader.vector8(1...255), as: UTF8.self))
        }
        try self.init(urls: urls, gateway: try reader.bytes32())
    }

    var encoding: [UInt8] {
        var writer = ByteWriter()
        writer.append(UInt8(clamping: urls.count))
        for url in urls { writer.vector8(Array(url.utf8)) }
        writer.append(gateway)
        return writer.bytes
    }
}

extension WorkplaceLog {
    /// The relays that were named below `size`; nil if none had been named.
    public func relays(at size: Int) -> RelayNaming? { relayNamings.last(where: { $0.leaf < size })?.naming }
}
