import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes
import Synchronization

/// The client has gone, or its stream was cancelled: nobody waits for an answer, and nothing has failed.
struct ConnectionEnded: Error {}

/// One request and its response, on an HTTP/1 connection or in an HTTP/2 stream. The body is read when it is asked for and not before.
/// Guards what the exchange holds of the memory budget.
final class Exchange: Sendable {
    /// What is known of a request when its head has come.
    struct Opening {
        let head: HTTPRequest
        /// What keeps it from being served, by its head alone.
        let fault: Refusal?
    }

    let head: HTTPRequest
    let fault: Refusal?
    /// Bytes of the body, if the client says so.
    let contentLength: Int?
    /// Where the connection comes from; nil for a proxy or Tor on this machine, behind which everybody is alike.
    let remoteAddress: AddressBuckets.Address?
    /// Whether the connection is not this exchange's alone.
    let isMultiplexed: Bool
    private let channel: any Channel
    private let handler: NIOLoopBound<ExchangeHandler>
    private let budget: MemoryBudget

    private struct State {
        var places: [MemoryBudget.Place] = []
        var bodyPlace: MemoryBudget.Place?
        var endsConnection = false
    }

    private let state = Mutex(State())
    /// Whether there was room for it at all.
    let isAdmitted: Bool

    init(
        _ opening: Opening, _ channel: any Channel, _ handler: ExchangeHandler, isMultiplexed: Bool,
        budget: MemoryBudget
    ) {
        (head, self.channel, self.isMultiplexed, self.budget) = (opening.head, channel, isMultiplexed, budget)
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
        let length = head.headerFields[.contentLength]
        contentLength = length.flatMap { Int($0) }
        fault =
            opening.fault
            ?? (length != nil && contentLength.map { $0 >= 0 } != true
                ? .malformed("Content-Length is no number of bytes.") : nil)
        // Now: a connection that is closed has no address any more, and would be charged for nothing.
        remoteAddress = (channel.remoteAddress ?? channel.parent?.remoteAddress).flatMap { AddressBuckets.Address($0) }
        let place = budget.reserve(MemoryBudget.floor)
        isAdmitted = place != nil
        if let place { state.withLock { $0.places.append(place) } }
    }

    /// Whether somebody still waits for the answer.
    var isWaitedFor: Bool { channel.isActive }

    /// As it is routed: HEAD is GET without the content (RFC 9110, section 9.3.2).
    var request: Request {
        var routed = head
        if routed.method == .head { routed.method = .get }
        return Request(head: routed, body: .init(buffer: ByteBuffer()))
    }

    /// Takes room for something that is going to be built, until the response has left.
    /// - Throws: `Refusal.busy`.
    func reserve(_ count: Int) throws {
        guard let place = budget.reserve(count) else { throw Refusal.busy }
        state.withLock { $0.places.append(place) }
    }

    /// Reads the body, into room that is taken first. A body without a length takes what the route allows.
    /// - Parameter weight: how many times the body's bytes are in memory while it is worked on.
    /// - Throws: `Refusal`, before anything is read if the head says enough; `ConnectionEnded`.
    func body(upTo limit: Int, weight: Int = 3) async throws -> [UInt8] {
        let expected = contentLength ?? limit
        guard expected <= limit else { throw Refusal.tooLarge(limit: limit) }
        if expected > 0 {
            guard let place = budget.reserve(expected * weight) else { throw Refusal.busy }
            state.withLock { $0.bodyPlace = place }
        }
        let reserved = contentLength ?? 0
        return try await channel.eventLoop.flatSubmit { [handler] in
            handler.value.collect(upTo: limit, expecting: reserved)
        }.get()
    }

    /// Lets the connection go, with all its streams, when the response has left.
    func endConnection() { state.withLock { $0.endsConnection = true } }

    var endsConnection: Bool { state.withLock { $0.endsConnection } }

    /// Writes the response, piece by piece, each when the channel has got rid of the one before, and then gives back what the exchange
    /// held.
    func send(_ response: Response) async throws {
        // The request has been dealt with; only the response is still held.
        state.withLock { $0.bodyPlace = nil }
        let writer = PacedWriter(head: response.head) { [channel, handler] parts in
            try await channel.eventLoop.flatSubmit { handler.value.write(parts) }.get()
        }
        if head.method == .head || response.status == .noContent {
            try await writer.finish(nil)
        } else {
            try await response.body.write(writer)
        }
        end()
    }

    /// Closes the channel without an answer.
    func abandon() {
        channel.close(promise: nil)
        end()
    }

    private func end() {
        state.withLock { ($0.places, $0.bodyPlace) = ([], nil) }
    }
}

/// Writes a body in pieces of one size, of which one at a time waits in the channel.
private struct PacedWriter: ResponseBodyWriter {
    static let piece = 32 << 10

    private var parts: [HTTPResponsePart]
    private var count = 0
    private let flush: @Sendable ([HTTPResponsePart]) async throws -> Void

    init(head: HTTPResponse, flush: @escaping @Sendable ([HTTPResponsePart]) async throws -> Void) {
        (parts, self.flush) = ([.head(head)], flush)
    }

    mutating func write(_ buffer: ByteBuffer) async throws {
        var buffer = buffer
        while let piece = buffer.readSlice(length: min(buffer.readableBytes, Self.piece)), piece.readableBytes > 0 {
            parts.append(.body(piece))
            count += piece.readableBytes
            guard count >= Self.piece else { continue }
            try await flush(parts)
            (parts, count) = ([], 0)
        }
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
        try await flush(parts + [.end(trailingHeaders)])
    }
}

/// What a route knows of its request beside the request.
struct ServiceContext: RequestContext {
    struct Source: RequestContextSource {
        let exchange: Exchange
        let logger: Logger
    }

    var coreContext: CoreRequestContextStorage
    let exchange: Exchange

    init(source: Source) {
        coreContext = .init(source: source)
        exchange = source.exchange
    }
}
