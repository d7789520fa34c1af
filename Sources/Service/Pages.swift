import Foundation
import HTTPTypes
import Hummingbird
import MembershipProofs
import NIOCore
import Petitions
import Sodium
import Templates

/// The pages that people open in a browser. They set no cookie, and load nothing from anywhere. Only one has a script: the page that does
/// what the program does, `/app`, whose bytes are the same for everybody.
struct Pages: Sendable {
    typealias Context = ServiceContext

    private let templates: PageTemplates
    private let texts: [Language: Messages]
    private let policy: String
    /// The page of `/app`; nil where this installation has none.
    let app: BrowserPage?

    /// - Parameter directory: of the templates.
    init(directory: String) throws(TemplateError) {
        templates = try PageTemplates(directory: directory)
        var texts: [Language: Messages] = [:]
        for language in Language.allCases { texts[language] = try Messages(language, directory: directory) }
        self.texts = texts
        // The one style sheet stands in the page itself, and is named by its hash (CSP Level 3, section 6.7.2.3).
        let hash = Base64.encode(SHA256.hash(Array(templates.style.utf8)).bytes)
        policy =
            "default-src 'none'; style-src 'sha256-\(hash)'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        app = try BrowserPage.find(besideTemplates: directory)
    }

    /// What is open to the world about a petition, by its unguessable address.
    struct Facts: Sendable {
        let id: ID<Petition>
        let manifest: Manifest
        let cosignatures: Int
        let withdrawn: Int
        let ring: Int
        let eligible: UInt32
        let isClosed: Bool
        let released: Int
        let records: Int

        init(_ log: PetitionLog, in workplace: WorkplaceLog) {
            (id, manifest, cosignatures) = (log.id, log.manifest, log.cosignatures)
            withdrawn = log.tags.count - log.cosignatures
            (ring, eligible) = (log.ring.count, log.eligible(in: workplace))
            (isClosed, released, records) = (log.closure != nil, log.released[0].count, log.records.count)
        }
    }

    func add(to router: Router<Context>, facts: @escaping @Sendable (ID<Petition>) async throws -> Facts?) {
        router.get("/") { request, _ in try page("page-home", request, ["app": app != nil]) { $0("page-home.title") } }
        // Both languages on one page: a link to the other would lose the secret part of the address.
        router.get("join") { request, _ in
            try page(
                "page-join", request, switches: false,
                values: { first in
                    ["sections": [first, texts[first.language.other] ?? first].map { section(of: $0, first) }]
                }
            ) { $0("page-join.title") }
        }
        router.get("verify") { request, _ in
            let address = Self.address(request.head.authority)
            return try page("page-verify", request, ["address": address, "app": app?.digest as Any]) {
                $0("page-verify.title")
            }
        }
        router.get("app") { _, _ in try appResponse() }
        // The same as a file to keep, and to pass on.
        router.get(RouterPath(BrowserPage.name)) { _, _ in
            var response = try appResponse()
            response.headers[.contentDisposition] = "attachment; filename=\(BrowserPage.name)"
            return response
        }
        router.get("p/:petition") { request, context in
            // An id that somebody typed may have capitals.
            guard let id = context.parameters.get("petition").flatMap({ ID<Petition>(hex: $0.lowercased()) }),
                let facts = try await facts(id)
            else {
                return try page("page-missing", request, status: .notFound) { $0("page-missing.title") }
            }
            return try page("page-petition", request, values: { values(of: facts, $0) }) { heading(facts, $0) }
        }
    }

    /// The same bytes for everybody who asks, whatever they send along.
    private func appResponse() throws -> Response {
        guard let app else { throw Refusal.notFound }
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/html; charset=utf-8", .cacheControl: "no-cache",
                .contentSecurityPolicy: app.policy + "; frame-ancestors 'none'",
                .crossOriginOpenerPolicy: "same-origin", .crossOriginResourcePolicy: "same-origin",
            ], body: .init(byteBuffer: ByteBuffer(bytes: app.bytes)))
    }

    /// The page for an address where nothing is; nil for programs, which are told as they are told everything.
    func missing(_ request: Request) -> Response? {
        guard request.method == .get, request.headers[.accept]?.contains("text/html") == true else { return nil }
        return try? page("page-missing", request, status: .notFound) { $0("page-missing.title") }
    }

    /// From a page's address back to the first one's: a step for each slash but the first, one at the end included.
    static func root(of path: String) -> String {
        let steps = max(0, path.split(separator: "?")[0].count { $0 == "/" } - 1)
        return steps == 0 ? "./" : String(repeating: "../", count: steps)
    }

    /// What a reader would type; a service does not see whether a proxy in front of it speaks TLS.
    private static func address(_ authority: String?) -> String {
        guard let authority else { return "https://…" }
        let host = authority.split(separator: ":").first.map(String.init) ?? ""
        let isPlain = host.hasSuffix(".onion") || host == "127.0.0.1" || host == "localhost"
        return (isPlain ? "http://" : "https://") + authority
    }

    private func section(of texts: Messages, _ first: Messages) -> [String: Any] {
        [
            "lang": texts.language.rawValue, "first": texts.language == first.language, "t": texts.tree("page-join"),
        ]
    }

    /// A page in the language that the address asks for, else the browser.
    private func page(
        _ name: String, _ request: Request, _ fixed: [String: Any] = [:], status: HTTPResponse.Status = .ok,
        switches: Bool = true,
        values: (Messages) -> [String: Any] = { _ in [:] }, title: (Messages) -> String
    ) throws -> Response {
        let wish = request.uri.queryParameters["lang"].flatMap { Language(tag: String($0)) }
        let language = wish ?? Language.accepted(by: request.headers[.acceptLanguage])
        guard let texts = texts[language] else { throw Refusal.notFound }
        let languages: [[String: Any]] = Language.allCases.map { candidate in
            [
                "tag": candidate.rawValue, "name": candidate == .english ? "English" : "中文",
                "current": candidate == language,
            ]
        }
        // Relative, for a service that is reached under a path of a proxy's.
        let root = Self.root(of: request.uri.path)
        let frame: [String: Any] = [
            "title": title(texts), "languages": languages, "switch": switches, "root": root,
        ]
        let html: String
        do {
            html = try templates.render(
                name, fixed.merging(values(texts)) { $1 }.merging(frame) { $1 }, texts: texts)
        } catch { throw Refusal.notFound }
        var response = Response.text(html, type: "text/html; charset=utf-8")
        response.status = status
        response.headers[.contentSecurityPolicy] = policy
        response.headers[.contentLanguage] = language.rawValue
        response.headers[.vary] = "Accept-Language"
        response.headers[.crossOriginOpenerPolicy] = "same-origin"
        response.headers[.crossOriginResourcePolicy] = "same-origin"
        return response
    }

    private func heading(_ facts: Facts, _ texts: Messages) -> String {
        facts.manifest.kind == .petition ? texts("page-petition.petition") : texts("page-petition.vote")
    }

    private func values(of facts: Facts, _ texts: Messages) -> [String: Any] {
        let manifest = facts.manifest
        func bar(_ label: String, _ whole: Int, tone: Int) -> [String: Any] {
            [
                "label": label,
                "text": texts("page-petition.of", ["count": "\(facts.cosignatures)", "whole": "\(whole)"]),
                "bar": Bar.svg(facts.cosignatures, of: whole, tone: tone),
            ]
        }
        // More may have signed than were needed: never "11 of 8".
        func needed(_ label: String, _ whole: Int, tone: Int) -> [String: Any] {
            [
                "label": label,
                "text": texts("page.needed", ["count": "\(facts.cosignatures)", "needed": "\(whole)"]),
                "bar": Bar.svg(facts.cosignatures, of: whole, tone: tone),
            ]
        }
        var bars = [
            bar(texts("page-petition.ring"), facts.ring, tone: 1),
            bar(texts("page-petition.people"), Int(facts.eligible), tone: 1),
            needed(
                texts("page-petition.quorum"), Int(manifest.quorum),
                tone: facts.cosignatures >= Int(manifest.quorum) ? 1 : 3),
        ]
        bars += manifest.levels.map { level in
            needed(texts("page-petition.level", count: Int(level.count)), Int(level.count), tone: 3)
        }
        let state: String
        if !facts.isClosed {
            let closes = Date(timeIntervalSince1970: Double(min(manifest.closes, 253_402_300_799)))
            let time = closes.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: false))
            state =
                manifest.closes == 0
                ? texts("page-petition.open") : texts("page-petition.openUntil", ["time": time + " UTC"])
        } else if facts.released < Int(manifest.threshold) {
            state = texts("page-petition.sealed")
        } else {
            state = texts("page-petition.counted")
        }
        let details: [(String, String)] = [
            (texts("page-petition.withdrawn"), "\(facts.withdrawn)"),
            (texts("page-petition.demands"), "\(manifest.options.count)"),
            (
                texts("page-petition.trustees"),
                texts(
                    "page-petition.threshold", ["whole": "\(manifest.trustees.count)"],
                    count: Int(manifest.threshold))
            ), (texts("page-petition.records"), "\(facts.records)"),
        ]
        return [
            "id": facts.id.hex, "state": state, "tone": state == texts("page-petition.sealed") ? "warn" : "good",
            "heading": manifest.kind == .petition ? texts("page-petition.petition") : texts("page-petition.vote"),
            "bars": bars, "facts": details.map { ["label": $0.0, "text": $0.1] },
        ]
    }
}

extension HTTPField.Name {
    static let contentSecurityPolicy = HTTPField.Name("content-security-policy")!
    static let crossOriginOpenerPolicy = HTTPField.Name("cross-origin-opener-policy")!
    static let crossOriginResourcePolicy = HTTPField.Name("cross-origin-resource-policy")!
}
