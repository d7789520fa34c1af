import Foundation
import NIOCore
import Synchronization

/// How many requests come from where, without a record of where. An address's network (24 bits of IPv4, 48 of IPv6) is hashed under a key
/// that only this process has (the standard library's SipHash), to one of a fixed number of buckets; nothing but the buckets' levels is
/// kept, and those in memory only.
final class AddressBuckets: Sendable {
    /// The part of an address that one operator is taken to have.
    struct Address: Hashable {
        private let network: [UInt8]

        /// Nil for this machine's own.
        init?(_ address: SocketAddress) {
            guard let text = address.ipAddress else { return nil }
            var (v4, v6) = (in_addr(), in6_addr())
            let bytes: [UInt8]
            if inet_pton(AF_INET, text, &v4) == 1 {
                bytes = withUnsafeBytes(of: v4) { Array($0) }
            } else if inet_pton(AF_INET6, String(text.prefix { $0 != "%" }), &v6) == 1 {
                let all = withUnsafeBytes(of: v6) { Array($0) }
                let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
                bytes = all.starts(with: mapped) ? Array(all.suffix(4)) : all
            } else {
                return nil
            }
            self.init(bytes)
        }

        /// - Parameter bytes: 4 or 16.
        init?(_ bytes: [UInt8]) {
            let isOwn = bytes.count == 4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
            if isOwn { return nil }
            network = Array(bytes.prefix(bytes.count == 4 ? 3 : 6))
        }
    }

    private struct Bucket {
        var level: Double = 0
        var at: UInt64 = 0
    }

    static let count = 1 << 16

    /// Requests a second that a network may go on sending, and how many at once.
    private let rate: Double
    private let burst: Double
    private let clock: @Sendable () -> UInt64
    private let buckets: Mutex<[Bucket]>

    /// - Parameter clock: milliseconds that never go back.
    init(
        rate: Double, burst: Double,
        clock: @escaping @Sendable () -> UInt64 = { NIODeadline.now().uptimeNanoseconds / 1_000_000 }
    ) {
        (self.rate, self.burst, self.clock) = (rate, burst, clock)
        buckets = Mutex([Bucket](repeating: Bucket(), count: Self.count))
    }

    /// Hasher's key is drawn anew by each process.
    private static func place(of address: Address) -> Int {
        var hasher = Hasher()
        hasher.combine(address)
        return Int(truncatingIfNeeded: hasher.finalize()) & (count - 1)
    }

    /// Takes a request's place, or several.
    /// - Throws: `Refusal.tooMany`.
    func take(_ address: Address?, cost: Double = 1) throws {
        guard let address else { return }
        let place = Self.place(of: address)
        let now = clock()
        let excess = buckets.withLock { buckets in
            var bucket = buckets[place]
            let passed = Double(now >= bucket.at ? now - bucket.at : 0) / 1000
            bucket.level = max(0, bucket.level - passed * rate)
            bucket.at = now
            let excess = bucket.level + cost - burst
            // What is refused costs nothing, or who asks on and on would never come through again.
            if excess <= 0 { bucket.level += cost }
            buckets[place] = bucket
            return excess
        }
        guard excess <= 0 else { throw Refusal.tooMany(seconds: Int((excess / rate).rounded(.up))) }
    }

    /// Charges for what turned out to be worthless. No network is shut out for longer than it takes until one request fits.
    func charge(_ address: Address?, cost: Double) {
        guard let address else { return }
        let place = Self.place(of: address)
        buckets.withLock { $0[place].level = min($0[place].level + cost, burst) }
    }
}
