import ChildProcesses
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Service
import TestSupport
import Testing

@Suite("The service speaks TLS 1.3 and HTTP/2 by itself", .serialized, .takingTurns)
struct TLSTests {
    let directory: TemporaryDirectory
    private var files: TLSFiles { TLSFiles(certificate: directory("cert.pem"), key: directory("key.pem")) }

    init() throws { directory = try TemporaryDirectory() }

    /// A self-signed certificate for the loopback address, identified by its serial number.
    private func make(_ serial: Int, certificate: String = "cert.pem", key: String = "key.pem") throws {
        let said = try ChildProcess.run([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "2",
            "-subj", "/CN=\(serial)", "-set_serial", "\(serial)", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", directory(key), "-out", directory(certificate),
        ])
        try #require(said.status == 0, "\(said.error)")
    }

    /// Sends one request over a new connection that trusts only one certificate.
    private func get(
        _ url: String, trusting file: String = "cert.pem", most: TLSVersion? = nil
    ) async throws -> HTTPClientResponse {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(directory(file)))
        tls.maximumTLSVersion = most
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let response = try await client.execute(HTTPClientRequest(url: url + "/healthz"), timeout: .seconds(60))
            _ = try await response.body.collect(upTo: 100)
            try await client.shutdown()
            return response
        } catch {
            try await client.shutdown()
            throw error
        }
    }

    @Test("HTTP/2 over TLS 1.3; nothing older; a renewed certificate is taken over, a wrong one is not")
    func renewal() async throws {
        try make(1)
        let service = try await RunningService.start(database: directory("a.sqlite"), tls: files)
        let response = try await get(service.url)
        #expect(response.status == .ok && response.version == .http2)
        await #expect(throws: (any Error).self) { try await get(service.url, most: .tlsv12) }
        await #expect(throws: (any Error).self) {
            try await get(service.url.replacing("https", with: "http"))
        }
        try FileManager.default.copyItem(atPath: directory("cert.pem"), toPath: directory("first.pem"))
        // Written elsewhere first, as renewals are, and the key before the certificate, so that for a moment they do
        // not fit.
        try make(2, certificate: "next.pem", key: "next-key.pem")
        func replace(_ name: String, by other: String) throws {
            #expect(rename(directory(other), directory(name)) == 0)
        }
        try replace("key.pem", by: "next-key.pem")
        try await Task.sleep(for: .seconds(3))
        #expect(try await get(service.url, trusting: "first.pem").status == .ok)
        try FileManager.default.copyItem(atPath: directory("next.pem"), toPath: directory("second.pem"))
        try replace("cert.pem", by: "next.pem")
        var isRenewed = false
        for _ in 0..<1200 where !isRenewed {
            isRenewed = (try? await get(service.url, trusting: "second.pem"))?.status == .ok
            if !isRenewed { try await Task.sleep(for: .milliseconds(100)) }
        }
        #expect(isRenewed)
        await #expect(throws: (any Error).self) { try await get(service.url, trusting: "first.pem") }
        await service.stop()
    }

    @Test("An HTTP/2 connection that made one request and answers nothing since is closed; one over HTTP/1 goes on")
    func silent() async throws {
        try make(1)
        var limits = ServiceConfiguration.Limits()
        limits.idle = .seconds(2)
        let service = try await RunningService.start(database: directory("a.sqlite"), limits: limits, tls: files)
        // The preface, empty settings, and a GET of /healthz (RFC 9113, RFC 7541).
        let path = Array("/healthz".utf8)
        let block: [UInt8] = [0x82, 0x87, 0x04, UInt8(path.count)] + path + [0x41, 0x01, 0x61]
        let bytes =
            Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
            + [0, 0, UInt8(block.count), 1, 5, 0, 0, 0, 1] + block
        let (input, output) = (Pipe(), Pipe())
        let client = try ChildProcess(
            ["openssl", "s_client", "-quiet", "-alpn", "h2", "-connect", "127.0.0.1:\(service.port)"],
            input: .pipe(input), output: .pipe(output), error: .nothing)
        try input.fileHandleForWriting.write(contentsOf: bytes)
        let start = ContinuousClock.now
        let answer = await Blocking.run { output.fileHandleForReading.readDataToEndOfFile() }
        #expect(answer.range(of: Data("ok\n".utf8)) != nil, "the request was answered")
        #expect(ContinuousClock.now - start > .seconds(1))
        client.send(SIGTERM)
        await service.stop()
    }

    @Test("Files that are missing, no PEM, or of two pairs are refused at the start, by name")
    func refused() async throws {
        try make(1)
        try make(2, certificate: "other.pem", key: "other-key.pem")
        func start(_ certificate: String, _ key: String) async throws {
            let tls = TLSFiles(certificate: directory(certificate), key: directory(key))
            await (try RunningService.start(database: directory("b.sqlite"), tls: tls)).stop()
        }
        await #expect(throws: TLSError.unreadable(directory("none.pem"))) { try await start("none.pem", "key.pem") }
        await #expect(throws: TLSError.unreadable(directory("key.pem"))) { try await start("key.pem", "key.pem") }
        await #expect(throws: TLSError.unreadable(directory("cert.pem"))) { try await start("cert.pem", "cert.pem") }
        await #expect(throws: TLSError.mismatch) { try await start("cert.pem", "other-key.pem") }
        try await start("other.pem", "other-key.pem")
    }
}
