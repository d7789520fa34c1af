// RFC 9113

import NIOCore
import NIOHTTP2

/// Ends an HTTP/2 connection that has had no stream for a while, whatever it answers to a PING, and lets one go when the service stops.
/// Floods of frames are cut off by NIOHTTP2.
final class HTTP2Warden: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias InboundOut = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private let time: TimeAmount
    private let mostStreams: Int
    private var context: ChannelHandlerContext?
    private var streams = 0
    private var deadline: Scheduled<Void>?
    private var isQuiescing = false

    /// - Parameter mostStreams: at a time. Until a client has confirmed the settings NIOHTTP2 would let it have more.
    init(_ time: TimeAmount, mostStreams: Int) { (self.time, self.mostStreams) = (time, mostStreams) }

    /// Whether a stream that has just begun may go on.
    var mayBegin: Bool { streams < mostStreams }

    /// Hears of streams on the connection's event loop.
    struct Delegate: NIOHTTP2StreamDelegate {
        let warden: NIOLoopBound<HTTP2Warden>
        let connection: any Channel

        func streamCreated(_ id: HTTP2StreamID, channel: any Channel) { warden.value.begin(id, connection) }
        func streamClosed(_ id: HTTP2StreamID, channel: any Channel) { warden.value.count(-1, connection) }
    }

    private func begin(_ id: HTTP2StreamID, _ connection: any Channel) {
        count(1, connection)
        guard streams > mostStreams else { return }
        let reset = HTTP2Frame(streamID: id, payload: .rstStream(.refusedStream))
        context?.writeAndFlush(wrapOutboundOut(reset), promise: nil)
    }

    private func count(_ change: Int, _ connection: any Channel) {
        streams += change
        if isQuiescing, streams == 0 { return connection.close(promise: nil) }
        arm(connection)
    }

    private func arm(_ connection: any Channel) {
        deadline?.cancel()
        guard streams == 0 else { return }
        deadline = connection.eventLoop.scheduleTask(in: time) { connection.close(promise: nil) }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        HandshakeDeadline.lift(context.pipeline)
        arm(context.channel)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            isQuiescing = true
            guard streams > 0 else { return context.close(promise: nil) }
            let goAway = HTTP2Frame.FramePayload.goAway(lastStreamID: .maxID, errorCode: .noError, opaqueData: nil)
            context.writeAndFlush(wrapOutboundOut(HTTP2Frame(streamID: .rootStream, payload: goAway)), promise: nil)
        case ChannelEvent.inputClosed: context.close(promise: nil)
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
