import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import TestSupport
import Testing

@testable import Client

@Suite("Why a service cannot be reached is told apart", .serialized)
struct NetworkFaultTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// A listener that answers every connection with the same bytes after it has received something, and then closes
    /// it; with TLS if it has a certificate.
    private func listen(saying answer: String?, certificate: String? = nil) async throws -> any Channel {
        let context = try certificate.map { name in
            try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: try NIOSSLCertificate.fromPEMFile(directory(name + ".pem")).map {
                        .certificate($0)
                    },
                    privateKey: .privateKey(try NIOSSLPrivateKey(file: directory(name + ".key"), format: .pem))))
        }
        return try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    if let context {
                        try child.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    }
                    try child.pipeline.syncOperations.addHandler(Answer(answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    private final class Answer: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let text: String?
        init(_ text: String?) { self.text = text }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard let text else { return context.close(promise: nil) }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
            context.close(promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    private func fault(_ address: String, proxy: Proxy? = nil) async -> ClientError? {
        let connection = AnonymousConnection(address, proxy: proxy)
        do {
            _ = try await connection.get("/v1/service")
            return nil
        } catch { return error }
    }

    private func expect(
        _ expected: ClientError.Unreachable..., at address: String, proxy: Proxy? = nil,
        _ location: SourceLocation = #_sourceLocation
    ) async {
        guard case .unreachable(let why, let named, _)? = await fault(address, proxy: proxy) else {
            Issue.record("\(address) is reached", sourceLocation: location)
            return
        }
        #expect(expected.contains(why), "\(why)", sourceLocation: location)
        #expect(named == address, sourceLocation: location)
    }

    @Test("Certificates: of nobody's that is trusted, over, not begun")
    func certificates() async throws {
        _ = try TestCertificate("foreign", in: directory)
        _ = try TestCertificate("over", in: directory, to: "20210101000000Z")
        _ = try TestCertificate("early", in: directory, from: "20390101000000Z")
        for (name, expected) in [
            ("foreign", ClientError.Unreachable.certificateUntrusted), ("over", .certificateExpired),
            ("early", .certificateNotYetValid),
        ] {
            let channel = try await listen(saying: "HTTP/1.1 204 No Content\r\n\r\n", certificate: name)
            await expect(expected, at: "https://127.0.0.1:\(channel.localAddress?.port ?? 0)")
            try await channel.close()
        }
    }

    @Test("TLS asked of what speaks none, and the other way round; a closed connection; nobody; no such name")
    func protocols() async throws {
        let plain = try await listen(saying: "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        await expect(.notTLS, at: "https://127.0.0.1:\(plain.localAddress?.port ?? 0)")
        _ = try TestCertificate("foreign", in: directory)
        let encrypted = try await listen(saying: nil, certificate: "foreign")
        await expect(.closedPlain, .notHTTPPlain, at: "http://127.0.0.1:\(encrypted.localAddress?.port ?? 0)")
        let closing = try await listen(saying: nil)
        await expect(.closedPlain, at: "http://127.0.0.1:\(closing.localAddress?.port ?? 0)")
        let mail = try await listen(saying: "220 mail.example ESMTP\r\n")
        await expect(.notHTTPPlain, at: "http://127.0.0.1:\(mail.localAddress?.port ?? 0)")
        let port = closing.localAddress?.port ?? 0
        try await closing.close()
        await expect(.nobodyListens, at: "http://127.0.0.1:\(port)")
        await expect(.nameUnknown, .noConnection, at: "http://nobody.invalid")
        for channel in [plain, encrypted, mail] { try await channel.close() }
    }

    @Test("A proxy that refuses, asks for a password, or is not there", arguments: [403, 404, 501, 503, 407])
    func proxies(_ status: Int) async throws {
        let proxy = try await listen(saying: "HTTP/1.1 \(status) No\r\ncontent-length: 0\r\n\r\n")
        let port = proxy.localAddress?.port ?? 0
        await expect(
            status == 407 ? .proxyPassword : .proxyRefuses, at: "http://service.example",
            proxy: Proxy(host: "127.0.0.1", port: port))
        try await proxy.close()
        await expect(.proxyAbsent, at: "http://service.example", proxy: Proxy(host: "127.0.0.1", port: port))
    }

    @Test("What a proxy in front of a service says is not taken for the service's word")
    func gateways() async throws {
        for (head, location, wait) in [
            ("301 Moved\r\nlocation: https://elsewhere.example/", "https://elsewhere.example/", UInt32?.none),
            ("503 Busy\r\nretry-after: 120", nil, 120), ("502 Bad Gateway", nil, nil), ("429 Slow", nil, nil),
        ] as [(String, String?, UInt32?)] {
            let channel = try await listen(saying: "HTTP/1.1 \(head)\r\ncontent-length: 0\r\n\r\n")
            let address = "http://127.0.0.1:\(channel.localAddress?.port ?? 0)"
            guard case .refused(let refusal)? = await fault(address) else {
                Issue.record("no refusal: \(head)")
                continue
            }
            #expect(refusal.code == nil && refusal.location == location && refusal.wait == wait)
            #expect(refusal.address == address)
            try await channel.close()
        }
    }

    @Test(
        "Whatever stands for an address in a keystore or a file, nothing traps",
        arguments: [
            "http://127.0.0.1:65536", "http://127.0.0.1:99999999999999999999", "http://127.0.0.1:0", "http://", "",
            "http://a b",
            "http://user:pw@127.0.0.1", "file:///etc/passwd", "http://[::1", "http://127.0.0.1:-1",
            "http://127.0.0.1/rr",
        ])
    func malformed(_ address: String) async {
        #expect(throws: ClientError.self) { try ServiceAddress(address) }
        await expect(.notURL, at: address)
    }

    @Test("Addresses are a scheme, a host and a port, and each fault has its reason")
    func addresses() throws {
        for (text, parsed) in [
            ("https://Service.Example/", "https://service.example"),
            (" http://127.0.0.1:8080 ", "http://127.0.0.1:8080"),
            ("HTTP://[::1]:65535", "http://[::1]:65535"), ("https://[2001:db8::1]", "https://[2001:db8::1]"),
            ("http://abcdefghij.onion", "http://abcdefghij.onion"),
        ] { #expect(try ServiceAddress(text).text == parsed) }
        for (text, reason) in [
            ("service.example", ClientError.Invalid.addressScheme), ("ftp://a", .serviceAddress),
            ("https://me@service.example", .addressUser), ("https://service.example/rr", .addressPath),
            ("https://service.example?x", .addressPath), ("https://service.example:70000", .addressPort),
            ("https://service.example:", .addressPort), ("https://a:b:c", .serviceAddress),
            ("https://", .serviceAddress),
        ] {
            #expect {
                try ServiceAddress(text)
            } throws: {
                if case .invalid(reason, _)? = $0 as? ClientError { true } else { false }
            }
        }
        for (text, host, port) in [
            ("127.0.0.1:8118", "127.0.0.1", 8118), ("[::1]:9080", "::1", 9080),
            ("http://127.0.0.1:8118/", "127.0.0.1", 8118),
            ("localhost:1", "localhost", 1), ("HTTP://[::1]:9080/", "::1", 9080),
        ] { #expect(Proxy(text) == Proxy(host: host, port: port)) }
        for text in [
            "127.0.0.1", "::1:9080", "127.0.0.1:0", "127.0.0.1:65536", "socks5://127.0.0.1:9050", "", "a:b@c:1",
            "a:1/x",
        ] {
            #expect(Proxy(text) == nil, "\(text)")
        }
    }
}
