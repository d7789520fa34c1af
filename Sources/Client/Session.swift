// docs/protocol.md, sections 4, 7 and 10

import CoSigning
import Foundation
import Petitions
import ServiceAPI
import Sodium
import TransparencyLog

/// A member's actions under their name in one command. The roster is read and audited once, the group keys are brought
/// up to date once, and every operation uses these. Logs are read over connections that cannot sign, in the member's
/// view; nothing that is learnt here goes into a run. Only one task at a time may use a session.
public final class Session {
    /// The keystore, and what the device remembers.
    public let device: Device
    let connection: MemberConnection
    private var reading: Reading
    /// The workplace's log as this session has read it, plus its own statements.
    public private(set) var roster: WorkplaceLog
    /// Whether other people's statements may have been appended since.
    private var isStale = false
    /// Whether a statement of this session is durable, but waits for the named witnesses before any log shows it.
    public private(set) var waitsForWitnesses = false
    /// How many texts of the last list could not be read: a broken or hostile client wrote them, or this device lacks
    /// their key.
    public internal(set) var unreadableTexts = 0

    /// Parts of the organisers' directory by the digest of their revision: as the last list had them, and opened.
    var listedParts: [Bytes32: SealedPart] = [:]
    var openedParts: [Bytes32: [DirectoryEntry]] = [:]
    /// Told before a request that the service takes only later is sent again, with the seconds until then.
    public var onWaiting: (UInt32) -> Void = { _ in }

    private init(_ device: Device, _ reading: Reading, _ roster: WorkplaceLog) {
        (self.device, self.reading, self.roster) = (device, reading, roster)
        connection = MemberConnection(device.serviceURL, proxy: device.proxy)
    }

    /// Reads the roster and brings the group keys up to date.
    /// - Throws: `ClientError.notMember` if the device's owner is not a member.
    static func open(_ device: Device) async throws -> Session {
        let session = try await openForAnybody(device)
        do {
            guard session.roster.isMember(device.signKey) else { throw ClientError.notMember }
            try await session.shareMissing()
        } catch {
            await session.close()
            throw error
        }
        return session
    }

    /// The same for somebody who is not a member yet, or no longer: no group key is requested or shared.
    static func openForAnybody(_ device: Device) async throws -> Session {
        let (reading, wraps) = try await AnonymousConnection.with(device.serviceURL, proxy: device.proxy) {
            connection in
            let reading = try await connection.read(Run(.roster, of: device.workplaceID))
            var wraps: [KeyWrap] = []
            if let roster = try? reading.judgedRoster().log, roster.isMember(device.signKey) {
                for epoch in device.missingEpochs(roster) {
                    let answer = try await connection.answer(.wraps(epoch: epoch), of: device.workplaceID)
                    wraps += Reading.wraps(answer, epoch: epoch)
                }
            }
            return (reading, wraps)
        }
        let session = Session(device, reading, try device.take(reading))
        try device.adopt(wraps, in: session.roster)
        return session
    }

    /// Closes the session's connection.
    public func close() async { await connection.close() }

    /// The member's public sign key.
    public var signKey: Bytes32 { device.signKey }
    /// Whether this device has seen a petition's log, or has written to it.
    public func wasOpened(_ id: ID<Petition>) -> Bool { device.wasOpened(id) }
    /// Whether this member is an organiser.
    public var isOrganiser: Bool { roster.isOrganiser(signKey) }

    /// The leaves of the workplace's log as they were served.
    var leaves: [[UInt8]] {
        if case .log(let log)? = reading.logs[.workplace(device.workplaceID)] { log.leaves } else { [] }
    }

    /// The workplace's log with its checkpoint, and with what witnesses signed of it.
    public var judgedRoster: JudgedLog<WorkplaceLog>? { try? reading.judgedRoster() }

    func requireOrganiser() throws(ClientError) {
        guard isOrganiser else { throw .notOrganiser }
    }

    // MARK: Reading on

    /// Reads what was appended since, over a new connection.
    func catchUp() async throws {
        let former = reading
        reading = try await AnonymousConnection.with(device.serviceURL, proxy: device.proxy) {
            try await $0.read(Run(continuing: former))
        }
        roster = try device.take(reading)
        isStale = false
    }

    /// A petition's log in the member's view, for statements that its organisers and trustees make. Code that shows
    /// petitions, or signs them, reads anonymously instead.
    func petition(_ id: ID<Petition>) async throws -> JudgedLog<PetitionLog> {
        let former = reading
        reading = try await AnonymousConnection.with(device.serviceURL, proxy: device.proxy) {
            try await $0.read(Run(continuing: former, with: id))
        }
        roster = try device.take(reading)
        isStale = false
        return try ClientError.coSigning { () throws(CoSigningError) in try reading.judgedLog(id) }
    }

    // MARK: Statements

    /// Makes and posts an organiser's statement. If somebody else's came first, it is made again, once.
    func organise(_ body: (WorkplaceLog) throws -> WorkplaceStatement.Body) async throws {
        for attempt in 0..<2 {
            if isStale { try await catchUp() }
            try requireOrganiser()
            let content = try body(roster)
            let statement = try ClientError.rules { () throws(RuleViolation) in
                try WorkplaceStatement.make(
                    content, in: device.workplaceID, sequence: nextSequence(.workplace(device.workplaceID)),
                    by: device.identity.seed.signingKey())
            }
            do { return try await submit(statement) } catch let error as ClientError {
                guard attempt == 0, error.breaks(.sequenceOfSigner, .roster, .epoch) else {
                    throw error
                }
                isStale = true
            }
        }
    }

    /// The sequence of this member's next statement. This device counts those that no log shows yet.
    func nextSequence(_ log: LogName, _ shown: UInt32? = nil) -> UInt32 {
        max(shown ?? roster.nextSequence(of: signKey), device.state.sequences[log] ?? 0)
    }

    /// Posts a statement to the workplace's log and checks its receipt.
    func submit(_ statement: WorkplaceStatement) async throws {
        let name = LogName.workplace(device.workplaceID)
        let place: MemberConnection.Statements =
            if case .founded = statement.body { .founding(token: nil) } else { .workplace(device.workplaceID) }
        let checkpoint = try await post(statement.bytes, to: place, name, statement.authorship, roster.verifier)
        // If the statement comes right after what was read, the log is known without reading it again.
        if let checkpoint, checkpoint.size == UInt64(roster.size) + 1, !isStale {
            var grown = roster
            if (try? grown.append(statement.bytes)) != nil, grown.tree.root == checkpoint.root {
                roster = grown
                return
            }
        }
        isStale = true
    }

    /// The same for a statement to a petition's log.
    func submit(_ statement: PetitionStatement) async throws {
        let place: MemberConnection.Statements =
            if case .opened = statement.body { .opening } else { .petition(statement.petition) }
        _ = try await post(
            statement.bytes, to: place, .petition(statement.petition), statement.authorship,
            roster.verifier(of: statement.petition))
    }

    private func post(
        _ bytes: [UInt8], to place: MemberConnection.Statements, _ log: LogName, _ authorship: Authorship?,
        _ verifier: LogVerifier
    ) async throws -> VerifiedCheckpoint? {
        device.state.lastSigned = device.clock()
        try device.save()
        let answer = try await connection.post(bytes, to: place)
        if let authorship { device.state.sequences[log] = authorship.sequence &+ 1 }
        defer { try? device.save() }
        guard case .receipt(let text) = answer else {
            waitsForWitnesses = true
            return nil
        }
        do {
            let receipt = try Receipt(parsing: String(decoding: text, as: UTF8.self))
            let checkpoint = try receipt.verify(leaf: bytes, by: verifier)
            device.state.memory.expect(checkpoint, of: log, by: verifier, in: .member)
            return checkpoint
        } catch { throw ClientError.receipt(error) }
    }

    /// Sends a request under the member's name.
    /// - Returns: the response's body.
    func send(_ request: MemberRequest) async throws -> [UInt8] { try await connection.send(sign(request)) }

    /// Signs a request that is to be sent at once.
    func sign(_ request: MemberRequest) throws -> MemberConnection.SignedExchange {
        let now = device.clock()
        if device.state.lastSigned != now {
            device.state.lastSigned = now
            try device.save()
        }
        return try .init(request, in: device.workplaceID, at: now, by: device.identity.seed.signingKey())
    }

    /// Makes a request again as often as the service says that it takes no more for now, after as long as it says. For what takes many
    /// requests.
    func patiently<R>(_ body: () async throws -> R) async throws -> R {
        var waited: UInt32 = 0
        while true {
            do { return try await body() } catch ClientError.refused(let refusal) {
                guard [.tooMany, .busy].contains(refusal.code), let wait = refusal.wait.map({ max(1, $0) }),
                    wait <= Self.longestWait, waited <= Self.mostWaiting
                else { throw ClientError.refused(refusal) }
                waited += wait
                onWaiting(wait)
                try await Task.sleep(for: .seconds(Int64(wait)))
            }
        }
    }

    /// Seconds that one answer may ask for, and that one request may wait in all: the service counts signed requests for ten minutes.
    private static let longestWait: UInt32 = 120
    private static let mostWaiting: UInt32 = 900

    // MARK: Group keys

    /// Wraps the newest key for members who need it, and requests a wrap if this device cannot open it.
    private func shareMissing() async throws {
        guard let newest = device.newestEpoch(roster) else { return }
        guard let key = device.identity.groupKeys.key(epoch: newest) else {
            // The key arrives after another member's client has been online.
            _ = try await send(.wantWrap(epoch: newest))
            return
        }
        let answer = try await send(.wrapsMissing)
        guard let missing = try? JSONDecoder().decode(Answers.Missing.self, from: Data(answer)).members else {
            throw ClientError.badAnswer(.members)
        }
        // Only members in the log get a key, whatever the service asks for.
        let members = missing.compactMap { Bytes32(hex: $0) }.compactMap { roster.member($0) }
            .filter { $0.isMember(at: roster.size) }
        try await share(key, with: members)
    }

    /// Posts wraps of a group key for some members.
    func share(_ key: borrowing GroupKey, with members: [WorkplaceLog.Member]) async throws {
        for start in stride(from: 0, to: members.count, by: Self.wrapsPerRequest) {
            var wraps: [KeyWrap] = []
            for member in members[start..<min(start + Self.wrapsPerRequest, members.count)] {
                wraps.append(
                    try KeyWrap.make(
                        key, for: member, in: device.workplaceID, by: device.identity.seed.signingKey()))
            }
            _ = try await send(.putWraps(epoch: key.epoch, wraps))
        }
    }

    private static let wrapsPerRequest = 1000

    /// Generates a new group key, commits to it in the log, and wraps it for every present member.
    public func rotateGroupKey() async throws {
        let identity = device.identity
        try await organise { roster in
            let fresh = GroupKey.generate(epoch: UInt32(roster.groupKeys.count))
            // Saved before the log commits to it: if the response is lost, the key is not.
            identity.groupKeys.keep { $0.epoch != fresh.epoch }
            identity.groupKeys.insert(fresh)
            try device.saveIdentity()
            return .groupKeyRotated(epoch: fresh.epoch, commitment: fresh.commitment)
        }
        if isStale { try await catchUp() }
        guard let newest = device.newestEpoch(roster), let key = identity.groupKeys.key(epoch: newest) else { return }
        try await share(key, with: roster.members(at: roster.size))
    }

    /// The group key to encrypt with.
    func writingKey() throws -> GroupKey {
        guard !roster.rotationIsDue else { throw ClientError.rotationDue }
        guard let newest = device.newestEpoch(roster), let key = device.identity.groupKeys.key(epoch: newest) else {
            throw ClientError.noGroupKey
        }
        return key
    }
}

extension Device {
    /// Takes in a roster that was read in the member's view: compares it with what was read before, and judges it.
    fileprivate func take(_ reading: Reading) throws -> WorkplaceLog {
        state.memory.compare(reading, in: .member, as: signKey, policy: try witnessPolicy(), at: clock())
        try save()
        let roster = try ClientError.coSigning { () throws(CoSigningError) in try reading.judgedRoster().log }
        guard roster.founding.logKey == state.logKey else { throw ClientError.badAnswer(.logKey) }
        note(roster)
        if !roster.isOrganiser(signKey) { try forgetDirectory() }
        return roster
    }

    func newestEpoch(_ roster: WorkplaceLog) -> UInt32? {
        roster.groupKeys.isEmpty ? nil : UInt32(exactly: roster.groupKeys.count - 1)
    }

    /// Epochs whose key the log has committed to and this device lacks.
    func missingEpochs(_ roster: WorkplaceLog) -> [UInt32] {
        (0..<UInt32(clamping: roster.groupKeys.count)).filter { epoch in
            identity.groupKeys.key(epoch: epoch)?.commitment != roster.groupKeys[Int(epoch)]
        }
    }

    /// Adds the keys that can be opened, and erases those that never got into the log because a connection broke.
    func adopt(_ wraps: [KeyWrap], in roster: WorkplaceLog) throws {
        let before = identity.groupKeys.epochs
        identity.groupKeys.keep { key in
            Int(key.epoch) < roster.groupKeys.count && roster.groupKeys[Int(key.epoch)] == key.commitment
        }
        for epoch in missingEpochs(roster) {
            let key = GroupKey.unwrap(wraps, epoch: epoch, in: roster, as: signKey, by: identity.seed.boxKey())
            if let key { identity.groupKeys.insert(key) }
        }
        if identity.groupKeys.epochs != before { try saveIdentity() }
    }
}
