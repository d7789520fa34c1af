import CoSigning
import Foundation
import Petitions
import Testing

@testable import Client

/// Everything that reads or writes anonymously.
extension Operation {
    static let all = reading + sending + followedBySession

    static let reading = [
        Operation("view") { said(try await $0.cosigner.view($1.id)) },
        Operation("view by title") { member, scene in
            said(try await member.cosigner.view(in: .everything, choosing: titled(member)))
        },
        Operation("bundle") { said(try await $0.cosigner.bundle($1.id)) },
        Operation("audited") { member, scene in
            _ = try await member.cosigner.audited(scene.id)
            return "audited"
        },
        Operation("summaries") { member, _ in said(try await member.cosigner.summaries().petitions) },
        Operation("gossip") { member, _ in
            _ = try await member.cosigner.gossip()
            return "written"
        },
        Operation("look at the roster") { member, _ in
            let reading = try await member.cosigner.look(.roster)
            let roster = try ClientError.coSigning { () throws(CoSigningError) in try reading.judgedRoster() }
            return "\(roster.log.size) leaves"
        },
        Operation("look at a log") { member, scene in
            let reading = try await member.cosigner.look(.log(scene.id))
            let log = try ClientError.coSigning { () throws(CoSigningError) in try reading.judgedLog(scene.id) }
            return log.log.closure == nil ? "open" : "closed"
        },
        Operation("declined") { member, scene in
            said(try await member.cosigner.carryOut(.withdraw, in: .petition(scene.id)) { _, _ in false })
        },
    ]

    static let sending = [
        Operation("cosign", sendings: 1) { said(try await $0.cosigner.cosign($1.id, choices: [1])) },
        Operation("cosign by the beginning of the id", sendings: 1) { member, scene in
            said(
                try await member.cosigner.carryOut(
                    .sign(choices: [1], remark: "because", name: nil), in: .prefix(String(scene.id.hex.prefix(8)))
                ) { _, _ in true })
        },
        Operation("cosign by title", sendings: 1) { member, scene in
            said(
                try await member.cosigner.carryOut(
                    .sign(choices: [1], remark: "", name: nil), in: .everything, choosing: titled(member)
                ) { _, _ in true })
        },
        // As with a delay: what is sent rests on what is read then.
        Operation("cosign after a second reading", sendings: 1) { member, scene in
            let first = try await member.cosigner.begin(.petition(scene.id))
            if let sent = try await member.cosigner.resend(first) { return said(sent) }
            var seen: Set<Warning> = []
            do { seen = try member.cosigner.warnings(first) } catch {
                try member.cosigner.abandon(first)
                throw error
            }
            try member.cosigner.abandon(first)
            let second = try await member.cosigner.begin(.petition(scene.id))
            if let sent = try await member.cosigner.resend(second) { return said(sent) }
            return said(
                try await member.cosigner.send(
                    .sign(choices: [1], remark: "", name: nil), in: second, seen: seen))
        },
        Operation("withdraw", sendings: 1) { said(try await $0.cosigner.withdraw($1.id)) },
        Operation("withdraw what stands", sendings: 1) { member, _ in
            said(
                try await member.cosigner.carryOut(
                    .withdraw, in: .everything,
                    choosing: only(member) { $0.isOpen && $0.standing?.action == .sign }
                ) { _, _ in true })
        },
    ]

    static let followedBySession = [
        Operation("status", isFollowedBySession: true) { member, _ in
            said(try await member.status().petitions)
        },
        Operation("names", isFollowedBySession: true) { member, scene in
            "\(try await member.names(scene.id).claims.count) names"
        },
        Operation("negotiation", isFollowedBySession: true) { member, scene in
            "\(try await member.negotiation(scene.id).negotiation.rounds) rounds"
        },
    ]

    // MARK: Choosing, as the command line does

    private static func titled(_ member: Member) -> CoSigner.Choosing {
        only(member) { $0.view?.document?.title == Scene.title }
    }

    private static func only(
        _ member: Member, _ fits: @escaping (PetitionSummary) -> Bool
    ) -> CoSigner.Choosing {
        { reading in
            let fitting = member.cosigner.summaries(in: reading).filter(fits)
            guard let first = fitting.first else { throw ClientError.noSuch(.petition) }
            guard fitting.count == 1 else { throw ClientError.ambiguous(.petition) }
            return first.id
        }
    }

    // MARK: What it came to

    private static func said(_ sent: Sent?) -> String {
        switch sent {
        case .receipt?: "receipt"
        case .promised?: "promise"
        case nil: "nothing sent"
        }
    }

    private static func said(_ view: PetitionView) -> String {
        let wording = view.documentFault.map { ", no wording: \($0)" } ?? ""
        return (view.petition.closure == nil ? "open" : "closed") + wording
    }

    private static func said(_ bundle: PetitionBundle) -> String {
        bundle.document == nil ? "read, no wording" : "read"
    }

    private static func said(_ petitions: [PetitionSummary]) -> String {
        petitions.map { petition in
            petition.view.map(said) ?? petition.failure?.code.rawValue ?? "not open yet"
        }.joined(separator: "; ")
    }
}
