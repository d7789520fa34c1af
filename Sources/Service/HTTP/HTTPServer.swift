import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOHTTPTypesHTTP1
import NIOHTTPTypesHTTP2
import NIOSSL
import NIOTLS

/// Connections of HTTP/1.1, and of HTTP/2 where TLS is spoken, and the exchanges that come over them. Slow clients are cut off.
struct HTTPServer: ServerChildChannel {
    struct Value: ServerChildChannelValue {
        let channel: any Channel
        let exchanges: AsyncStream<Exchange>
    }

    /// Streams of one HTTP/2 connection at a time, and what one of them may send before somebody reads it. Both are memory that each
    /// connection can ask for.
    private static let streams = 8
    private static let window = 32 << 10
    /// What is read of a connection at once.
    private static let portion = 16 << 10

    private let limits: ServiceConfiguration.Limits
    private let tls: NIOSSLContext?
    private let budget: MemoryBudget
    private let counter: ConnectionCounter
    private let answer: @Sendable (Exchange) async -> Void

    /// - Parameter answer: answers one exchange, whatever becomes of it.
    init(
        _ limits: ServiceConfiguration.Limits, _ certificates: Certificates?, budget: MemoryBudget,
        answer: @escaping @Sendable (Exchange) async -> Void
    ) throws {
        (self.limits, self.budget, self.answer) = (limits, budget, answer)
        counter = ConnectionCounter(most: limits.connectionsPerNetwork)
        tls = try certificates.map { certificates in
            var configuration = certificates.configuration
            configuration.applicationProtocols = NIOHTTP2SupportedALPNProtocols
            return try NIOSSLContext(configuration: configuration)
        }
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let (exchanges, continuation) = AsyncStream.makeStream(of: Exchange.self)
            channel.closeFuture.whenComplete { _ in continuation.finish() }
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(CountedConnection(counter))
            try channel.syncOptions?.setOption(
                .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Self.portion))
            try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
            guard let tls else {
                try addHTTP1(to: channel, continuation)
                return Value(channel: channel, exchanges: exchanges)
            }
            try pipeline.addHandler(HandshakeDeadline(TimeAmount(limits.idle)), name: HandshakeDeadline.name)
            try pipeline.addHandler(NIOSSLServerHandler(context: tls))
            try pipeline.addHandler(
                ApplicationProtocolNegotiationHandler { result, channel in
                    channel.eventLoop.makeCompletedFuture {
                        if case .negotiated("h2") = result {
                            try addHTTP2(to: channel, continuation)
                        } else {
                            try addHTTP1(to: channel, continuation)
                        }
                    }
                })
            return Value(channel: channel, exchanges: exchanges)
        }
    }

    private func addHTTP1(to channel: any Channel, _ exchanges: AsyncStream<Exchange>.Continuation) throws {
        var decoding = NIOHTTPDecoderLimitConfiguration()
        (decoding.maxHeaderFieldSize, decoding.maxHeaderListSize, decoding.maxHeaderFieldCount) = (
            16 << 10, 32 << 10, 100
        )
        let pipeline = channel.pipeline.syncOperations
        try pipeline.configureHTTPServerPipeline(
            withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: false,
            withEncoderConfiguration: .init(), withDecoderLimitConfiguration: decoding)
        let rules = HTTP1Rules()
        try pipeline.addHandlers([
            rules, HTTP1ToHTTPServerCodec(secure: false), RequestDeadlines(limits),
            ExchangeHandler(exchanges, http1: rules, budget: budget, loop: channel.eventLoop),
        ])
    }

    private func addHTTP2(to channel: any Channel, _ exchanges: AsyncStream<Exchange>.Continuation) throws {
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: Self.streams),
            HTTP2Setting(parameter: .initialWindowSize, value: Self.window),
            HTTP2Setting(parameter: .maxHeaderListSize, value: 32 << 10),
        ]
        var stream = NIOHTTP2Handler.StreamConfiguration()
        stream.targetWindowSize = Self.window
        // Ten seconds longer than a stream may be idle.
        let warden = HTTP2Warden(.nanoseconds(TimeAmount(limits.idle).nanoseconds / 6 * 7), mostStreams: Self.streams)
        let bound = NIOLoopBound(warden, eventLoop: channel.eventLoop)
        let pipeline = channel.pipeline.syncOperations
        _ = try pipeline.configureHTTP2Pipeline(
            mode: .server, connectionConfiguration: connection, streamConfiguration: stream,
            streamDelegate: HTTP2Warden.Delegate(warden: bound, connection: channel)
        ) { channel in
            channel.eventLoop.makeCompletedFuture {
                guard bound.value.mayBegin else { return }
                try channel.pipeline.syncOperations.addHandlers([
                    HTTP2FramePayloadToHTTPServerCodec(), RequestDeadlines(limits),
                    ExchangeHandler(exchanges, http1: nil, budget: budget, loop: channel.eventLoop),
                ])
            }
        }
        try pipeline.addHandler(warden)
    }

    func handle(value: Value, logger: Logger) async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for await exchange in value.exchanges {
                    group.addTask { await answer(exchange) }
                }
            }
        } onCancel: {
            value.channel.close(promise: nil)
        }
    }
}
