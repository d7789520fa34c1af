import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
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

    static func json(_ value: some Encodable) throws -> Response {
        bytes(try Answers.encode(value), type: "application/json")
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

/// The JSON that the service answers with; the client reads the same shapes.
enum Answers {
    static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return [UInt8](try encoder.encode(value))
    }

    struct ServiceInfo: Encodable {
        let name: String
        let log_key: String
        /// Name and key as a witness's operator names them.
        let service_key: String
        let protocol_version = 1
        let maximal_object: Int
        /// As they stand in a policy file.
        let witnesses: [String]
        /// Absent where co-signatures are appended as they come.
        let mix: Mix?

        let limits: Limits

        struct Limits: Encodable {
            let object_bytes: Int
            let workplace_bytes: Int
            let waiting_statements: Int
            let connections: Int
            let connections_per_network: Int
            let cosignatures_per_tag: Int
            let foundings: Rate
            let statements: Rate
            let objects: Rate
            let requests: Rate

            init(_ limits: ServiceConfiguration.Limits) {
                (object_bytes, workplace_bytes) = (limits.object, limits.stored)
                (waiting_statements, connections) = (limits.queue, limits.connections)
                connections_per_network = limits.connectionsPerNetwork
                cosignatures_per_tag = limits.replacements
                (foundings, statements) = (Rate(limits.foundings), Rate(limits.statements))
                (objects, requests) = (Rate(limits.objects), Rate(limits.requests))
            }
        }

        struct Rate: Encodable {
            let burst: Int
            let per_hour: Int

            init(_ rate: ServiceConfiguration.Rate) {
                (burst, per_hour) = (rate.burst, Int((rate.perSecond * 3600).rounded()))
            }
        }

        struct Mix: Encodable {
            /// Seconds.
            let every: Int
            let at_least: Int
        }
    }

    struct Object: Encodable {
        let id: String
        let kind: UInt8
        let revision: UInt32
        let digest: String
        /// Base64.
        let bytes: String
    }

    struct Objects: Encodable {
        let objects: [Object]
        /// What to ask for after these; absent at the end.
        let next: Int?
    }

    struct Wrap: Codable {
        let member: String
        let epoch: UInt32
        let wrap: String
    }

    struct Wraps: Codable { let wraps: [Wrap] }

    struct Missing: Encodable { let members: [String] }

    struct Names: Encodable { let names: [String] }
}
