import Foundation
import MembershipProofs
import NIOCore
import NIOHTTP1
import Petitions
import Sodium
import TestSupport

/// Members who co-sign, change their minds and withdraw, one statement after another. A statement without a response is
/// sent again in the same bytes.
actor Members {
    private struct Seat {
        var sequence: UInt32 = 0
        var unanswered: [UInt8]?
        /// A statement that was promised but has not been seen in the log yet.
        var waiting: [UInt8]?
        var isBusy = false
    }

    private let petition: PetitionWorld
    private var seats: [Seat]

    init(_ petition: sending PetitionWorld) {
        self.petition = petition
        seats = petition.world.people.map { _ in Seat() }
    }

    /// The next statement to send; nil if everybody is waiting.
    func next() throws -> (seat: Int, leaf: [UInt8])? {
        let free = seats.indices.filter { !seats[$0].isBusy && seats[$0].waiting == nil }
        guard let seat = free.randomElement() else { return nil }
        seats[seat].isBusy = true
        if let leaf = seats[seat].unanswered { return (seat, leaf) }
        let withdraws = seats[seat].sequence > 0 && Int.random(in: 0..<6) == 0
        let leaf = try petition.coSignature(
            by: petition.world.people[seat], withdraws ? .withdraw : .sign,
            choices: [.random(in: 1...2), .random(in: 1...2)],
            sequence: seats[seat].sequence
        ).bytes
        seats[seat].unanswered = leaf
        return (seat, leaf)
    }

    func done(_ seat: Int, status: UInt?) {
        seats[seat].isBusy = false
        guard status == 200 || status == 202 else { return }
        seats[seat].sequence += 1
        if status == 202 { seats[seat].waiting = seats[seat].unanswered }
        seats[seat].unanswered = nil
    }

    /// Lets members continue whose leaf is in the log.
    func saw(_ log: ServedLog) {
        for seat in seats.indices {
            if let leaf = seats[seat].waiting, log.places[leaf] != nil { seats[seat].waiting = nil }
        }
    }
}

/// Clients that send the members' statements, to whichever service runs, until they are stopped.
struct Load {
    let members: Members
    let ledger: Ledger
    let petition: ID<Petition>
    /// The services that run in this round.
    let services: @Sendable () -> [Running]
    let isOver: @Sendable () -> Bool
    /// The timeout of a response; short if clients are to hang up.
    let patience: TimeAmount

    func run(clients: Int) async {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<clients { group.addTask { await client() } }
        }
    }

    private func client() async {
        while !isOver() {
            guard let service = services().randomElement() else {
                try? await Task.sleep(for: .milliseconds(5))
                continue
            }
            let next: (seat: Int, leaf: [UInt8])?
            do { next = try await members.next() } catch { return ledger.fault("cannot co-sign: \(error)") }
            guard let next else {
                try? await Task.sleep(for: .milliseconds(10))
                continue
            }
            let body = CoSignatureRequest(statement: next.leaf, sealedName: nil).encoding
            let answer = await service.send(
                .POST, "/v1/petitions/\(petition.hex)/cosignatures", body, patience: patience)
            if let (status, body) = answer {
                switch status {
                case 200, 202: ledger.take(next.leaf, isPetition: true, status: status, body: body)
                case 429, 500...: try? await Task.sleep(for: .milliseconds(3))
                default: ledger.fault("refused with \(status): \(String(decoding: body, as: UTF8.self))")
                }
            }
            await members.done(next.seat, status: answer?.status)
        }
    }
}
