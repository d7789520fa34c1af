// docs/protocol.md, section 4, "Invites"

import CoSigning
import Foundation
import MembershipProofs
import Petitions
import ServiceAPI
import Sodium
import TransparencyLog

/// Where an invite leads, for a newcomer to confirm before anything is made.
public struct Invitation: Sendable {
    /// The workplace's id.
    public let workplace: ID<Workplace>
    /// The key that signs the workplace's logs.
    public let logKey: Bytes32
    /// The service's name.
    public let service: String
    /// How many members the workplace has.
    public let members: Int
    /// The former member who, by the invite, is the same person as the newcomer.
    public let replaces: NamedMember?
    /// The organiser who issued the invite.
    public let issuer: NamedMember?
    /// Nil if the workplace names no witnesses.
    public let witnesses: WitnessNote?

    /// The witnesses that the workplace's log names.
    public struct WitnessNote: Sendable, Hashable {
        /// The witnesses' names.
        public let names: [String]
        /// How many of them must sign.
        public let threshold: Int
    }
}

/// The ways into a workplace: founding one, and joining by an invite. Each resumes what was interrupted before.
public enum Enrolment {
    /// That a service answers at an address, before anything else is asked of whoever wants to found a workplace there.
    /// - Throws: `ClientError.invalid` with what is wrong with the address, `.unreachable`, `.refused`, `.badAnswer`.
    public static func checkService(at serviceURL: String, proxy: Proxy? = nil) async throws {
        _ = try await AnonymousConnection.with(try ServiceAddress(serviceURL).text, proxy: proxy) {
            try await $0.service()
        }
    }

    /// Founds a workplace and becomes its first member and organiser.
    /// - Parameter token: the token that the service's operator gives to people who may found, if the service requires
    ///   one. It is not stored.
    public static func found(
        at serviceURL: String, eligible: UInt32, in directory: String, passphrase: borrowing SecretBytes,
        cost: PasswordHash = .recommended(), token: String? = nil, proxy: Proxy? = nil,
        clock: @escaping @Sendable () -> UInt64 = Device.systemClock
    ) async throws -> Member {
        if Keystore.exists(in: directory) {
            return try await resumeFounding(
                in: directory, passphrase: passphrase, token: token, proxy: proxy, clock: clock)
        }
        let url = try ServiceAddress(serviceURL).text
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
        return try await closingOnError(member) {
            try member.device.saveIdentity()
            try member.device.save()
            try await finishFounding(member, token)
        }
    }

    /// Resumes an interrupted founding: sends the same statement again, which gets the same receipt.
    private static func resumeFounding(
        in directory: String, passphrase: borrowing SecretBytes, token: String?, proxy: Proxy?,
        clock: @escaping @Sendable () -> UInt64
    ) async throws -> Member {
        let member = try Member.open(directory, passphrase: passphrase, proxy: proxy, clock: clock)
        return try await closingOnError(member) {
            guard member.device.state.founding != nil else { throw ClientError.keystoreExists(directory) }
            try await finishFounding(member, token)
        }
    }

    private static func finishFounding(_ member: Member, _ token: String?) async throws {
        let device = member.device
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
        try await member.session { session in
            if session.roster.groupKeys.isEmpty { try await session.rotateGroupKey() }
        }
        device.state.founding = nil
        try device.save()
    }

    /// Closes the keystore if `body` throws.
    private static func closingOnError(_ member: Member, _ body: () async throws -> Void) async throws -> Member {
        do { try await body() } catch {
            member.close()
            throw error
        }
        return member
    }

    // MARK: Joining

    /// Where an invite leads. The log is read over an anonymous connection, and a response that does not fit the invite
    /// is rejected.
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
        let url = try ServiceAddress(invite.serviceURL).text
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
        // Whatever the service says, the inviter's pin decides which workplace is meant.
        guard invite.fits(workplace, logKey: logKey) else { throw ClientError.invalid(.inviteMisfit) }
        let reading = try await AnonymousConnection.with(url, proxy: proxy) {
            try await $0.read(Run(.roster, of: workplace))
        }
        let roster = try ClientError.coSigning { () throws(CoSigningError) in try reading.judgedRoster().log }
        guard roster.founding.logKey == logKey else { throw ClientError.badAnswer(.logKey) }
        return Found(url: url, inviteKey: inviteKey, roster: roster, keys: keys)
    }

    /// Joins by an invite. Calling this again resumes a join that was interrupted.
    /// - Parameter confirmed: the sign key of the former member that the person says they are. An invite that replaces
    ///   somebody admits nobody else.
    public static func join(
        _ invite: borrowing Invite, as confirmed: Bytes32? = nil, in directory: String,
        passphrase: borrowing SecretBytes, cost: PasswordHash = .recommended(), proxy: Proxy? = nil,
        clock: @escaping @Sendable () -> UInt64 = Device.systemClock
    ) async throws -> Member {
        if Keystore.exists(in: directory) {
            return try await rejoin(invite, in: directory, passphrase: passphrase, proxy: proxy, clock: clock)
        }
        // Checked first, so that a mistyped address does not leave a useless keystore behind.
        let found = try await find(invite, proxy: proxy)
        guard found.roster.inviteIsOpen(found.inviteKey) == true else { throw ClientError.invalid(.inviteNotOpen) }
        if let former = found.roster.replaces(ofInvite: found.inviteKey), former != confirmed {
            throw ClientError.invalidPerson(.replacesUnconfirmed, found.roster.person(former))
        }
        let keystore = try Keystore.create(in: directory, passphrase: passphrase, cost: cost)
        let state = DeviceState(
            workplace: found.roster.id, logKey: found.roster.founding.logKey, serviceURL: found.url)
        let member = Member(Device(keystore, Identity(), state, proxy: proxy, clock: clock))
        // A newcomer accepts the current witnesses; only later changes are news.
        member.device.state.memory.sawWitnesses(of: found.roster)
        do {
            try member.device.saveIdentity()
            try member.device.save()
            try await enter(member, by: invite, carrying: found.keys)
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
        let member = try Member.open(directory, passphrase: passphrase, proxy: proxy, clock: clock)
        do {
            guard invite.fits(member.workplaceID, logKey: member.device.state.logKey) else {
                throw ClientError.keystoreExists(directory)
            }
            // The service deletes what the inviter left once the invite has been used; the keys then arrive as wraps.
            let found = try? await find(invite, proxy: proxy)
            try await enter(member, by: invite, carrying: found?.keys)
        } catch {
            member.close()
            throw error
        }
        return member
    }

    private static func enter(
        _ member: Member, by invite: borrowing Invite, carrying keys: [UInt8]?
    ) async throws {
        let inviteKey = invite.signingKey().publicKey
        let (device, signKey) = (member.device, member.signKey)
        let (workplace, identity) = (device.workplaceID, device.identity)
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
        try await member.sessionOfAnybody { session in
            if session.roster.isMember(signKey) {
                // This member's own invite was used when they joined; one that is still open is another person's.
                guard session.roster.inviteIsOpen(inviteKey) != true else {
                    throw ClientError.keystoreExists(device.keystore.directory)
                }
            } else {
                // A key can be admitted only once: somebody who was removed comes back with new keys.
                guard session.roster.member(signKey) == nil else { throw ClientError.invalid(.removedKeystore) }
                guard session.roster.inviteIsOpen(inviteKey) == true else { throw ClientError.invalid(.inviteNotOpen) }
                try await session.submit(statement)
            }
            try await session.wrapForMyself()
        }
    }
}

extension Session {
    /// Wraps every group key that this device has for its own member, because co-signing relies on the public list of
    /// wraps.
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
