import CoSigning
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import Petitions
import Sodium
import Synchronization
import Templates
import TestSupport
import Testing

@testable import Client
@testable import Service

@Suite("The page for browsers, as the service serves it", .serialized, .takingTurns)
struct ServedPageTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static func page() throws -> BrowserPage {
        try #require(
            try BrowserPage.find(besideTemplates: TemplateLibrary.standardDirectory()), "make web makes the page")
    }

    @Test("Everybody gets the same bytes, whatever they send; the service names their digest, and sets nothing")
    func same() async throws {
        let page = try Self.page()
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let asked: [[(String, String)]] = [
            [], [("accept-language", "zh-CN"), ("user-agent", "Safari"), ("cookie", "a=b")],
            [("accept-encoding", "gzip, br"), ("if-none-match", "*"), ("origin", "https://a.example")],
            [("range", "bytes=0-9"), ("authorization", "Bearer x")],
        ]
        var heads: Set<[String]> = []
        for headers in asked {
            for path in ["/app", "/app/", "/app?lang=zh-Hans"] {
                let answer = try await service.send("GET", path, headers: headers)
                #expect(answer.status == 200 && answer.body == page.bytes)
                heads.insert(
                    answer.headers.filter { !["date", "connection"].contains($0.name.lowercased()) }
                        .map { "\($0.name.lowercased()): \($0.value)" }.sorted())
            }
        }
        let head = try #require(heads.first)
        #expect(heads.count == 1)
        #expect(head.contains("content-security-policy: \(page.policy); frame-ancestors 'none'"))
        #expect(head.contains("content-type: text/html; charset=utf-8"))
        #expect(!head.contains { $0.hasPrefix("set-cookie") || $0.hasPrefix("etag") || $0.hasPrefix("access-control") })
        let file = try await service.send("GET", "/roundrobin.html")
        #expect(file.body == page.bytes)
        #expect(file.headers.first(name: "content-disposition") == "attachment; filename=roundrobin.html")
        let described = try await service.send("GET", "/v1/service").body
        #expect(try JSONDecoder().decode(Described.self, from: Data(described)).page_sha256 == page.digest)
        #expect(page.digest == Hex.encode(SHA256.hash(page.bytes).bytes))
        let verify = try await service.send("GET", "/verify", headers: [("accept", "text/html")])
        #expect(String(decoding: verify.body, as: UTF8.self).contains(page.digest))
        await service.stop()
    }

    private struct Described: Decodable { let page_sha256: String? }

    @Test("An installation without the page serves none, and its other pages do not speak of it")
    func absent() async throws {
        let templates = directory("share/templates")
        try FileManager.default.createDirectory(atPath: directory("share"), withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: TemplateLibrary.standardDirectory(), toPath: templates)
        #expect(try BrowserPage.find(besideTemplates: templates) == nil)
        #expect(try KnownPages(templates: templates).digests.isEmpty)
        let pages = try Pages(directory: templates)
        #expect(pages.app == nil)
        // What is there, but is not the page, is refused when the service starts.
        try Data("<!doctype html><title>Another</title>".utf8).write(
            to: URL(filePath: directory("share/roundrobin.html")))
        #expect(throws: TemplateError.self) { try Pages(directory: templates) }
        try Data(Self.page().bytes).write(to: URL(filePath: directory("share/roundrobin.html")))
        #expect(try Pages(directory: templates).app?.digest == Self.page().digest)
        // The list of releases is strict: a digest that nobody could compare would be believed to be one.
        for (text, isRight) in [
            ("# none\n", true), (String(repeating: "ab", count: 32) + "  1.0 # the first\r\n", true),
            (String(repeating: "AB", count: 32) + " 1.0\n", false), ("abc 1.0\n", false),
            (String(repeating: "ab", count: 32) + "\n", false),
        ] {
            try Data(text.utf8).write(to: URL(filePath: templates + "/page-releases.txt"))
            let known = try? KnownPages(templates: templates)
            #expect((known != nil) == isRight, "\(text)")
            if text.hasPrefix("ab"), isRight {
                #expect(known?.origin(of: String(repeating: "ab", count: 32)) == .release("1.0"))
            }
        }
    }

    /// The page with a header, or other bytes, as a service could send them.
    private static func response(_ bytes: [UInt8], _ more: [String: String] = [:]) -> Response {
        var headers: HTTPFields = [.contentType: "text/html; charset=utf-8"]
        for (name, value) in more { headers[HTTPField.Name(name)!] = value }
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    @Test("A reader finds the page, other bytes, and each header that shows something else than the bytes")
    func reader() async throws {
        let page = try Self.page()
        let host = try await Interposer.start(before: nil)
        let address = try PageAddress(host.url)
        #expect(try await PageReader.page(at: address, proxy: nil) == nil)
        var changed = page.bytes
        changed[page.bytes.count / 2] ^= 1
        let cases: [([UInt8], [String: String], [String])] = [
            (page.bytes, [:], []), (page.bytes, ["X-Other": "1"], []), (changed, [:], []),
            (page.bytes, ["Refresh": "0; url=https://b.example"], ["refresh"]),
            (page.bytes, ["Link": "<https://b.example/x.css>; rel=stylesheet"], ["link"]),
            (page.bytes, ["Set-Cookie": "who=you"], ["set-cookie"]),
            (page.bytes, ["Content-Type": "text/html; charset=iso-2022-jp"], ["content-type"]),
            (page.bytes, ["Content-Type": "application/xhtml+xml"], ["content-type"]),
        ]
        for (bytes, headers, meddling) in cases {
            host.lie { $0 == "/app" ? Self.response(bytes, headers) : nil }
            let served = try #require(try await PageReader.page(at: address, proxy: nil))
            #expect(served.bytes == bytes && served.meddling == meddling)
        }
        // Somewhere else is not followed: who would be compared then?
        host.lie { _ in Response(status: .found, headers: [.location: "https://b.example/app"]) }
        await #expect(throws: ClientError.self) { try await PageReader.page(at: address, proxy: nil) }
        await host.stop()
    }

    @Test("An address names a service, or any page; what is no address has its reason")
    func addresses() throws {
        for (text, whole) in [
            ("https://a.example", "https://a.example/app"), ("https://a.example/", "https://a.example/app"),
            (" http://127.0.0.1:8080/x/y.html?z#frag ", "http://127.0.0.1:8080/x/y.html?z"),
            ("https://a.example?x", "https://a.example/?x"), ("https://[::1]:9/app", "https://[::1]:9/app"),
        ] {
            #expect(try PageAddress(text).text == whole, "\(text)")
        }
        let wrong = [
            "", "a.example", "ftp://a.example/app", "https://u:p@a.example/app", "https://a.example:70000/app",
        ]
        for text in wrong {
            #expect(throws: ClientError.self) { try PageAddress(text) }
        }
        #expect(throws: ClientError.self) { try PageAddress("https://a.example/页") }
    }

    @Test("A monitor tells once of a page that it does not know, looks again after an hour, and of none without a list")
    func monitor() async throws {
        let page = try Self.page()
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 1, service: service, directory: directory)
        let between = try await Interposer.start(before: service.url)
        let asked = Asked()
        var changed = page.bytes
        changed[page.bytes.count / 2] ^= 1
        let false_ = changed
        between.lie {
            guard $0 == "/app" else { return nil }
            asked.count.withLock { $0 += 1 }
            return Self.response(page.bytes)
        }
        let time = Clock()
        let id = workplace.members[0].workplaceID
        func monitor(_ known: Set<String>) throws -> Monitor {
            try Monitor(of: id, at: between.url, knownPages: known, clock: { time.now.withLock { $0 } })
        }
        func faults(_ monitor: Monitor) async throws -> [MonitorFault] {
            try await monitor.look().compactMap { if case .fault(let fault) = $0 { fault } else { nil } }
        }
        let careful = try monitor([page.digest])
        #expect(try await faults(careful).isEmpty && asked.count.withLock { $0 } == 1)
        // Not at every look: the page is large.
        #expect(try await faults(careful).isEmpty && asked.count.withLock { $0 } == 1)
        between.lie { $0 == "/app" ? Self.response(false_, ["Refresh": "1"]) : nil }
        time.now.withLock { $0 += 3601 }
        let digest = Hex.encode(SHA256.hash(false_).bytes)
        #expect(try await faults(careful) == [.pageHeader("refresh"), .page(digest: digest)])
        time.now.withLock { $0 += 3601 }
        #expect(try await faults(careful).isEmpty, "it was told")
        #expect(try await faults(monitor([])).isEmpty, "nothing to compare with")
        await between.stop()
        await service.stop()
    }

    private final class Asked: Sendable { let count = Mutex(0) }
    private final class Clock: Sendable { let now = Mutex(UInt64(Date().timeIntervalSince1970)) }
}
