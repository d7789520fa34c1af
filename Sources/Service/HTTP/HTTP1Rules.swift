// RFC 9112, sections 3.2 and 9.3

import NIOCore
import NIOHTTP1

/// Looks at what of an HTTP/1 head does not come through to the types that both versions share: its version, how often it names a host,
/// and whether the connection goes on.
final class HTTP1Rules: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    struct Head {
        let fault: Refusal?
        let isPersistent: Bool
        let isHTTP10: Bool
    }

    /// Of the head that was passed on last.
    private(set) var newest: Head?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data) {
            let hosts = head.headers["host"].count
            let isHTTP10 = head.version.major == 1 && head.version.minor == 0
            newest = Head(
                fault: hosts > 1 || (hosts == 0 && !isHTTP10) ? .malformed("A request names one host.") : nil,
                isPersistent: head.isKeepAlive, isHTTP10: isHTTP10)
        }
        context.fireChannelRead(data)
    }
}
