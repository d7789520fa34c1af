import CoSigning
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Client
@testable import CoSigning

/// Devices of one member that have seen different things, none of which must show.
extension Scene {
    static let ownReceipts = "its own receipts of this petition"

    typealias DeviceState = (name: String, path: String)

    /// Makes a device that starts like the fresh one.
    private func made(
        _ name: String, clock: @escaping @Sendable () -> UInt64 = Device.systemClock, _ scripts: [Operator.Script] = [],
        _ body: (Member) async throws -> Void
    ) async throws -> DeviceState {
        let path = try stage.copy(fresh)
        let member = try stage.open(path, clock: clock)
        inspector.answer(scripts)
        try await body(member)
        inspector.beHonest()
        member.close()
        return (name, path)
    }

    private func lookAround(_ member: Member) async throws { _ = try await member.cosigner.look(.everything) }

    private func lookAsMember(_ member: Member) async throws {
        try await member.sessionOfAnybody { session in
            for id in [id, other] { _ = try? await session.petition(id) }
        }
    }

    func deviceStates() async throws -> [DeviceState] {
        try await [
            ahead(), forks(), fromElsewhere(), absences(), others(), [inAnotherPetition(), withReceipts()], keys(),
            ages(), own(),
        ].flatMap { $0 }
    }

    /// Where the other petition is closed.
    func deviceStatesOfVote() async throws -> [DeviceState] {
        try await [ahead(), forks(), fromElsewhere(), absences(), [withReceipts()], keys(), own()].flatMap { $0 }
    }

    /// Where the operator cannot make another log, or a receipt.
    func deviceStatesWitnessed() async throws -> [DeviceState] {
        try await [ahead(), absences(), [inAnotherPetition(), withReceipts()], keys(), own()].flatMap { $0 }
    }

    /// A few of them.
    func deviceStates(_ names: [String]) async throws -> [DeviceState] {
        let chosen = try await [ahead(), forks(), absences()].flatMap { $0 }.filter { names.contains($0.name) }
        #expect(chosen.count == names.count)
        return chosen
    }

    /// Both logs as they were, as far as the operator can show it.
    private var older: [Operator.Script] {
        stage.isWitnessed ? [roster.script, log.script] : [olderRoster.script, olderLog.script]
    }

    private func ahead() async throws -> [DeviceState] {
        [
            try await made("anonymous pins further ahead") { try await lookAround($0) },
            try await made("pins of the member's view further ahead") { try await lookAsMember($0) },
            try await made("both further ahead, and rolled back since") { member in
                try await lookAround(member)
                try await lookAsMember(member)
                inspector.answer(older)
                try await lookAround(member)
                try await lookAsMember(member)
                #expect(member.alarmKinds == [.older])
            },
            try await made("an older log, which it has seen no more of", older) {
                try await lookAround($0)
                #expect($0.alarms.isEmpty)
            },
        ]
    }

    private func forks() async throws -> [DeviceState] {
        let forks = [forkedRoster.script, forkedLog.script]
        return [
            try await made("a fork that was seen anonymously", forks) { try await lookAround($0) },
            try await made("a fork that was seen as a member", forks) { try await lookAsMember($0) },
            try await made("both faces") { member in
                try await lookAround(member)
                inspector.answer(forks)
                try await lookAround(member)
                try await lookAsMember(member)
                #expect(member.alarmKinds == [.forked])
            },
        ]
    }

    private func fromElsewhere() async throws -> [DeviceState] {
        [
            try await made("as many alarms as are kept") { member in
                for i in 0..<200 {
                    member.device.state.memory.raise(
                        Alarm(.forked, .petition(id), in: .anonymous, seen: UInt64(i), at: 1))
                }
                try member.device.save()
                #expect(member.device.alarms.count == Memory.mostAlarms)
            }
        ]
    }

    private func absences() async throws -> [DeviceState] {
        let stranger = NoteKey(name: "w.example", kind: .witness, key: SigningKey(seed: .random(32)).publicKey).text
        return [
            try await made("a policy of its own that is not met") { member in
                try member.device.watch(by: Array("witness w \(stranger)\nquorum w\n".utf8))
                try await lookAround(member)
                #expect(member.alarmKinds == [.policy])
            },
            try await made("a petition that only the member's view showed") { member in
                let announced = try await member.sessionOfAnybody { $0.roster.announcedInOrder.map(\.id) }
                for id in announced {
                    member.device.state.memory.raise(Alarm(.memberViewOnly, .petition(id), in: .member, at: 1))
                }
                try member.device.save()
                #expect(member.alarmKinds == [.memberViewOnly])
            },
            try await made("a petition that was gone for a while") { member in
                try await lookAround(member)
                inspector.answer([Scene.hiding(log)])
                try await lookAround(member)
                #expect(member.alarmKinds == [.gone])
            },
            try await made("a wrap that was missing for a while", [Scene.withoutWraps(of: member.signKey)]) { member in
                try await lookAround(member)
                await #expect(throws: ClientError.self) { try await member.cosign(id, choices: [1]) }
            },
        ]
    }

    private func others() async throws -> [DeviceState] {
        [
            try await made("the petition was shown closed", [closedEarly().script]) { member in
                try await lookAround(member)
                #expect(member.alarmKinds == [.closedEarly])
            },
            try await made(
                "a receipt on another petition",
                [
                    { [otherLog] request in
                        guard request.isSending, let sent = try? CoSignatureRequest(decoding: request.body) else {
                            return nil
                        }
                        return .response(.text(otherLog.appending(sent.statement).receipt))
                    }
                ]
            ) { member in
                try await member.cosign(other, choices: [1])
                #expect(member.ownStatus(other) == .signed)
            },
        ]
    }

    private func inAnotherPetition() async throws -> DeviceState {
        try await made("a statement on another petition that is on its way", [Scene.sending(.drop)]) { member in
            await #expect(throws: ClientError.self) { try await member.cosign(other, choices: [1]) }
            #expect(member.ownStatus(other) == .pending)
        }
    }

    private func withReceipts() async throws -> DeviceState {
        try await made(Scene.ownReceipts) { copied in
            copied.device.state.memory = member.device.state.memory
            try copied.device.save()
            #expect(copied.ownStatus(id) == .signed)
        }
    }

    private func own() async throws -> [DeviceState] {
        [
            try await made("something was sent a second ago") { member in
                member.device.state.lastSent = member.device.clock()
                try member.device.save()
                #expect(member.device.hasSentLately)
            },
            try await made("an answer that was kept and not sent") { member in
                try member.device.intend(Intention(choices: [2], remark: "", name: nil, notBefore: 0), in: id)
            },
        ]
    }

    private func keys() async throws -> [DeviceState] {
        [
            try await made("no group key but the list's") { member in
                member.device.identity.groupKeys.keep { _ in false }
                try member.device.saveIdentity()
            },
            try await made("a restored backup") { member in
                try await lookAround(member)
                try await restore(member)
            },
            try await made("a rotation that was cut off", [{ $0.path.hasSuffix("/statements") ? .drop : nil }]) {
                member in
                await #expect(throws: ClientError.self) { try await member.rotateRingKey() }
                #expect(member.device.identity.ringKeys.count == 2)
            },
        ]
    }

    /// Restores what a backup of the device contains.
    private func restore(_ member: Member) async throws {
        let file = stage.directory("backup-\(Random.number(below: 1 << 30))")
        try member.device.backup(to: file, passphrase: LiveWorkplace.passphrase())
        let backup = try OpenedBackup(file, passphrase: LiveWorkplace.passphrase())
        let restored = try backup.restore(in: file + "-home", passphrase: LiveWorkplace.passphrase())
        let identity = try restored.device.keystore.required(.identity)
        let state = try restored.device.keystore.required(.state)
        restored.close()
        // Under the first passphrase, which opens faster.
        try member.device.keystore.write(.identity, identity)
        try member.device.keystore.write(.state, state)
    }

    private func ages() async throws -> [DeviceState] {
        [
            try await made(
                "a petition that it has known for forty days", clock: { Device.systemClock() - 40 * 86_400 }
            ) { try await lookAround($0) },
            try await made("a signed request a second ago") { member in
                try await member.session { _ = try await $0.drafts() }
                #expect(member.device.state.lastSigned != nil)
            },
        ]
    }
}
