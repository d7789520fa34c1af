import CoSigning
import Foundation
import Petitions
import ServiceAPI
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Client
@testable import CoSigning

/// A petition with co-signatures, one of them by the member whose devices are compared, and the versions of it that an
/// operator may show.
final class Scene {
    let stage: Stage
    let id: ID<Petition>
    /// Another petition of the workplace.
    let other: ID<Petition>
    /// The device of this member as it was when they joined; it knows nothing of petitions.
    let fresh: String
    let member: Member
    private(set) var roster: Face
    private(set) var log: Face
    private(set) var otherLog: Face

    init(
        members: Int = 7, clock: @escaping @Sendable () -> UInt64 = Device.systemClock
    ) async throws {
        stage = try await Stage(members: members, clock: clock)
        member = stage.members[3]
        fresh = try stage.copy(of: member)
        let closes = (Device.systemClock() / 3600 + 24 * 30) * 3600
        id = try await stage.workplace.openPetition(closes: closes, levels: [3]).id
        other = try await stage.workplace.openPetition().id
        for place in [1, 2] { try await stage.members[place].cosign(id, choices: [1]) }
        try await member.cosign(id, choices: [1])
        try await stage.members[4].cosign(id, choices: [1])
        // Two changes of the roster whose order could be exchanged.
        for place in [5, 6] { try await stage.members[place].rotateRingKey() }
        (roster, log, otherLog) = (try await stage.face(), try await stage.face(id), try await stage.face(other))
    }

    var inspector: Operator { stage.inspector }

    func refresh() async throws {
        (roster, log, otherLog) = (try await stage.face(), try await stage.face(id), try await stage.face(other))
    }

    // MARK: What an operator may show

    /// The roster without its last change.
    var olderRoster: Face { roster.at(roster.leaves.count - 1) }
    var forkedRoster: Face { roster.exchanging(roster.leaves.count - 1, roster.leaves.count - 2) }
    /// The petition's log without the last co-signature.
    var olderLog: Face { log.at(log.leaves.count - 1) }
    var forkedLog: Face { log.exchanging(1, 2) }

    /// Closed for a deadline that is still to come, which requires no key but the log's.
    func closedEarly() throws -> Face {
        log.appending(
            try PetitionStatement.closeByDeadline(id, size: UInt64(log.leaves.count), root: log.tree.root).bytes)
    }

    static func replacing(_ suffix: String, by response: Operator.Response) -> Operator.Script {
        { $0.path.hasSuffix(suffix) && $0.method == "GET" ? .response(response) : nil }
    }

    static func hiding(_ face: Face) -> Operator.Script {
        { $0.path.hasPrefix(face.path + "/") ? .response(.missing) : nil }
    }

    // MARK: What an operator may answer to a sending

    static func sending(_ answer: Operator.Answer) -> Operator.Script { { $0.isSending ? answer : nil } }

    /// A promise by the log's key for exactly this leaf.
    func promising(until: UInt64 = Device.systemClock() + 3600) -> Operator.Script {
        let (id, seed) = (id, log.seed)
        return { request in
            guard request.isSending, let sent = try? CoSignatureRequest(decoding: request.body),
                let promise = try? Promise.make(
                    id, leafHash: MerkleTree.leafHash(sent.statement), until: until,
                    by: SigningKey(seed: SecretBytes(seed)))
            else { return nil }
            return .response(.text(promise.json, 202))
        }
    }

    /// A receipt by the log's key, from a log that continues this one.
    func receipting(after log: Face) -> Operator.Script {
        { request in
            guard request.isSending, let sent = try? CoSignatureRequest(decoding: request.body) else { return nil }
            return .response(.text(log.appending(sent.statement).receipt))
        }
    }

    /// The list of wraps without one member's, or with junk in their place.
    static func withoutWraps(of member: Bytes32, junk: Bool = false) -> Operator.Script {
        { request in
            guard request.method == "GET", request.path.contains("/wraps/"), !request.isSigned else { return nil }
            return .changed { response in
                guard let list = try? JSONDecoder().decode(Answers.Wraps.self, from: Data(response.body)) else {
                    return response
                }
                let left = list.wraps.compactMap { wrap -> Answers.Wrap? in
                    guard wrap.member == member.hex else { return wrap }
                    return junk
                        ? Answers.Wrap(
                            member: wrap.member, wrap: Base64.encode([UInt8](repeating: 7, count: 112)), by: wrap.by,
                            signature: wrap.signature) : nil
                }
                var response = response
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys]
                response.body = [UInt8](
                    (try? encoder.encode(Answers.Wraps(epoch: list.epoch, wraps: left))) ?? .init())
                return response
            }
        }
    }
}
