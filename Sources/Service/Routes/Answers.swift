import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Petitions
import ServiceAPI
import Sodium
import Storage

extension Response {
    static func text(_ text: String, type: String = "text/plain; charset=utf-8", cache: String? = nil) -> Response {
        bytes(Array(text.utf8), type: type, cache: cache)
    }

    static func bytes(_ bytes: [UInt8], type: String = "application/octet-stream", cache: String? = nil) -> Response {
        var headers: HTTPFields = [.contentType: type]
        if let cache { headers[.cacheControl] = cache }
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        var response = bytes(try Answers.encode(value), type: "application/json")
        response.status = status
        return response
    }

    /// An object's revision, read from the store as it leaves.
    static func object(_ object: ObjectOutline, in workplace: ID<Workplace>, from store: any Store) -> Response {
        var response = bytes([])
        response.body = ResponseBody(contentLength: object.length) { writer in
            try await ObjectListing.pieces(of: object, in: workplace, from: store) { piece in
                try await writer.write(ByteBuffer(bytes: piece))
            }
            try await writer.finish(nil)
        }
        return response
    }

    static var noContent: Response { Response(status: .noContent) }
}

/// A list of objects as JSON, whose length is known before a byte of them is read: one piece of one object is in memory at a time.
struct ObjectListing: Sendable {
    let entries: [ObjectOutline]
    let next: Int?

    /// A multiple of three, so that the pieces' base64 is that of the whole.
    private static let piece = 24 << 10

    private var start: String { (next.map { "{\"next\":\($0)," } ?? "{") + "\"objects\":[" }
    private static let end = "]}"

    private func opening(_ i: Int) -> String { i == 0 ? "{\"bytes\":\"" : ",{\"bytes\":\"" }

    private func closing(_ entry: ObjectOutline) -> String {
        "\",\"id\":\"\(entry.name.id.hex)\",\"kind\":\(entry.name.kind.rawValue),\"revision\":\(entry.revision)}"
    }

    private var length: Int {
        entries.enumerated().reduce(start.utf8.count + Self.end.utf8.count) { sum, next in
            let (i, entry) = next
            return sum + opening(i).utf8.count + (entry.length + 2) / 3 * 4 + closing(entry).utf8.count
        }
    }

    func response(_ workplace: ID<Workplace>, from store: any Store) -> Response {
        var response = Response.bytes([], type: "application/json")
        response.body = ResponseBody(contentLength: length) { writer in
            try await writer.write(ByteBuffer(string: start))
            for (i, entry) in entries.enumerated() {
                try await writer.write(ByteBuffer(string: opening(i)))
                try await Self.pieces(of: entry, in: workplace, from: store) { piece in
                    try await writer.write(ByteBuffer(string: Base64.encode(piece)))
                }
                try await writer.write(ByteBuffer(string: closing(entry)))
            }
            try await writer.write(ByteBuffer(string: Self.end))
            try await writer.finish(nil)
        }
        return response
    }

    /// Reads a revision piece by piece.
    /// - Throws: `StorageError.damaged` when it is another than its outline says; then the response ends before its length.
    static func pieces(
        of object: ObjectOutline, in workplace: ID<Workplace>, from store: any Store,
        _ use: ([UInt8]) async throws -> Void
    ) async throws {
        for start in stride(from: 0, to: object.length, by: piece) {
            let range = start..<min(start + piece, object.length)
            guard let bytes = try await store.piece(of: object, in: workplace, bytes: range), bytes.count == range.count
            else { throw StorageError.damaged }
            try await use(bytes)
        }
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
