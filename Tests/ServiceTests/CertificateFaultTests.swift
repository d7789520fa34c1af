import Foundation
import NIOSSL
import Presentation
import ServiceAPI
import Service
import TestSupport
import Testing

@testable import Client

/// The real service speaks TLS with certificates that a client must refuse.
@Suite("A certificate that is refused is explained, directly and behind a proxy", .serialized, .takingTurns)
struct CertificateFaultTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static let (hosts, others) = ("IP:127.0.0.1,DNS:service.example", "IP:127.0.0.2,DNS:other.example")

    private func fault(_ address: String, _ proxy: Proxy?, _ roots: NIOSSLTrustRoots) async -> ClientError? {
        let connection = AnonymousConnection(Transport(serviceURL: address, proxy: proxy, trusting: roots))
        do {
            _ = try await connection.get(Route.service.rawValue)
            return nil
        } catch { return error }
    }

    @Test(
        "Of another host, of nobody's that is trusted, over, not begun; one that is right is taken",
        arguments: [
            ("right", hosts, "2020", "2040", true, nil), ("other", others, "2020", "2040", true, .certificateOtherHost),
            ("foreign", hosts, "2020", "2040", false, .certificateUntrusted),
            ("both", others, "2020", "2040", false, .certificateUntrusted),
            ("over", hosts, "2020", "2021", true, .certificateExpired),
            ("early", hosts, "2039", "2040", true, .certificateNotYetValid),
            ("late", hosts, "2020", "2021", false, .certificateExpired),
        ] as [(String, String, String, String, Bool, ClientError.Unreachable?)])
    func certificates(
        _ name: String, _ hosts: String, _ from: String, _ to: String, _ isTrusted: Bool,
        _ expected: ClientError.Unreachable?
    ) async throws {
        let made = try TestCertificate(
            name, in: directory, for: hosts, from: from + "0101000000Z", to: to + "0101000000Z")
        let service = try await RunningService.start(
            database: directory("service.sqlite"), tls: TLSFiles(certificate: made.certificate, key: made.key))
        let proxy = try await ConnectProxy.start(leadingTo: service.port)
        let roots: NIOSSLTrustRoots =
            isTrusted ? .certificates(try NIOSSLCertificate.fromPEMFile(made.certificate)) : .default
        for (address, proxy) in [
            (service.url, nil), ("https://service.example", Proxy(host: "127.0.0.1", port: proxy.port)),
        ] {
            let error = await fault(address, proxy, roots)
            guard let expected else {
                #expect(error == nil, "\(address): \(error?.what ?? "")")
                continue
            }
            guard case .unreachable(let why, at: address, proxy: proxy?.text)? = error else {
                Issue.record("\(address): \(error.map { $0.what } ?? "reached")")
                continue
            }
            #expect(why == expected, "\(address): \(why)")
            // The sentence for that reason, the address, and what to do next.
            let what = error?.what ?? ""
            #expect(what.contains(words("reason.\(expected.rawValue)")) && what.contains(address), "\(what)")
            #expect(error?.nextStep.isEmpty == false)
        }
        // Nothing went through the tunnel but handshakes.
        #expect(!proxy.pieces.contains { $0.contains("GET ") || $0.contains("/v1/") })
        await proxy.stop()
        await service.stop()
    }
}
