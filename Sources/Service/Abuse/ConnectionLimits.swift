import NIOCore
import Synchronization

/// How many connections one network has, so that it cannot have them all. Networks as in `AddressBuckets`: counters in memory under a
/// key of the process, and no address.
final class ConnectionCounter: Sendable {
    private let most: Int
    private let counts = Mutex<[Int: Int]>([:])

    init(most: Int) { self.most = most }

    /// - Returns: a place that is given back when it ends; nil when the network has as many as it may. This machine's own are not
    ///   counted.
    func enter(_ address: SocketAddress?) -> Place? {
        guard let address = address.flatMap({ AddressBuckets.Address($0) }) else { return Place(self, nil) }
        var hasher = Hasher()
        hasher.combine(address)
        let key = hasher.finalize()
        let isFree = counts.withLock { counts in
            guard counts[key, default: 0] < most else { return false }
            counts[key, default: 0] += 1
            return true
        }
        return isFree ? Place(self, key) : nil
    }

    private func leave(_ key: Int) {
        counts.withLock { counts in
            let left = (counts[key] ?? 1) - 1
            counts[key] = left > 0 ? left : nil
        }
    }

    final class Place: Sendable {
        private let counter: ConnectionCounter
        private let key: Int?

        fileprivate init(_ counter: ConnectionCounter, _ key: Int?) { (self.counter, self.key) = (counter, key) }

        deinit { if let key { counter.leave(key) } }
    }
}

/// Counts a connection from its beginning to its end, and closes one that is too many.
final class CountedConnection: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    private let counter: ConnectionCounter
    private var place: ConnectionCounter.Place?

    init(_ counter: ConnectionCounter) { self.counter = counter }

    func handlerAdded(context: ChannelHandlerContext) {
        place = counter.enter(context.channel.remoteAddress)
        if place == nil { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        place = nil
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { place = nil }
}
