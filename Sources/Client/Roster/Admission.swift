// docs/protocol.md, section 4, "Invites"

import CoSigning
import Foundation
import MembershipProofs
import Petitions
import ServiceAPI
import Sodium
import TransparencyLog

/// What an invite leads to, for a newcomer to confirm before anything is made.
public struct Invitation: Sendable {
    public let workplace: ID<Workplace>
    public let logKey: Bytes32
    public let service: String
    public let members: Int
    /// The former member whom the invite says the newcomer is.
    public let replaces: NamedMember?
    /// Who issued it.
    public let issuer: NamedMember?
    public let witnesses: WitnessNote?

    /// The witnesses that the workplace's log names.
    public struct WitnessNote: Sendable, Hashable {
        public let names: [String]
        public let threshold: Int
    }
}

extension Member {
    /// Founds a workplace and becomes its first member and organiser.
    /// - Parameter token: what the service's operator gives to people who may found, where that takes a token. It is not kept.
    public static func found(
        at serviceURL: String, eligible: UInt32, in directory: String, passphrase: borrowing SecretBytes,
        cost: PasswordHash = .recommended(), token: String? = nil, proxy: Proxy? = nil,
        clock: @escaping @Sendable () -> UInt64 = Device.systemClock
    ) async throws -> Member {
        if Keystore.exists(in: directory) {
            return try await resumeFounding(
                in: directory, passphrase: passphrase, token: token, proxy: proxy, clock: clock)
        }
        let url = try serviceAddress(serviceURL)
        let info = try await AnonymousConnection.with(url, proxy: proxy) { try await $0.service() }
        guard let logKey = Bytes32(hex: info.log_key) else { throw ClientError.badAnswer(.service) }
        let identity = Identity()
        let statement = try ClientError.rules { () throws(RuleViolation) in
            try WorkplaceStatement.found(
                service: info.name, logKey: logKey, eligible: eligible, seed: identity.seed,
                ring: identity.newestRingKey.secret)
        }
        let keystore = try Keystore.create(in: directory, passphrase: passphrase, cost: cost)
        var state = DeviceState(workplace: statement.workplace, logKey: logKey, serviceURL: url)
        state.founding = Data(statement.bytes)
        let member = Member(Device(keystore, identity, state, proxy: proxy, clock: clock))
        return try await member.closingOnError {
            try member.device.saveIdentity()
            try member.device.save()
            try await member.finishFounding(token)
        }
    }

    /// A founding that was cut off: the same statement again, which gets the same receipt.
    private static func resumeFounding(
        in directory: String, passphrase: borrowing SecretBytes, token: String?, proxy: Proxy?,
        clock: @escaping @Sendable () -> UInt64
    ) async throws -> Member {
        let member = try open(directory, passphrase: passphrase, proxy: proxy, clock: clock)
        return try await member.closingOnError {
            guard member.device.state.founding != nil else { throw ClientError.keystoreExists(directory) }
            try await member.finishFounding(token)
        }
    }

    private func finishFounding(_ token: String?) async throws {
        guard let bytes = device.state.founding.map({ [UInt8]($0) }) else { return }
        let log = try ClientError.rules { () throws(RuleViolation) in try WorkplaceLog(founding: bytes) }
        let connection = MemberConnection(device.serviceURL, proxy: device.proxy)
        let answer: MemberConnection.StatementAnswer
        do { answer = try await connection.post(bytes, to: .founding(token: token)) } catch {
            await connection.close()
            throw error
        }
        await connection.close()
        try device.takeReceipt(answer, for: bytes, of: .workplace(log.id), by: log.verifier)
        try await session { session in
            if session.roster.groupKeys.isEmpty { try await session.rotateGroupKey() }
        }
        device.state.founding = nil
        try device.save()
    }

    /// Lets the keystore go when `body` throws.
    private func closingOnError(_ body: () async throws -> Void) async throws -> Member {
        do { try await body() } catch {
            close()
            throw error
        }
        return self
    }

    // MARK: Joining

    /// What an invite leads to. The log is read over an anonymous connection, and an answer that the invite does not fit is refused.
    public static func look(at invite: borrowing Invite, proxy: Proxy? = nil) async throws -> Invitation {
        let found = try await find(invite, proxy: proxy)
        let roster = found.roster
        let replaces = roster.replaces(ofInvite: found.inviteKey)
        let quorum = roster.witnesses
        return Invitation(
            workplace: roster.id, logKey: roster.founding.logKey, service: roster.founding.service,
            members: roster.members(at: roster.size).count, replaces: replaces.map { roster.person($0) },
            issuer: roster.issuer(ofInvite: found.inviteKey).map { roster.person($0) },
            witnesses: quorum.threshold == 0
                ? nil : .init(names: quorum.witnesses.map(\.name), threshold: Int(quorum.threshold)))
    }

    private struct Found {
        let url: String
        let inviteKey: Bytes32
        let roster: WorkplaceLog
        let keys: [UInt8]
    }

    private static func find(_ invite: borrowing Invite, proxy: Proxy?) async throws -> Found {
        let url = try serviceAddress(invite.serviceURL)
        let (name, inviteKey) = (invite.lookupName(), invite.signingKey().publicKey)
        let connection = MemberConnection(url, proxy: proxy)
        let answer: Answers.Invitation?
        do { answer = try await connection.invitation(name) } catch {
            await connection.close()
            throw error
        }
        await connection.close()
        guard let answer else { throw ClientError.invalid(.inviteNotOpen) }
        guard let workplace = ID<Workplace>(hex: answer.workplace), let logKey = Bytes32(hex: answer.log_key),
            let keys = Base64.decode(answer.keys)
        else { throw ClientError.badAnswer(.invitation) }
        // Whatever the service says, the inviter's own pin decides which workplace it is.
        guard invite.fits(workplace, logKey: logKey) else { throw ClientError.invalid(.inviteMisfit) }
        let reading = try await AnonymousConnection.with(url, proxy: proxy) {
            try await $0.read(Run(.roster, of: workplace))
        }
        let roster = try ClientError.coSigning { () throws(CoSigningError) in try reading.judgedRoster().log }
        guard roster.founding.logKey == logKey else { throw ClientError.badAnswer(.logKey) }
        return Found(url: url, inviteKey: inviteKey, roster: roster, keys: keys)
    }

    /// Joins by an invite. A join that was cut off is taken up again by calling this once more.
    /// - Parameter confirmed: the sign key of the former member whom the person says they are. An invite that replaces somebody
    ///   admits nobody else.
    public static func join(
        _ invite: borrowing Invite, as confirmed: Bytes32? = nil, in directory: String,
        passphrase: borrowing SecretBytes, cost: PasswordHash = .recommended(), token: String? = nil,
        proxy: Proxy? = nil,
        clock: @escaping @Sendable () -> UInt64 = Device.systemClock
    ) async throws -> Member {
        if Keystore.exists(in: directory) {
            return try await rejoin(invite, in: directory, passphrase: passphrase, proxy: proxy, clock: clock)
        }
        // Looked at first: a mistyped address leaves no keystore behind that is good for nothing.
        let found = try await find(invite, proxy: proxy)
        guard found.roster.inviteIsOpen(found.inviteKey) == true else { throw ClientError.invalid(.inviteNotOpen) }
        if let former = found.roster.replaces(ofInvite: found.inviteKey), former != confirmed {
            throw ClientError.invalidPerson(.replacesUnconfirmed, found.roster.person(former))
        }
        let keystore = try Keystore.create(in: directory, passphrase: passphrase, cost: cost)
        let state = DeviceState(
            workplace: found.roster.id, logKey: found.roster.founding.logKey, serviceURL: found.url)
        let member = Member(Device(keystore, Identity(), state, proxy: proxy, clock: clock))
        // Who joins sees the witnesses as they are; only later changes are news.
        member.device.state.memory.sawWitnesses(of: found.roster)
        do {
            try member.device.saveIdentity()
            try member.device.save()
            try await member.enter(by: invite, carrying: found.keys)
        } catch {
            member.close()
            throw error
        }
        return member
    }

    private static func rejoin(
        _ invite: borrowing Invite, in directory: String, passphrase: borrowing SecretBytes, proxy: Proxy?,
        clock: @escaping @Sendable () -> UInt64
    ) async throws -> Member {
        let member = try open(directory, passphrase: passphrase, proxy: proxy, clock: clock)
        do {
            guard invite.fits(member.workplaceID, logKey: member.device.state.logKey) else {
                throw ClientError.keystoreExists(directory)
            }
            // What the inviter left is gone once the invite was used; then the keys come by wraps.
            let found = try? await find(invite, proxy: proxy)
            try await member.enter(by: invite, carrying: found?.keys)
        } catch {
            member.close()
            throw error
        }
        return member
    }

    private func enter(by invite: borrowing Invite, carrying keys: [UInt8]?) async throws {
        let inviteKey = invite.signingKey().publicKey
        let (workplace, identity) = (workplaceID, device.identity)
        if let keys, let carried = try? invite.open(keys, in: workplace) {
            for epoch in carried.epochs {
                if let key = carried.key(epoch: epoch) { identity.groupKeys.insert(key) }
            }
            try device.saveIdentity()
        }
        let statement = try ClientError.rules { () throws(RuleViolation) in
            try WorkplaceStatement.admit(
                to: workplace, invite: invite, seed: identity.seed, ring: identity.newestRingKey.secret)
        }
        try await sessionOfAnybody { session in
            if !session.roster.isMember(signKey) {
                // A key is used once ever: somebody who was removed comes back with new ones.
                guard session.roster.member(signKey) == nil else { throw ClientError.invalid(.removedKeystore) }
                guard session.roster.inviteIsOpen(inviteKey) == true else { throw ClientError.invalid(.inviteNotOpen) }
                try await session.submit(statement)
            }
            try await session.wrapForMyself()
        }
    }

    /// An address as it is kept.
    static func serviceAddress(_ text: String) throws -> String { try ServiceAddress(text).text }
}

extension Session {
    /// Leaves every group key that this device has for its own member: the open list of wraps is what co-signing goes by.
    fileprivate func wrapForMyself() async throws {
        if roster.member(signKey) == nil { try await catchUp() }
        try device.adopt([], in: roster)
        guard let own = roster.member(signKey) else { return }
        for epoch in device.identity.groupKeys.epochs {
            if let key = device.identity.groupKeys.key(epoch: epoch) { try await share(key, with: [own]) }
        }
    }
}

extension Device {
    fileprivate func takeReceipt(
        _ answer: MemberConnection.StatementAnswer, for bytes: [UInt8], of log: LogName, by verifier: LogVerifier
    ) throws {
        guard case .receipt(let text) = answer else { return }
        do {
            let receipt = try Receipt(parsing: String(decoding: text, as: UTF8.self))
            let checkpoint = try receipt.verify(leaf: bytes, by: verifier)
            state.memory.expect(checkpoint, of: log, by: verifier, in: .member)
            try save()
        } catch let error as LogError { throw ClientError.receipt(error) }
    }
}
