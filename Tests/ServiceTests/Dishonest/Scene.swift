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
    /// Another petition of the workplace. For a vote: the petition whose response it is about.
    let other: ID<Petition>
    /// The device of this member as it was when they joined; it knows nothing of petitions.
    let fresh: String
    let member: Member
    /// How many leaves the petition's log had after the last co-signature.
    let coSigned: Int
    private(set) var roster: Face
    private(set) var log: Face
    private(set) var otherLog: Face

    static let title = "Guardrails"

    init(
        members: Int = 7, clock: @escaping @Sendable () -> UInt64 = Device.systemClock
    ) async throws {
        stage = try await Stage(members: members, clock: clock)
        member = stage.members[3]
        fresh = try stage.copy(of: member)
        let closes = (Device.systemClock() / 3600 + 24 * 30) * 3600
        id = try await stage.workplace.openPetition(closes: closes, levels: [3]).id
        other = try await stage.workplace.openPetition().id
        coSigned = try await Self.cosign(id, stage)
        // Two changes of the roster whose order could be exchanged.
        for place in [5, 6] { try await stage.members[place].rotateRingKey() }
        (roster, log, otherLog) = (try await stage.face(), try await stage.face(id), try await stage.face(other))
    }

    /// The same with another title for each petition, and a ring that has grown since the co-signatures. The organiser's
    /// last statement in the workplace's log announces the petition, so the log can be shown without it.
    init(grown members: Int) async throws {
        stage = try await Stage(members: members)
        member = stage.members[3]
        fresh = try stage.copy(of: member)
        let closes = (Device.systemClock() / 3600 + 24 * 30) * 3600
        let invite = try await stage.members[0].invite(count: 1, note: nil)[0]
        other = try await stage.openPetition("Another petition")
        id = try await stage.openPetition(Self.title, closes: closes, levels: [3])
        coSigned = try await Self.cosign(id, stage)
        _ = try await stage.workplace.join(invite)
        #expect(try await stage.members[0].extend(id) == members + 1)
        for place in [5, 6] { try await stage.members[place].rotateRingKey() }
        (roster, log, otherLog) = (try await stage.face(), try await stage.face(id), try await stage.face(other))
    }

    /// A vote on a response to a petition.
    init(voteOf members: Int) async throws {
        stage = try await Stage(members: members)
        member = stage.members[3]
        fresh = try stage.copy(of: member)
        let (founder, workplace) = (stage.members[0], stage.workplace)
        other = try await stage.openPetition("The petition")
        for place in [1, 2, 4] { try await stage.members[place].cosign(other, choices: [1]) }
        try await founder.closePetition(other)
        try await stage.members[1].release(other)
        let answers: [(PetitionStatement.Record.What, [RecordDocument.Demand])] = [
            (.delivered, []), (.response, [.init(number: 1, answer: .countered, text: "We offer less.")]),
        ]
        for (what, demands) in answers {
            let record = try RecordDocument(
                what, language: "en", date: "2026-12-08", party: "Ms Underhill", note: "In room 12.", demands: demands)
            try await founder.record(record, in: other)
        }
        let draft = try await founder.negotiation(other).ratificationDraft(majority: .half)
        let plan = try await founder.prepare(
            PetitionPlan(
                ratifying: draft, title: Self.title, preamble: "Read it.",
                trustees: stage.members.prefix(2).map(\.signKey), threshold: 1, quorum: 3, closes: 0))
        id = try await workplace.open(plan, trustees: 2)
        coSigned = try await Self.cosign(id, stage)
        for place in [5, 6] { try await stage.members[place].rotateRingKey() }
        (roster, log, otherLog) = (try await stage.face(), try await stage.face(id), try await stage.face(other))
    }

    /// A petition in a workplace whose log names a witness. An operator cannot make the witness's signatures, but may
    /// show what it signed earlier: the faces are those of before the last co-signature.
    init(witnessed members: Int) async throws {
        stage = try await Stage(members: members, isWitnessed: true)
        member = stage.members[3]
        fresh = try stage.copy(of: member)
        other = try await stage.openPetition("Another petition")
        id = try await stage.openPetition(Self.title)
        coSigned = try await Self.cosign(id, stage)
        (roster, log, otherLog) = (try await stage.face(), try await stage.face(id), try await stage.face(other))
        try await stage.members[5].cosign(id, choices: [1])
        try await stage.members[6].rotateRingKey()
    }

    private static func cosign(_ id: ID<Petition>, _ stage: Stage) async throws -> Int {
        for place in [1, 2, 3, 4] { try await stage.members[place].cosign(id, choices: [1]) }
        return try await stage.face(id).leaves.count
    }

    var inspector: Operator { stage.inspector }

    func refresh() async throws {
        (roster, log, otherLog) = (try await stage.face(), try await stage.face(id), try await stage.face(other))
    }

    // MARK: What an operator may show

    /// The roster without its last change.
    var olderRoster: Face { roster.at(roster.leaves.count - 1) }
    var forkedRoster: Face { roster.exchanging(roster.leaves.count - 1, roster.leaves.count - 2) }
    /// The petition's log without the last co-signature, and without what came after it.
    var olderLog: Face { log.at(coSigned - 1) }
    /// The petition's log before the ring grew.
    var ungrownLog: Face { log.at(coSigned) }
    /// The petition's log before this member's co-signature.
    var unsignedLog: Face { log.at(3) }
    var forkedLog: Face { log.exchanging(1, 2) }

    /// The place of the statement that announces the petition in the workplace's log.
    private var announcement: Int? {
        roster.leaves.firstIndex { leaf in
            guard case .petitionAnnounced(let announced, _)? = (try? WorkplaceStatement(decoding: leaf))?.body else {
                return false
            }
            return announced == id
        }
    }

    /// The workplace's log before the petition was announced, and the log without its announcement.
    func unannounced() throws -> (before: Face, without: Face) {
        let place = try #require(announcement)
        return (roster.at(place), roster.with(roster.leaves.enumerated().filter { $0.offset != place }.map(\.element)))
    }

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
