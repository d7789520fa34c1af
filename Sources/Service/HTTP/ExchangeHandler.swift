// RFC 9110, RFC 9112

import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Turns the parts of an HTTP/1 connection, or of one HTTP/2 stream, into exchanges, one after the other. Nothing is read while nobody
/// asks for it: a body that is not wanted yet stays in the system's buffers, and with the sender.
final class ExchangeHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private struct Body {
        var bytes: [UInt8]
        let limit: Int
        let promise: EventLoopPromise<[UInt8]>
    }

    /// How many requests a client may send ahead of the answers.
    private static let mostAhead = 32
    /// How long the rest of a request is thrown away that was answered before it had come; without that, closing would take the answer
    /// away from the client (RFC 9112, section 9.6).
    private static let linger = TimeAmount.seconds(2)
    /// Up to this a body that nobody wanted is read to its end, so that the connection can go on.
    private static let worthReading = 256 << 10

    private let exchanges: AsyncStream<Exchange>.Continuation
    /// Nil in an HTTP/2 stream.
    private let http1: HTTP1Rules?
    private let budget: MemoryBudget
    private let loop: any EventLoop
    private var context: ChannelHandlerContext?
    private var current: Exchange?
    /// Whether the current request has come to its end.
    private var hasEnded = true
    private var body: Body?
    /// What came of the body together with the head, before anybody asked.
    private var early: [ByteBuffer] = []
    private var ahead: CircularBuffer<(part: HTTPRequestPart, rules: HTTP1Rules.Head?)> = []
    private var failure: (any Error)?
    private var isPersistent = true
    private var isHTTP10 = false
    private var expectsContinue = false
    private var isQuiescing = false
    /// Whether the current request was answered, and the rest of it is thrown away.
    private var isDraining = false
    private var wantsRead = false
    private var lingering: Scheduled<Void>?

    init(
        _ exchanges: AsyncStream<Exchange>.Continuation, http1: HTTP1Rules?, budget: MemoryBudget, loop: any EventLoop
    ) {
        (self.exchanges, self.http1, self.budget, self.loop) = (exchanges, http1, budget, loop)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        HandshakeDeadline.lift(context.channel.parent?.pipeline ?? context.pipeline)
        HandshakeDeadline.lift(context.pipeline)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    private func end() {
        lingering?.cancel()
        if failure == nil { failure = ConnectionEnded() }
        body?.promise.fail(ConnectionEnded())
        (body, early, ahead, current) = (nil, [], [], nil)
    }

    // MARK: Reading

    private var mayRead: Bool {
        current == nil || body != nil || isDraining || (hasEnded && ahead.isEmpty && failure == nil)
    }

    func read(context: ChannelHandlerContext) {
        if mayRead { context.read() } else { wantsRead = true }
    }

    private func readOn() {
        guard wantsRead, mayRead else { return }
        wantsRead = false
        context?.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        guard current != nil, hasEnded || !ahead.isEmpty else { return take(part, http1?.newest, context) }
        ahead.append((part, http1?.newest))
        if ahead.count > 3 * Self.mostAhead { context.close(promise: nil) }
    }

    private func take(_ part: HTTPRequestPart, _ rules: HTTP1Rules.Head?, _ context: ChannelHandlerContext) {
        switch part {
        case .head(let head): begin(head, rules, context)
        case .body(let buffer):
            guard !isDraining else { return }
            guard var body else { return early.append(buffer) }
            guard body.bytes.count + buffer.readableBytes <= body.limit else {
                self.body = nil
                return body.promise.fail(Refusal.tooLarge(limit: body.limit))
            }
            self.body = nil
            body.bytes.append(contentsOf: buffer.readableBytesView)
            self.body = body
        case .end:
            hasEnded = true
            if let body {
                self.body = nil
                body.promise.succeed(body.bytes)
            }
            if isDraining { next() }
        }
    }

    private func begin(_ head: HTTPRequest, _ rules: HTTP1Rules.Head?, _ context: ChannelHandlerContext) {
        (hasEnded, isDraining, early) = (false, false, [])
        isPersistent = rules?.isPersistent ?? true
        isHTTP10 = rules?.isHTTP10 ?? false
        let expectation = head.headerFields[.expect]?.lowercased()
        expectsContinue = expectation == "100-continue" && !isHTTP10
        let isUnknown = expectation != nil && expectation != "100-continue"
        let exchange = Exchange(
            .init(head: head, fault: rules?.fault ?? (isUnknown ? .expectation : nil)), context.channel, self,
            isMultiplexed: http1 == nil, budget: budget)
        current = exchange
        if case .terminated = exchanges.yield(exchange) { context.close(promise: nil) }
    }

    /// Gives the body once it is there.
    func collect(upTo limit: Int, expecting count: Int) -> EventLoopFuture<[UInt8]> {
        guard let context, failure == nil, body == nil, current != nil else {
            return loop.makeFailedFuture(failure ?? ConnectionEnded())
        }
        let promise = context.eventLoop.makePromise(of: [UInt8].self)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        let parts = early
        early = []
        body = Body(bytes: bytes, limit: limit, promise: promise)
        for part in parts where body != nil { take(.body(part), nil, context) }
        guard body != nil else { return promise.futureResult }
        if hasEnded {
            take(.end(nil), nil, context)
        } else {
            if expectsContinue, parts.isEmpty {
                context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
            readOn()
        }
        return promise.futureResult
    }

    // MARK: Writing

    /// Writes parts of the current response.
    /// - Returns: when the last has left the channel.
    func write(_ parts: [HTTPResponsePart]) -> EventLoopFuture<Void> {
        guard let context, current != nil else { return loop.makeFailedFuture(ConnectionEnded()) }
        let promise = context.eventLoop.makePromise(of: Void.self)
        var isLast = false
        for (i, part) in parts.enumerated() {
            var part = part
            switch part {
            case .head(let head): part = .head(framed(head))
            case .end: isLast = true
            case .body: break
            }
            context.write(wrapOutboundOut(part), promise: i == parts.count - 1 ? promise : nil)
        }
        context.flush()
        guard isLast else { return promise.futureResult }
        return promise.futureResult.assumeIsolatedUnsafeUnchecked().map { self.finished() }.nonisolated()
    }

    private func framed(_ head: HTTPResponse) -> HTTPResponse {
        var head = head
        guard http1 != nil, let current else { return head }
        let isWorthReading = hasEnded || (current.contentLength ?? .max) <= Self.worthReading
        isPersistent =
            isPersistent && !isQuiescing && failure == nil && isWorthReading && !current.endsConnection
            && head.headerFields[.connection] != "close"
        if !isPersistent { head.headerFields[.connection] = "close" }
        if isPersistent, isHTTP10 { head.headerFields[.connection] = "keep-alive" }
        return head
    }

    /// The response has left.
    private func finished() {
        guard let context, let current else { return }
        if current.endsConnection, let connection = http1 == nil ? context.channel.parent : nil {
            connection.eventLoop.scheduleTask(in: .milliseconds(100)) { connection.close(promise: nil) }
        }
        if hasEnded { return next() }
        isDraining = true
        early = []
        if http1 != nil, !isPersistent { context.close(mode: .output, promise: nil) }
        let channel = context.channel
        lingering = context.eventLoop.scheduleTask(in: Self.linger) { channel.close(promise: nil) }
        readOn()
    }

    private func next() {
        lingering?.cancel()
        guard let context else { return }
        guard http1 != nil else { return }
        guard isPersistent, failure == nil else { return context.close(promise: nil) }
        (current, isDraining, early) = (nil, false, [])
        while current == nil || !hasEnded, let (part, rules) = ahead.popFirst() { take(part, rules, context) }
        if isQuiescing, current == nil { return context.close(promise: nil) }
        readOn()
    }

    // MARK: Ends

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard http1 != nil, failure == nil, context.channel.isActive else { return context.close(promise: nil) }
        let refusal: Refusal
        switch error {
        case HTTPParserError.invalidEOFState: return context.close(promise: nil)
        case HTTPParserError.invalidMethod: refusal = .unknownMethod
        case is HTTPParserError, is HTTP1TypeConversionError: refusal = .malformed("The request's framing is broken.")
        default: return context.close(promise: nil)
        }
        failure = refusal
        guard current == nil else {
            // If somebody reads the body, they answer. If the rest is thrown away, or was sent ahead, nothing is sent.
            if let body {
                self.body = nil
                body.promise.fail(refusal)
            }
            if isDraining { context.close(promise: nil) }
            return
        }
        let head = HTTPResponse(
            status: refusal.words.status, headerFields: [.connection: "close", .contentLength: "0"])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            // What is still on its way is read first, or closing would take the answer away.
            channel.eventLoop.scheduleTask(in: .milliseconds(100)) { channel.close(promise: nil) }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed where http1 != nil:
            // Whoever has sent a whole request and nothing after it still gets the answer.
            isPersistent = false
            if let body, !hasEnded {
                self.body = nil
                body.promise.fail(ConnectionEnded())
            }
            if current == nil || isDraining || !hasEnded { context.close(promise: nil) }
        case is ChannelShouldQuiesceEvent where http1 != nil:
            isQuiescing = true
            if current == nil { context.close(promise: nil) }
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }
}
