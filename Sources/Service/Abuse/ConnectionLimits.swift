import Foundation
import HummingbirdCore
import Logging
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

/// Closes an HTTP/2 connection that has had no stream for a while. Hummingbird's own idle timer asks with a PING and waits for the
/// answer, which somebody who wants to hold the connection does not give.
final class StreamlessDeadline: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    private let time: TimeAmount
    private var streams = 0
    private var deadline: Scheduled<Void>?

    init(_ time: TimeAmount) { self.time = time }

    private func arm(_ channel: any Channel) {
        deadline?.cancel()
        guard streams == 0 else { return }
        deadline = channel.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
    }

    func handlerAdded(context: ChannelHandlerContext) { arm(context.channel) }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    /// - Parameter change: 1 for a stream that begins, -1 for one that has ended.
    fileprivate func count(_ change: Int, _ channel: any Channel) {
        streams += change
        arm(channel)
    }
}

/// Tells its connection that a stream has begun and ended. Where HTTP/1 was chosen, the connection is its own stream to its end.
final class CountedStream: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private var isCounted = false

    func handlerAdded(context: ChannelHandlerContext) {
        isCounted = true
        tell(1, context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(context)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { end(context) }

    private func end(_ context: ChannelHandlerContext) {
        guard isCounted else { return }
        isCounted = false
        tell(-1, context)
    }

    /// A stream runs on its connection's event loop.
    private func tell(_ change: Int, _ context: ChannelHandlerContext) {
        for channel in [context.channel, context.channel.parent].compactMap(\.self) {
            guard channel.eventLoop.inEventLoop,
                let handler = try? channel.pipeline.syncOperations.handler(type: StreamlessDeadline.self)
            else { continue }
            return handler.count(change, channel)
        }
    }
}

/// A channel that is counted, and has deadlines of its own, before anything else.
struct GuardedConnection<Base: ServerChildChannel>: ServerChildChannel {
    let base: Base
    let counter: ConnectionCounter
    /// For TLS and for HTTP/2's connections; nil for plain HTTP/1.
    let time: TimeAmount?

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(CountedConnection(counter))
            guard let time else { return }
            try channel.pipeline.syncOperations.addHandler(HandshakeDeadline(time), name: HandshakeDeadline.name)
            try channel.pipeline.syncOperations.addHandler(StreamlessDeadline(.nanoseconds(time.nanoseconds / 6 * 7)))
        }.flatMap { base.setup(channel: channel, logger: logger) }
    }

    func handle(value: Base.Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}
