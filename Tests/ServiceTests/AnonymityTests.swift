import Foundation
import NIOCore
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Client

@Suite("Co-signing goes over connections of its own", .serialized, .takingTurns)
struct AnonymityTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("Through a CONNECT proxy: each anonymous connection has credentials of its own, and everything goes through")
    func proxy() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let proxy = try await ConnectProxy.start()
        let workplace = try await LiveWorkplace(
            members: 5, service: service, directory: directory, proxy: Proxy(host: "127.0.0.1", port: proxy.port))
        let id = try await workplace.openPetition().id
        let before = proxy.heads.count
        #expect(before > 0, "signed requests go through the proxy too")
        try await workplace.members[1].cosign(id, choices: [1])
        try await workplace.members[2].cosign(id, choices: [1])
        let heads = proxy.heads.dropFirst(before)
        #expect(heads.count >= 2)
        let credentials = heads.compactMap { head in
            head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("proxy-authorization: basic ") }
        }
        #expect(credentials.count == heads.count)
        #expect(Set(credentials).count >= 2, "two people, two circuits")
        #expect(Set(proxy.heads.prefix(before).map { String($0) }).isDisjoint(with: heads.map { String($0) }))
        for head in heads {
            #expect(head.hasPrefix("CONNECT 127.0.0.1:\(service.port) HTTP/1.1\r\n"))
            for name in ["cookie", "user-agent", "signature", "accept-language"] {
                #expect(!head.lowercased().contains("\r\n\(name):"), "\(name)")
            }
        }
        await workplace.close()
        await proxy.stop()
    }

    @Test("What a co-signer sends carries no header beyond what HTTP needs")
    func headers() async throws {
        let recorder = try await HeaderRecorder.start()
        _ = try? await PublicReader.bundle(of: ID(.zero), at: "http://127.0.0.1:\(recorder.port)", proxy: nil)
        let head = try #require(recorder.heads.first).lowercased()
        let names = head.split(separator: "\r\n").dropFirst().map { String($0.prefix { $0 != ":" }) }
        #expect(Set(names).isSubset(of: ["host", "connection", "content-length", "transfer-encoding"]), "\(names)")
        await recorder.stop()
    }
}
