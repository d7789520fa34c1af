// C2SP tlog-tiles

import Hummingbird
import MembershipProofs
import NIOCore
import Petitions
import ServiceAPI
import Sodium
import Storage
import TransparencyLog

/// Logs, and what everybody may read of a petition.
struct LogRoutes: Sendable {
    let store: any Store
    let sequencer: Sequencer

    /// Full tiles never change. Partial ones neither, but a cache that kept them would soon be full of them.
    private static let immutable = "public, max-age=31536000, immutable"
    private static let shortly = "public, max-age=60"

    func add(to router: Router<ServiceContext>) {
        for kind in ["workplace", "petition"] {
            router.get("\(kind)/:id/checkpoint") { _, context in
                guard let note = try await store.checkpoint(of: log(kind, context)) else { throw Refusal.noSuchLog }
                return Response.text(note)
            }
            router.get("\(kind)/:id/tile/**") { _, context in
                let rest = context.parameters.getCatchAll().joined(separator: "/")
                guard let tile = Tile(path: "tile/" + rest) else { throw Refusal.malformed("This is no tile's path.") }
                return try await response(tile, of: log(kind, context))
            }
        }
        router.get(.document) { _, context in
            let petition = ID<Petition>(try context.id("petition"))
            guard let workplace = try await store.workplace(of: petition),
                let outline = try await store.outline(.init(.document, petition.document), in: workplace, revision: nil)
            else { throw Refusal.notFound }
            return Response.object(outline, in: workplace, from: store)
        }
        router.get(.names) { _, context in
            let petition = ID<Petition>(try context.id("petition"))
            let due = try await sequencer.petition(petition).namesDue
            guard !due.isEmpty else { return try Response.json(Answers.Names(names: [])) }
            // The names themselves, as base64, and as JSON.
            try await context.exchange.reserve(4 * store.namesLength(of: petition) + 256 * due.count)
            let kept = try await store.sealedNames(of: petition)
            // In the order of their leaves, as bundles have them.
            let names = due.compactMap { due in
                kept[due.tag.encoding].flatMap { due.isMet(by: $0) ? Base64.encode($0) : nil }
            }
            return try Response.json(Answers.Names(names: names))
        }
    }

    private func log(_ kind: String, _ context: ServiceContext) throws -> LogName {
        let subject = try context.id("id")
        return kind == "workplace" ? .workplace(ID(subject)) : .petition(ID(subject))
    }

    /// A tile that was held against the hashes above it, up to the signed checkpoint, when it may be kept for ever.
    private func response(_ tile: Tile, of log: LogName) async throws -> Response {
        let check = TileCheck(store: store, log: log)
        let caching = tile.count == Tile.width ? Self.immutable : Self.shortly
        guard case .entries = tile.kind else {
            guard let bytes = try await store.tile(tile, of: log) else { throw Refusal.notFound }
            try await check.hashes(bytes, of: tile)
            return Response.bytes(bytes, cache: caching)
        }
        let steps = try await check.entries(of: tile)
        var response = Response.bytes([], cache: caching)
        response.body = ResponseBody(contentLength: steps.reduce(0) { $0 + $1.length }) { writer in
            for step in steps {
                try await writer.write(ByteBuffer(bytes: EntryBundle.encode(check.leaves(in: step.places))))
            }
            try await writer.finish(nil)
        }
        return response
    }
}
