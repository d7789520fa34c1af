import NIOCore
import NIOHTTPTypes

/// Cuts off who sends a request, or takes an answer, too slowly: an idle timeout alone is met by one byte a minute.
final class RequestDeadlines: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// How long there is for a head, from the connection or the answer before it; for a body; and for an answer, from the request's end.
    private let head: TimeAmount
    private let body: TimeAmount
    private let answer: TimeAmount
    private var deadline: Scheduled<Void>?

    init(_ limits: ServiceConfiguration.Limits) {
        head = TimeAmount(limits.idle)
        body = TimeAmount(limits.request)
        answer = TimeAmount(limits.answer)
    }

    private func arm(_ time: TimeAmount, _ context: ChannelHandlerContext) {
        deadline?.cancel()
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        arm(head, context)
        // The handshake is over when there is HTTP.
        HandshakeDeadline.lift(context.channel.pipeline)
        if let parent = context.channel.parent { HandshakeDeadline.lift(parent.pipeline) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: arm(body, context)
        case .body: break
        case .end: arm(answer, context)
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .end = unwrapOutboundIn(data) else { return context.write(data, promise: promise) }
        // From when the answer has left, which the client decides.
        let written = promise ?? context.eventLoop.makePromise()
        written.futureResult.assumeIsolated().whenComplete { _ in
            if context.channel.isActive { self.arm(self.head, context) }
        }
        context.write(data, promise: written)
    }
}

/// Closes a connection that has not come through TLS in time.
final class HandshakeDeadline: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    static let name = "handshake deadline"
    private let time: TimeAmount
    private var deadline: Scheduled<Void>?

    init(_ time: TimeAmount) { self.time = time }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    static func lift(_ pipeline: ChannelPipeline) { pipeline.removeHandler(name: name, promise: nil) }
}
