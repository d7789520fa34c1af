import NIOCore
import NIOPosix

/// HTTP as it is typed, over a connection of its own.
enum RawConnection {
    /// Gathers what comes until the other side closes, and says something more when a part of it has come.
    private final class Gatherer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private var all = ByteBuffer()
        private var reply: (marker: String, text: String)?
        private let done: EventLoopPromise<String>

        init(_ done: EventLoopPromise<String>, _ reply: (marker: String, text: String)?) {
            (self.done, self.reply) = (done, reply)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var buffer = unwrapInboundIn(data)
            all.writeBuffer(&buffer)
            guard let reply, String(buffer: all).contains(reply.marker) else { return }
            self.reply = nil
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: reply.text)), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { done.succeed(String(buffer: all)) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    /// Sends bytes over a connection of its own, and more once `marker` has come.
    /// - Returns: what came until the service closed.
    static func talk(
        to port: Int, _ text: String, until marker: String? = nil, thenSending rest: String = ""
    ) async throws -> String {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let done = loop.makePromise(of: String.self)
        let channel = try await ClientBootstrap(group: loop).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(Gatherer(done, marker.map { ($0, rest) }))
            }
        }.connect(host: "127.0.0.1", port: port).get()
        channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
        return try await done.futureResult.get()
    }
}
