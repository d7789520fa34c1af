// RFC 6750

import Sodium

/// What the operator gives to people who may found workplaces.
struct FoundingToken: Sendable {
    /// Under a key of this process: a comparison then takes the same time whatever is sent.
    private let digest: Bytes32
    private let key: [UInt8]

    init(_ token: String) {
        key = Random.bytes(32)
        digest = Self.digest(token, key)
    }

    private static func digest(_ token: some StringProtocol, _ key: [UInt8]) -> Bytes32 {
        Domain.digest("founding-token", key, Array(token.utf8))
    }

    /// - Parameter header: the value of Authorization.
    /// - Throws: `Refusal.foundingToken`.
    func check(_ header: String?) throws {
        let scheme = "bearer "
        guard let header, header.lowercased().hasPrefix(scheme),
            Self.digest(header.dropFirst(scheme.count).drop { $0 == " " }, key) == digest
        else { throw Refusal.foundingToken }
    }
}
