import Hummingbird
import HummingbirdCore
import HummingbirdHTTP2
import NIOCore

extension PetitionService {
    /// HTTP/1.1, and HTTP/2 with TLS. Who is slow is cut off.
    static func server(
        _ limits: ServiceConfiguration.Limits, _ certificates: Certificates?
    ) throws -> HTTPServerBuilder {
        let idle = TimeAmount(limits.idle)
        let http1 = HTTP1Channel.Configuration(
            additionalChannelHandlers: [RequestDeadlines(limits), CountedStream()], idleTimeout: idle,
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100))
        let counter = ConnectionCounter(most: limits.connectionsPerNetwork)
        guard let tls = certificates?.configuration else {
            return HTTPServerBuilder { responder in
                GuardedConnection(
                    base: HTTP1Channel(responder: responder, configuration: http1), counter: counter, time: nil)
            }
        }
        return HTTPServerBuilder { responder in
            GuardedConnection(
                base: try HTTP2UpgradeChannel(
                    tlsConfiguration: tls, configuration: .init(idleTimeout: limits.idle, streamConfiguration: http1),
                    responder: responder), counter: counter, time: idle)
        }
    }
}
