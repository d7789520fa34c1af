import ChildProcesses
import CoSigning
import Client
import TransparencyLog
import Foundation
import Petitions
import TestSupport
import Testing

@Suite("Answers that support nothing are not sent; what stands can be taken back instead", .ownThreads, .serialized)
struct SupportsNothingTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static let offer = "Your earlier co-signature still counts. Withdraw it?"

    /// Opposes the first demand and abstains from the second, until it is said that nothing was sent.
    private func oppose(_ id: ID<Petition>, _ member: Int, _ coworkers: Coworkers) throws -> PseudoTerminal {
        let terminal = try coworkers.terminal(member, "cosign", id.hex, "--now")
        try terminal.see("0 abstain: ")
        terminal.type("2\r")
        try terminal.see("0 abstain: ", count: 2)
        terminal.type("0\r")
        try terminal.see("your answers support none. Nothing was sent.")
        #expect(!terminal.text.contains("Send this?"))
        return terminal
    }

    @Test(
        "A yes withdraws in the log, a no and the end of the input leave everything, and who has nothing is not asked")
    func offered() async throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        let coworkers = try await Coworkers(5, at: service.url, in: directory)
        let id = try await coworkers.petition(demands: 2)
        for member in [2, 3] { try await coworkers.cosign(member, id, [1, 1]) }
        let before = try await coworkers.view(id).petition
        #expect(before.cosignatures == 2 && before.size == 3)

        // Nothing stands: no offer, and nothing to answer.
        let newcomer = try oppose(id, 4, coworkers)
        #expect(try newcomer.end() == .exited(2), "\(newcomer.text)")
        #expect(!newcomer.text.contains(Self.offer))

        // A no, an empty answer and Ctrl-D are no yes.
        for (typed, end) in [("n\r", ChildProcess.End.exited(2)), ("\r", .exited(2)), ("\u{4}", .exited(2))] {
            let stays = try oppose(id, 3, coworkers)
            try stays.see(Self.offer)
            stays.type(typed)
            #expect(try stays.end() == end, "\(stays.text)")
            #expect(!stays.text.contains("Withdrawn"))
        }
        #expect(try await coworkers.view(id).petition.tree.root == before.tree.root, "nothing was sent")

        let goes = try oppose(id, 2, coworkers)
        try goes.see(Self.offer)
        goes.type("y\r")
        try goes.see("Withdrawn.")
        #expect(try goes.end() == .exited(0), "\(goes.text)")
        let after = try await coworkers.view(id).petition
        #expect(after.size == 4 && after.cosignatures == 1)
        #expect(try await coworkers.with(2) { $0.device.ownStatus(id) } == .withdrawn)
        #expect(try await coworkers.with(3) { $0.device.ownStatus(id) } == .signed)

        // What was taken back is not offered again.
        let again = try oppose(id, 2, coworkers)
        #expect(try again.end() == .exited(2) && !again.text.contains(Self.offer), "\(again.text)")
        #expect(try await coworkers.view(id).petition.size == 4)
    }
}
