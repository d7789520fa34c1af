import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceAPI
import Synchronization

extension Response {
    static func text(_ text: String, type: String = "text/plain; charset=utf-8", cache: String? = nil) -> Response {
        bytes(Array(text.utf8), type: type, cache: cache)
    }

    static func bytes(_ bytes: [UInt8], type: String = "application/octet-stream", cache: String? = nil) -> Response {
        var headers: HTTPFields = [.contentType: type]
        if let cache { headers[.cacheControl] = cache }
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// A large answer: its bytes count against `memory` until they have left, and go out piece by piece, each when the connection
    /// has taken the one before.
    /// - Throws: `Refusal.busy`.
    static func bytes(
        _ bytes: [UInt8], within memory: AnswerMemory, type: String = "application/octet-stream", cache: String? = nil
    ) throws -> Response {
        guard bytes.count > AnswerMemory.piece else { return .bytes(bytes, type: type, cache: cache) }
        guard let place = memory.take(bytes.count) else { throw Refusal.busy }
        var response = Response.bytes([], type: type, cache: cache)
        response.body = ResponseBody(contentLength: bytes.count) { writer in
            defer { withExtendedLifetime(place) {} }
            for start in stride(from: 0, to: bytes.count, by: AnswerMemory.piece) {
                try await writer.write(ByteBuffer(bytes: bytes[start..<min(start + AnswerMemory.piece, bytes.count)]))
            }
            try await writer.finish(nil)
        }
        return response
    }

    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        var response = bytes(try Answers.encode(value), type: "application/json")
        response.status = status
        return response
    }

    static var noContent: Response { Response(status: .noContent) }
}

/// How many bytes of large answers wait to leave, so that who asks and does not read cannot fill the memory.
final class AnswerMemory: Sendable {
    /// Answers up to this are not counted.
    static let piece = 64 << 10

    private let most: Int
    private let taken = Mutex(0)

    init(most: Int) { self.most = most }

    /// - Returns: a place that is given back when it ends; nil when there is no room.
    func take(_ count: Int) -> Place? {
        let isFree = taken.withLock { taken in
            guard taken + count <= most else { return false }
            taken += count
            return true
        }
        return isFree ? Place(self, count) : nil
    }

    final class Place: Sendable {
        private let memory: AnswerMemory
        private let count: Int

        fileprivate init(_ memory: AnswerMemory, _ count: Int) { (self.memory, self.count) = (memory, count) }

        deinit { memory.taken.withLock { $0 -= count } }
    }
}

extension Answers {
    static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return [UInt8](try encoder.encode(value))
    }
}

extension Answers.Limits {
    init(_ limits: ServiceConfiguration.Limits) {
        func rate(_ rate: ServiceConfiguration.Rate) -> Answers.Rate {
            .init(burst: rate.burst, per_hour: Int((rate.perSecond * 3600).rounded()))
        }
        self.init(
            object_bytes: limits.object, workplace_bytes: limits.stored, waiting_statements: limits.queue,
            connections: limits.connections, connections_per_network: limits.connectionsPerNetwork,
            cosignatures_per_tag: limits.replacements, foundings: rate(limits.foundings),
            statements: rate(limits.statements), objects: rate(limits.objects), requests: rate(limits.requests))
    }
}
