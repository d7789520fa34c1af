import Foundation
import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// One person's membership in one workplace: the keystore, and everything done with it. Used by one task at a time.
public final class Member {
    let keystore: Keystore
    let identity: Identity
    var state: LocalState
    let connection: Connection
    let proxy: Proxy?
    let clock: @Sendable () -> UInt64
    /// Whether nothing is written: neither the keystore nor what it remembers.
    let isOnlyReading: Bool
    /// How many texts of the last list could not be read: written by a broken or hostile client, or under a key this device lacks.
    public internal(set) var unreadableObjects = 0

    public static let systemClock: @Sendable () -> UInt64 = { UInt64(max(0, Date().timeIntervalSince1970)) }

    private init(
        _ keystore: Keystore, _ identity: Identity, _ state: LocalState, proxy: Proxy?,
        clock: @escaping @Sendable () -> UInt64, onlyReading: Bool = false
    ) {
        isOnlyReading = onlyReading
        self.keystore = keystore
        self.identity = identity
        self.state = state
        self.proxy = proxy
        self.clock = clock
        connection = Connection(serviceURL: state.serviceURL, proxy: proxy, anonymous: false)
    }

    /// Lets go of the network and of the keystore. What changed was written when it changed, so nothing is lost without it.
    public func close() async {
        keystore.unlock()
        await connection.close()
    }

    public var workplaceID: ID<Workplace> { ID<Workplace>(hex: state.workplace) ?? ID(.zero) }
    public var signKey: Bytes32 { identity.signKey }
    public var serviceURL: String { state.serviceURL }

    // MARK: Opening

    /// Opens a keystore that a founding or a join has made.
    public static func open(
        _ directory: String, passphrase: borrowing SecretBytes, proxy: Proxy? = nil,
        clock: @escaping @Sendable () -> UInt64 = Member.systemClock
    ) throws -> Member {
        try load(Keystore.open(directory, passphrase: passphrase), proxy, clock)
    }

    /// Opens it to look only, whatever other commands do with it meanwhile: nothing is written, and nobody waits.
    /// - Parameter last: an earlier look, whose pins hold on.
    public static func look(
        _ directory: String, passphrase: borrowing SecretBytes, proxy: Proxy? = nil, since last: MemberStatus? = nil,
        clock: @escaping @Sendable () -> UInt64 = Member.systemClock
    ) throws -> Member {
        let member = try load(
            Keystore.open(directory, passphrase: passphrase, onlyReading: true), proxy, clock, onlyReading: true)
        for (origin, pin) in last?.pins.verified ?? [:] where pin.size > member.state.pins.verified[origin]?.size ?? 0 {
            member.state.pins.verified[origin] = pin
        }
        return member
    }

    static func load(
        _ keystore: Keystore, _ proxy: Proxy?, _ clock: @escaping @Sendable () -> UInt64, onlyReading: Bool = false
    ) throws -> Member {
        let secrets = try keystore.required(.identity)
        let plain = try keystore.required(.state)
        guard let state = try? JSONDecoder().decode(LocalState.self, from: Data(plain.reveal())),
            ID<Workplace>(hex: state.workplace) != nil
        else { throw ClientError.keystoreDamaged("state") }
        return Member(
            keystore, try Identity(stored: secrets), state, proxy: proxy, clock: clock, onlyReading: onlyReading)
    }

    /// Writes what is remembered. Done before anything is sent that must not be forgotten.
    func save() throws {
        guard !isOnlyReading else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        var bytes = [UInt8](try encoder.encode(state))
        try keystore.write(.state, SecretBytes(moving: &bytes))
    }

    func saveIdentity() throws {
        guard !isOnlyReading else { return }
        try keystore.write(.identity, identity.stored())
    }

    // MARK: Founding and joining

    struct ServiceInfo: Decodable {
        let name: String
        let log_key: String
    }

    /// Founds a workplace and becomes its first member and organiser.
    public static func found(
        at serviceURL: String, eligible: UInt32, in directory: String, passphrase: borrowing SecretBytes,
        cost: PasswordHash = .recommended(), proxy: Proxy? = nil,
        clock: @escaping @Sendable () -> UInt64 = Member.systemClock
    ) async throws -> Member {
        if Keystore.exists(in: directory) {
            return try await resumeFounding(in: directory, passphrase: passphrase, proxy: proxy, clock: clock)
        }
        let url = try serviceAddress(serviceURL)
        let probe = Connection(serviceURL: url, proxy: proxy, anonymous: false)
        let answer: [UInt8]
        do { answer = try await probe.get("/v1/service") } catch {
            await probe.close()
            throw error
        }
        await probe.close()
        guard let info = try? JSONDecoder().decode(ServiceInfo.self, from: Data(answer)),
            let logKey = Bytes32(hex: info.log_key)
        else { throw ClientError.badAnswer("service") }
        let identity = Identity()
        let statement = try ClientError.rules {
            () throws(RuleViolation) in
            try WorkplaceStatement.found(
                service: info.name, logKey: logKey, eligible: eligible, seed: identity.seed,
                ring: identity.newestRingKey.secret)
        }
        let keystore = try Keystore.create(in: directory, passphrase: passphrase, cost: cost)
        let member = Member(
            keystore, identity, LocalState(workplace: statement.workplace, serviceURL: url), proxy: proxy, clock: clock)
        member.state.founding = Base64.encode(statement.bytes)
        try await member.closingOnError {
            try member.saveIdentity()
            try member.save()
            try await member.finishFounding()
        }
        return member
    }

    /// A founding that was cut off: the same statement again, which gets the same receipt.
    private static func resumeFounding(
        in directory: String, passphrase: borrowing SecretBytes, proxy: Proxy?, clock: @escaping @Sendable () -> UInt64
    ) async throws -> Member {
        let member = try open(directory, passphrase: passphrase, proxy: proxy, clock: clock)
        try await member.closingOnError {
            guard member.state.founding != nil else { throw ClientError.keystoreExists(directory) }
            try await member.finishFounding()
        }
        return member
    }

    private func finishFounding() async throws {
        guard let bytes = state.founding.flatMap({ Base64.decode($0) }) else { return }
        let log = try ClientError.rules { () throws(RuleViolation) in try WorkplaceLog(founding: bytes) }
        let answer = try await connection.postAgain("/v1/workplaces", bytes)
        _ = try receipt(answer, for: bytes, by: log.verifier, log: "workplace")
        state.isAdmitted = true
        if try await roster().groupKeys.isEmpty { try await rotateGroupKey() }
        state.founding = nil
        try save()
    }

    /// Lets go of everything when `body` throws.
    private func closingOnError(_ body: () async throws -> Void) async throws {
        do { try await body() } catch {
            await close()
            throw error
        }
    }

    /// Joins by an invite. A join that was cut off is taken up again by calling this once more.
    public static func join(
        _ invite: borrowing Invite, in directory: String, passphrase: borrowing SecretBytes,
        cost: PasswordHash = .recommended(), proxy: Proxy? = nil,
        clock: @escaping @Sendable () -> UInt64 = Member.systemClock
    ) async throws -> Member {
        let member: Member
        if Keystore.exists(in: directory) {
            member = try open(directory, passphrase: passphrase, proxy: proxy, clock: clock)
            guard member.workplaceID == invite.workplace else {
                await member.close()
                throw ClientError.keystoreExists(directory)
            }
        } else {
            let url = try serviceAddress(invite.serviceURL)
            // Looked at first: a mistyped address leaves no keystore behind that is good for nothing.
            try await checkOpen(invite, at: url, proxy: proxy)
            let keystore = try Keystore.create(in: directory, passphrase: passphrase, cost: cost)
            member = Member(
                keystore, Identity(), LocalState(workplace: invite.workplace, serviceURL: url), proxy: proxy,
                clock: clock)
        }
        do {
            try member.saveIdentity()
            try member.save()
            try await member.enter(by: invite)
        } catch {
            await member.close()
            throw error
        }
        return member
    }

    private static func checkOpen(_ invite: borrowing Invite, at url: String, proxy: Proxy?) async throws {
        let (workplace, logKey, inviteKey) = (invite.workplace, invite.logKey, invite.signingKey().publicKey)
        var pins = LocalState.Pins()
        let roster = try await Connection.anonymous(url, proxy: proxy) { connection in
            do {
                return try await LogReader(connection: connection).workplace(workplace, pins: &pins).log
            } catch ClientError
                .refused(404, _, _, _)
            { throw ClientError.invalid("inviteElsewhere") }
        }
        guard roster.founding.logKey == logKey else { throw ClientError.badAnswer("logKey") }
        guard roster.inviteIsOpen(inviteKey) == true else { throw ClientError.invalid("inviteNotOpen") }
    }

    private func enter(by invite: borrowing Invite) async throws {
        let inviteKey = invite.signingKey().publicKey
        var roster = try await self.roster()
        guard roster.founding.logKey == invite.logKey else {
            throw ClientError.badAnswer("logKey")
        }
        if !roster.isMember(signKey) {
            // A key is used once ever: who was removed comes back with new ones.
            guard roster.member(signKey) == nil else { throw ClientError.invalid("removedKeystore") }
            guard roster.inviteIsOpen(inviteKey) == true else {
                throw ClientError.invalid("inviteNotOpen")
            }
            let workplace = invite.workplace
            let statement = try ClientError.rules {
                () throws(RuleViolation) in
                try WorkplaceStatement.admit(
                    to: workplace, invite: invite, seed: identity.seed, ring: identity.newestRingKey.secret)
            }
            try await submit(statement, to: roster)
            roster = try await self.roster()
        }
        state.isAdmitted = true
        try save()
        if let sealed = try await connection.getIfThere("/v1/workplaces/\(workplaceID.hex)/invites/\(inviteKey.hex)") {
            let carried = try ClientError.rules { () throws(RuleViolation) in try invite.open(sealed) }
            for epoch in carried.epochs { try adopt(carried.key(epoch: epoch), in: roster) }
            try saveIdentity()
        }
        try await shareGroupKey(with: [signKey], in: roster)
    }

    /// Takes a group key that the log has committed to.
    private func adopt(_ key: consuming GroupKey?, in roster: WorkplaceLog) throws {
        guard let key, roster.groupKeys.indices.contains(Int(key.epoch)),
            roster.groupKeys[Int(key.epoch)] == key.commitment
        else { throw ClientError.badAnswer("groupKey") }
        identity.groupKeys.insert(key)
    }

    private static func serviceAddress(_ text: String) throws -> String {
        let trimmed = text.hasSuffix("/") ? String(text.dropLast()) : text
        guard let parts = URLComponents(string: trimmed), let scheme = parts.scheme,
            ["http", "https"].contains(scheme),
            parts.host?.isEmpty == false, parts.query == nil, parts.fragment == nil
        else { throw ClientError.invalid("serviceAddress", ["text": text]) }
        return trimmed
    }

    // MARK: The roster

    /// Logs as this member reads them: with the witnesses that they ask for.
    func reader(_ connection: Connection) throws -> LogReader {
        LogReader(connection: connection, policy: try witnessPolicy())
    }

    /// The workplace's log at its newest checkpoint, verified from the first leaf and against the pin.
    public func roster() async throws -> WorkplaceLog {
        let (log, _) = try await reader(connection).workplace(workplaceID, pins: &state.pins)
        try save()
        return log
    }

    /// A petition's log, likewise, with the workplace's at that moment.
    public func petition(_ id: ID<Petition>) async throws -> (roster: WorkplaceLog, log: PetitionLog) {
        let (roster, log, _) = try await reader(connection).petition(
            id, in: workplaceID, pins: &state.pins)
        try save()
        return (roster, log)
    }

    /// Posts a statement to the workplace log and checks its receipt.
    func submit(_ statement: WorkplaceStatement, to roster: WorkplaceLog) async throws {
        let answer = try await connection.postAgain("/v1/workplaces/\(workplaceID.hex)/statements", statement.bytes)
        _ = try receipt(answer, for: statement.bytes, by: roster.verifier, log: "workplace")
    }

    /// A receipt that verifies. What it promises is remembered: the next reading of the log must contain it.
    func receipt(
        _ answer: [UInt8], for leaf: [UInt8], by verifier: LogVerifier, log: String
    ) throws -> Receipt {
        do {
            let receipt = try Receipt(parsing: String(decoding: answer, as: UTF8.self))
            let checkpoint = try receipt.verify(leaf: leaf, by: verifier)
            state.pins.promised[verifier.origin, default: []].append(
                LocalState.Pin(size: checkpoint.size, root: checkpoint.root.hex))
            return receipt
        } catch { throw ClientError.logUnverified(log: log, error) }
    }

    /// Makes and posts a statement of an organiser. When somebody else's came first it is made anew, once.
    func organise(_ body: (WorkplaceLog) throws -> WorkplaceStatement.Body) async throws {
        for attempt in 0..<2 {
            let roster = try await roster()
            guard roster.isOrganiser(signKey) else { throw ClientError.notOrganiser }
            let content = try body(roster)
            let statement = try ClientError.rules {
                () throws(RuleViolation) in
                try WorkplaceStatement.make(
                    content, in: workplaceID, sequence: roster.nextSequence(of: signKey), by: identity.seed.signingKey()
                )
            }
            do { return try await submit(statement, to: roster) } catch ClientError.refused(let status, _, _, _)
                where status == 409 && attempt == 0
            { continue }
        }
    }

    // MARK: Group keys

    /// Fetches group keys that this device lacks, and wraps the newest for members who have none.
    public func syncGroupKeys(_ roster: WorkplaceLog) async throws {
        guard roster.isMember(signKey) else { throw ClientError.notMember }
        // A key that was drawn and never got into the log, because the connection broke, is not the workplace's.
        let held = identity.groupKeys.epochs.count
        identity.groupKeys.keep {
            Int($0.epoch) < roster.groupKeys.count && roster.groupKeys[Int($0.epoch)] == $0.commitment
        }
        if identity.groupKeys.epochs.count != held { try saveIdentity() }
        let needed = (0..<UInt32(roster.groupKeys.count)).filter { !identity.groupKeys.epochs.contains($0) }
        if !needed.isEmpty {
            let answer = try await connection.signed(
                "GET", "/v1/workplaces/\(workplaceID.hex)/wraps", by: identity.seed.signingKey())
            try adopt(wraps: answer, needed, in: roster)
        }
        guard let newest = identity.groupKeys.newest, Int(newest) == roster.groupKeys.count - 1 else { return }
        let answer = try await connection.signed(
            "GET", "/v1/workplaces/\(workplaceID.hex)/wraps/missing", by: identity.seed.signingKey())
        struct Missing: Decodable { let members: [String] }
        guard let missing = try? JSONDecoder().decode(Missing.self, from: Data(answer)).members else {
            throw ClientError.badAnswer("members")
        }
        // Only who the log itself shows as a member gets a key, whatever the service asks for.
        let members = missing.compactMap { Bytes32(hex: $0) }.filter { roster.isMember($0) }
        try await shareGroupKey(with: members, in: roster)
    }

    struct Wraps: Codable {
        struct Wrap: Codable {
            let member: String
            let epoch: UInt32
            let wrap: String
        }
        var wraps: [Wrap]
    }

    private func adopt(wraps answer: [UInt8], _ needed: [UInt32], in roster: WorkplaceLog) throws {
        guard let wraps = try? JSONDecoder().decode(Wraps.self, from: Data(answer)).wraps else {
            throw ClientError.badAnswer("wraps")
        }
        for wrap in wraps where needed.contains(wrap.epoch) {
            guard let bytes = Base64.decode(wrap.wrap) else { throw ClientError.badAnswer("wraps") }
            // A coworker's client may have left a wrap that does not open; another epoch's may still.
            guard
                let key = try? GroupKey.unwrap(
                    bytes, epoch: wrap.epoch, commitment: roster.groupKeys[Int(wrap.epoch)],
                    by: identity.seed.boxKey(), in: workplaceID)
            else { continue }
            identity.groupKeys.insert(key)
        }
        try saveIdentity()
    }

    /// Leaves the newest group key for some members.
    func shareGroupKey(with members: [Bytes32], in roster: WorkplaceLog) async throws {
        guard let newest = identity.groupKeys.newest, let key = identity.groupKeys.key(epoch: newest) else { return }
        for start in stride(from: 0, to: members.count, by: Self.wrapsPerRequest) {
            var list = Wraps(wraps: [])
            for member in members[start..<min(start + Self.wrapsPerRequest, members.count)] {
                guard let boxKey = roster.member(member)?.boxKey else { continue }
                let wrap = try key.wrap(for: boxKey, in: workplaceID)
                list.wraps.append(.init(member: member.hex, epoch: key.epoch, wrap: Base64.encode(wrap)))
            }
            let body = [UInt8](try JSONEncoder().encode(list))
            _ = try await connection.signed(
                "PUT", "/v1/workplaces/\(workplaceID.hex)/wraps", body: body, by: identity.seed.signingKey())
        }
    }

    private static let wrapsPerRequest = 1000

    /// Draws a new group key, commits to it in the log, and wraps it for every present member.
    public func rotateGroupKey() async throws {
        try await organise { roster in
            let fresh = GroupKey.generate(epoch: UInt32(roster.groupKeys.count))
            // On the disk before the log commits to it: should the answer be lost, the key is not.
            identity.groupKeys.keep { $0.epoch != fresh.epoch }
            identity.groupKeys.insert(fresh)
            try saveIdentity()
            return .groupKeyRotated(epoch: fresh.epoch, commitment: fresh.commitment)
        }
        let roster = try await roster()
        try await shareGroupKey(with: roster.members(at: roster.size).map(\.signKey), in: roster)
    }

    /// The group key to write under.
    func writingKey(_ roster: WorkplaceLog) throws -> GroupKey {
        guard !roster.rotationIsDue else { throw ClientError.rotationDue }
        guard roster.groupKeys.count > 0, let key = identity.groupKeys.key(epoch: UInt32(roster.groupKeys.count - 1))
        else { throw ClientError.noGroupKey }
        return key
    }
}
