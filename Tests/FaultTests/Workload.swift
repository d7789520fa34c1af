import Foundation
import MembershipProofs
import Petitions
import Sodium
import TestSupport
import TransparencyLog

@testable import Storage

/// A small workplace and a petition as a sequence of requests: with a name that is given and taken back, a replacement,
/// a withdrawal, the close and a release.
struct Workload: Sendable {
    struct Request: Sendable {
        let path: String
        let body: [UInt8]
        let log: LogName
        let leaf: [UInt8]
        /// The tag, if it is a co-signature.
        let tag: Bytes32?
    }

    let requests: [Request]

    static func logKey(_ info: [UInt8]) throws -> Bytes32 {
        guard let json = try JSONSerialization.jsonObject(with: Data(info)) as? [String: Any],
            let key = (json["log_key"] as? String).flatMap({ Bytes32(hex: $0) })
        else { throw Absent() }
        return key
    }

    /// - Parameters:
    ///   - info: the response of /v1/service.
    ///   - ends: whether the petition is closed and released at the end.
    init(info: [UInt8], members: Int = 4, ends: Bool = true, closes: UInt64 = 0) throws {
        let world = try World(members: members, logKey: try Self.logKey(info))
        let petition = try PetitionWorld(world, levels: [20], closes: closes)
        for (i, person) in world.people.prefix(3).enumerated() {
            try petition.cosign(person, name: i == 1 ? (1, "Ann") : nil)
        }
        try petition.cosign(world.people[1], choices: [2, 2])
        try petition.append(petition.coSignature(by: world.people[2], .withdraw))
        if ends {
            try petition.close()
            try petition.release(0)
        }
        requests =
            world.leaves.enumerated().map { i, leaf in
                Request(
                    path: "/v1/workplaces" + (i == 0 ? "" : "/\(world.log.id.hex)/statements"), body: leaf,
                    log: .workplace(world.log.id), leaf: leaf, tag: nil)
            }
            + (try petition.leaves.enumerated().map { i, leaf in
                let coSigned = try PetitionStatement(decoding: leaf).coSigned
                let name = petition.names.first { coSigned?.isNamed(by: $0) == true }
                let body =
                    coSigned == nil ? leaf : CoSignatureRequest(statement: leaf, sealedName: name).encoding
                let rest = coSigned == nil ? "statements" : "cosignatures"
                return Request(
                    path: "/v1/petitions" + (i == 0 ? "" : "/\(petition.log.id.hex)/\(rest)"), body: body,
                    log: .petition(petition.log.id), leaf: leaf, tag: coSigned?.tag.encoding)
            })
    }

    /// The faults of a database after these requests have been acknowledged; empty if there are none.
    func faults(of path: String, acknowledged: Int) async -> [String] {
        do {
            // Before it is opened, because opening catches up: everything acknowledged with a receipt must be recorded
            // as signed.
            var faults = try Self.unrecorded(path, requests.prefix(acknowledged))
            let store = try SQLiteStore(path: path, serviceName: "test.example")
            faults += try store.check().findings.map { "\($0.what)" }
            for (i, request) in requests.prefix(acknowledged).enumerated() {
                if let leaf = try await store.leaves(of: request.log)?.firstIndex(of: request.leaf) {
                    if try await store.checkpoint(of: request.log, covering: leaf) == nil {
                        faults.append("no receipt \(i)")
                    }
                } else {
                    guard case .petition(let id) = request.log, let tag = request.tag,
                        try await store.held(of: id).contains(where: { $0.tag == tag && $0.bytes == request.leaf })
                    else {
                        faults.append("lost \(i)")
                        continue
                    }
                }
            }
            try await store.close()
            return faults
        } catch { return ["does not open: \(error)"] }
    }

    private static func unrecorded(_ path: String, _ acknowledged: ArraySlice<Request>) throws -> [String] {
        // For a log whose leaves are in the order of the requests; where co-signatures wait, fewer leaves are there.
        var counts: [LogName: Int] = [:]
        for request in acknowledged where request.tag == nil { counts[request.log, default: 0] += 1 }
        guard !counts.isEmpty else { return [] }
        let inspected = try SQLiteStore(inspecting: path)
        defer { try? inspected.closeNow() }
        let record = SignedHeads.path(besides: path)
        let heads = try inspected.signedHeads(in: record)
        return counts.compactMap { log, count in
            let size = heads.first { $0.log == log }?.size ?? 0
            return size < count ? "not recorded: \(size) of \(count)" : nil
        }
    }
}
