import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Petitions
import RequestSignatures
import ServiceAPI
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Service

/// RFC 9110 and RFC 9112, over raw connections.
@Suite("The service keeps to HTTP, with clients that do and with those that do not", .serialized, .takingTurns)
struct HTTPRuleTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func talk(
        _ service: RunningService, _ text: String, until marker: String? = nil, thenSending rest: String = ""
    ) async throws -> String {
        try await RawConnection.talk(to: service.port, text, until: marker, thenSending: rest)
    }

    private func start() async throws -> RunningService {
        try await RunningService.start(database: directory("a.sqlite"))
    }

    @Test(
        "HEAD wherever GET is; other methods get 405 with Allow, unknown ones 501; a slash at the end changes nothing")
    func methods() async throws {
        let service = try await start()
        let none = String(repeating: "0", count: 64)
        for path in ["/", "/healthz", "/readyz", "/v1/service", "/join", "/verify", "/v1/service/", "/healthz/"] {
            let get = try await service.send("GET", path)
            let head = try await service.send("HEAD", path)
            #expect(get.status == 200 && head.status == 200 && head.body.isEmpty && !get.body.isEmpty, "\(path)")
            #expect(head.headers.first(name: "content-length") == "\(get.body.count)", "\(path)")
            #expect(get.headers.first(name: "date")?.hasSuffix(" GMT") == true)
        }
        #expect(try await service.send("HEAD", "/workplace/\(none)/checkpoint").status == 404)
        let cases = [
            ("POST", "/v1/service", "GET, HEAD, OPTIONS"), ("DELETE", "/healthz", "GET, HEAD, OPTIONS"),
            ("GET", "/v1/workplaces", "OPTIONS, POST"), ("PUT", "/v1/petitions/\(none)/cosignatures", "OPTIONS, POST"),
            ("PATCH", "/v1/workplaces/\(none)/objects/1/\(none)/1", "GET, HEAD, OPTIONS, PUT"),
            ("POST", "/workplace/\(none)/tile/0/000", "GET, HEAD, OPTIONS"),
            ("TRACE", "/", "GET, HEAD, OPTIONS"),
        ]
        for (method, path, allow) in cases {
            let answer = try await service.send(method, path)
            #expect(answer.status == 405 && answer.headers.first(name: "allow") == allow, "\(method) \(path)")
        }
        for method in ["PROPFIND", "MKCOL", "FOO"] {
            let answer = try await talk(service, "\(method) / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 501 "), "\(method): \(answer)")
        }
        await service.stop()
    }

    @Test("One host is named, or the request is refused; a connection of HTTP/1.0 ends unless it is asked to go on")
    func hostsAndVersions() async throws {
        let service = try await start()
        let cases = [
            ("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", "HTTP/1.1 400"),
            ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", "HTTP/1.1 400"),
            ("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 200"),
            // The service closes these although nobody asks for it.
            ("GET /healthz HTTP/1.0\r\n\r\n", "HTTP/1.1 200"),
            ("GET /healthz HTTP/1.0\r\nHost: a\r\n\r\n", "HTTP/1.1 200"),
            ("GET /healthz HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400"), ("NONSENSE\r\n\r\n", "HTTP/1.1 "),
        ]
        for (request, status) in cases {
            let answer = try await talk(service, request)
            #expect(answer.hasPrefix(status), "\(request): \(answer)")
            #expect(answer.lowercased().contains("connection: close"), "\(request): \(answer)")
        }
        let kept = try await talk(
            service, "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", until: "ok\n",
            thenSending: "GET /healthz HTTP/1.0\r\n\r\n")
        #expect(kept.lowercased().contains("connection: keep-alive"))
        // Requests that were pipelined are answered in order.
        let request = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
        let many = try await talk(
            service,
            String(repeating: request, count: 10) + "GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(many.components(separatedBy: "HTTP/1.1 200").count == 11 && many.contains("HTTP/1.1 404"))
        await service.stop()
    }

    @Test(
        "Expect: 100-continue gets it when the head was accepted, and only then; what is announced too large is refused at once"
    )
    func expectations() async throws {
        let service = try await start()
        let accepted = try await talk(
            service,
            "POST /v1/workplaces HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
            until: "100 Continue", thenSending: "\u{1}\u{2}\u{3}")
        #expect(accepted.hasPrefix("HTTP/1.1 100 Continue\r\n\r\n"))
        let none = String(repeating: "0", count: 64)
        let refused = [
            ("POST /v1/workplaces HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000000\r\n", "413"),
            ("POST /v1/workplaces HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\nExpect: 100-continue\r\n", "413"),
            ("PUT /v1/workplaces/\(none)/wraps HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n", "401"),
            ("PUT /v1/workplaces/\(none)/wraps HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n", "413"),
            ("PUT /v1/workplaces/\(none)/wraps HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n", "401"),
            (
                "POST /v1/workplaces HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: miracles\r\nConnection: close\r\n",
                "417"
            ),
            ("POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000000\r\nExpect: 100-continue\r\n", "404"),
        ]
        for (head, status) in refused {
            // The body never arrives, and the connection ends nevertheless.
            let answer = try await talk(service, head + "\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(head): \(answer)")
        }
        await service.stop()
    }

    @Test("Broken framing is 400, and a connection that is cut gets no answer: neither is a failure of the service")
    func framing() async throws {
        let metrics = FreePorts.take()
        let service = try await RunningService.start(database: directory("a.sqlite"), metrics: metrics)
        let head = "POST /v1/workplaces HTTP/1.1\r\nHost: a\r\n"
        for _ in 0..<110 {
            let broken = try await talk(service, head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nXYZ\r\n")
            #expect(broken.hasPrefix("HTTP/1.1 400 "), "\(broken)")
        }
        for _ in 0..<110 {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: service.port).get()
            try await channel.writeAndFlush(ByteBuffer(string: head + "Content-Length: 100\r\n\r\nabc"))
            try await channel.close()
        }
        let answer = try await talk(
            service, head + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\n\u{1}\u{2}\u{3}\r\n0\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 400 "), "a whole body in chunks is read")
        let figures = try await service.figures(metrics)
        #expect(figures.contains("roundrobin_answers_total{class=\"5xx\"} 0\n"), "\(figures)")
        #expect(figures.contains("roundrobin_answers_total{class=\"4xx\"} 100\n"), "\(figures)")
        for code in ProblemCode.allCases {
            let count = code == .malformed ? 100 : 0
            #expect(figures.contains("roundrobin_refusals_total{problem=\"\(code.rawValue)\"} \(count)\n"), "\(code)")
        }
        await service.stop()
    }

    @Test("People get a page where nothing is, programs a problem")
    func missing() async throws {
        let service = try await start()
        let page = try await service.send("GET", "/nothing", headers: [("accept", "text/html,*/*;q=0.8")])
        #expect(page.status == 404 && page.headers.first(name: "content-type")?.hasPrefix("text/html") == true)
        for (path, accept) in [("/nothing", "*/*"), ("/v1/nothing", "text/html"), ("/petition/x/y", "text/html")] {
            let problem = try await service.send("GET", path, headers: [("accept", accept)])
            #expect(problem.headers.first(name: "content-type") == "application/problem+json", "\(path)")
        }
        await service.stop()
    }

    @Test(
        "Any page may ask what anybody may ask, without credentials; the answer to a preflight is the same for everybody"
    )
    func crossOrigin() async throws {
        let service = try await start()
        let none = String(repeating: "0", count: 64)
        let open = ["/v1/service", "/workplace/\(none)/checkpoint", "/v1/petitions/\(none)/document", "/v1/nothing"]
        for path in open {
            let answer = try await service.send("GET", path, headers: [("origin", "null")])
            #expect(answer.headers.first(name: "access-control-allow-origin") == "*", "\(path)")
            #expect(answer.headers.first(name: "access-control-allow-credentials") == nil)
        }
        for path in ["/", "/verify", "/p/\(none)", "/healthz", "/readyz"] {
            let answer = try await service.send("GET", path, headers: [("origin", "null")])
            #expect(answer.headers.first(name: "access-control-allow-origin") == nil, "\(path)")
        }
        var seen: Set<String> = []
        let asking: [[(String, String)]] = [
            [], [("origin", "null")], [("origin", "https://a.example"), ("access-control-request-method", "PUT")],
            [("signature", "rr=:x:"), ("authorization", "Bearer x"), ("cookie", "a=b")],
        ]
        for headers in asking {
            let answer = try await service.send(
                "OPTIONS", "/v1/workplaces/\(none)/objects/1/\(none)/1", headers: headers)
            #expect(answer.status == 204 && answer.body.isEmpty)
            seen.insert(
                answer.headers.filter { $0.name.lowercased() != "date" }.map { "\($0.name.lowercased()): \($0.value)" }
                    .sorted().joined(separator: "\n"))
        }
        #expect(seen.count == 1)
        let told = try #require(seen.first)
        #expect(told.contains("access-control-allow-methods: GET, HEAD, OPTIONS, PUT"))
        #expect(told.contains("Content-Digest, Content-Type, Signature, Signature-Input"))
        #expect(told.contains("access-control-max-age: 86400") && !told.contains("credentials"))
        await service.stop()
    }

    @Test("Where founding takes a token, it is asked for before the body, and said by /v1/service")
    func foundingToken() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"), foundingToken: "open sesame")
        let shown = try JSONDecoder().decode(
            Answers.Service.self, from: Data(try await service.send("GET", "/v1/service").body))
        #expect(shown.founding_token == true)
        let person = Person()
        let founding = try WorkplaceStatement.found(
            service: "test.example", logKey: try #require(Bytes32(hex: shown.log_key)), eligible: 1, seed: person.seed,
            ring: person.ring)
        for header in [nil, "Bearer", "Bearer x", "Bearer open sesam", "Bearer open sesame!", "Basic open sesame"] {
            let answer = try await service.send(
                "POST", "/v1/workplaces", body: founding.bytes,
                headers: header.map { [("authorization", $0)] } ?? [])
            #expect(
                answer.status == 401 && answer.headers.first(name: "www-authenticate") == "Bearer", "\(header ?? "")")
        }
        let answer = try await service.send(
            "POST", "/v1/workplaces", body: founding.bytes, headers: [("authorization", "bearer open sesame")])
        #expect(answer.status == 200)
        await service.stop()
    }
}
