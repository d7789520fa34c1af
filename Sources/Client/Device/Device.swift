import CoSigning
import Foundation
import Petitions
import Sodium
import TransparencyLog

/// A member's device: the keystore, the secrets in it, and what the device remembers. Everything here is local. Only
/// one task at a time may use it.
public final class Device {
    let keystore: Keystore
    /// The member's secrets.
    public let identity: Identity
    var state: DeviceState
    let proxy: Proxy?
    let clock: @Sendable () -> UInt64
    /// Whether nothing may be written, neither the keystore nor the state.
    let isOnlyReading: Bool
    /// What an organiser's directory called people when this device read it last.
    public let directoryNames: DirectoryNames

    /// Seconds since 1970 by this machine's clock.
    public static let systemClock: @Sendable () -> UInt64 = { UInt64(max(0, Date().timeIntervalSince1970)) }

    init(
        _ keystore: Keystore, _ identity: Identity, _ state: DeviceState, proxy: Proxy?,
        clock: @escaping @Sendable () -> UInt64, onlyReading: Bool = false
    ) {
        (self.keystore, self.identity, self.state, self.proxy) = (keystore, identity, state, proxy)
        (self.clock, isOnlyReading) = (clock, onlyReading)
        directoryNames = DirectoryNames(state.directoryNames ?? [])
    }

    /// - Throws: `ClientError.keystoreDamaged`; `.keystoreVersion` if an earlier program made it.
    static func load(
        _ keystore: Keystore, _ proxy: Proxy?, _ clock: @escaping @Sendable () -> UInt64, onlyReading: Bool = false
    ) throws -> Device {
        let identity: Identity
        do { identity = try Identity(stored: keystore.required(.identity)) } catch is CoSigningError {
            throw ClientError.keystoreDamaged("identity")
        }
        let plain = try keystore.required(.state)
        return Device(
            keystore, identity, try read(state: plain, "state"), proxy: proxy, clock: clock, onlyReading: onlyReading)
    }

    static func read(state plain: borrowing SecretBytes, _ name: String) throws(ClientError) -> DeviceState {
        struct Version: Decodable { let version: Int? }
        let data = Data(plain.reveal())
        guard let version = try? JSONDecoder().decode(Version.self, from: data) else { throw .keystoreDamaged(name) }
        guard version.version == DeviceState.version else { throw .keystoreVersion }
        guard let state = try? JSONDecoder().decode(DeviceState.self, from: data) else { throw .keystoreDamaged(name) }
        return state
    }

    static func bytes(of state: DeviceState) throws -> SecretBytes {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        var bytes = [UInt8](try encoder.encode(state))
        return SecretBytes(moving: &bytes)
    }

    /// Writes the state. Called before anything is sent that must not be forgotten.
    func save() throws {
        guard !isOnlyReading else { return }
        if !hasSentLately { state.lastSent = nil }
        try keystore.write(.state, Self.bytes(of: state))
    }

    func saveIdentity() throws {
        guard !isOnlyReading else { return }
        try keystore.write(.identity, identity.stored())
    }

    /// Releases the keystore to other processes. Changes were written when they were made.
    public func close() { keystore.unlock() }

    /// The workplace that the keystore belongs to.
    public var workplaceID: ID<Workplace> { state.workplace }
    /// The member's public sign key.
    public var signKey: Bytes32 { identity.signKey }
    /// The service's address.
    public var serviceURL: String { state.serviceURL }

    /// Every petition that this device has seen announced.
    public var knownPetitions: [ID<Petition>] { Array(state.memory.petitions.keys) }

    /// Where this device stands with a petition, judged by what it has sent itself.
    public func ownStatus(_ id: ID<Petition>) -> OwnStatus { state.memory.status(of: id) }

    /// The same in a view of the petition: `.nothing` if a later statement from another device stands.
    public func ownStatus(in view: PetitionView) -> OwnStatus {
        state.memory.status(of: view.petition.id, beside: view.standing(of: identity))
    }

    /// Whether it has seen a petition's log, or has written to it: whoever opens one has not read it yet.
    func wasOpened(_ id: ID<Petition>) -> Bool {
        state.memory.petitions[id]?.wasOpened == true || state.sequences[.petition(id)] != nil
    }

    /// Whether something was sent, in a petition that this scope may mean, that is not settled: it may have arrived.
    public func hasPending(in scope: Run.Scope) -> Bool {
        knownPetitions.contains { id in
            let isMeant =
                switch scope {
                case .petition(let other), .log(let other): id == other
                case .prefix(let digits): id.hex.hasPrefix(digits)
                case .everything: true
                case .roster: false
                }
            return isMeant && state.memory.petitions[id]?.unsettled != nil
        }
    }

    /// Differences from what had been shown before, until the person settles them.
    public var alarms: [Alarm] { state.memory.alarms }

    /// Adds alarms that were found by a look, which writes nothing by itself.
    public func keep(_ alarms: [Alarm]) throws {
        for alarm in alarms { state.memory.raise(alarm) }
        try save()
    }

    /// Removes an alarm after the person has looked into it.
    public func settle(_ alarm: Alarm) throws {
        state.memory.settle(alarm)
        // The texts that are served next become the new reference.
        if alarm.kind == .text { state.objects = [:] }
        try save()
    }

    /// The newest roster that this command has read. News of its witnesses is reported until the person has seen it.
    public private(set) var newestRoster: WorkplaceLog?

    func note(_ roster: WorkplaceLog) {
        if roster.size >= newestRoster?.size ?? 0 { newestRoster = roster }
    }

    /// Changes of the witnesses that this person has not been shown.
    public var witnessNews: [Note] { newestRoster.map { state.memory.unseenWitnessNotes($0) } ?? [] }

    /// Notes that the person has seen the changes of the witnesses.
    public func sawWitnessNews() throws {
        guard let newestRoster, !witnessNews.isEmpty else { return }
        state.memory.sawWitnesses(of: newestRoster)
        try save()
    }

    /// Whether this device has read the organisers' directory.
    public var knowsDirectory: Bool { state.directoryNames != nil }

    /// Remembers what the directory calls people.
    func note(_ entries: [DirectoryEntry]) throws {
        let names = entries.map(DirectoryNames.Entry.init)
        guard state.directoryNames != names else { return }
        state.directoryNames = names
        directoryNames.replace(with: names)
        try save()
    }

    /// Erases the names on the device of somebody who may no longer read the directory.
    func forgetDirectory() throws {
        guard state.directoryNames != nil else { return }
        state.directoryNames = nil
        directoryNames.replace(with: [])
        try save()
    }

    /// How many seconds a run that may sign should wait, so that its time cannot be connected with a signed request
    /// just before it: until a random moment in the ten minutes after that request.
    public func pauseBeforeRun() -> UInt64 {
        guard let last = state.lastSigned else { return 0 }
        let (now, start) = (clock(), last + UInt64(Random.number(below: Self.longestPause + 1)))
        return start > now ? min(start - now, UInt64(Self.longestPause)) : 0
    }

    /// Whether something was sent anonymously so short a while ago that a signed request now could be connected with it.
    public var hasSentLately: Bool {
        guard let sent = state.lastSent else { return false }
        return clock() < sent + UInt64(Self.longestPause)
    }

    private static let longestPause: UInt32 = 600

    /// Whether the person has answered what a new member is asked: for a backup, and about being a trustee.
    public var isSettledIn: Bool { state.isSettledIn == true }

    /// Notes that they have.
    public func settleIn() throws {
        guard !isSettledIn else { return }
        state.isSettledIn = true
        try save()
    }

    // MARK: The member's own witness policy

    /// The member's own policy; nil for none.
    /// - Throws: `ClientError.keystoreDamaged`.
    public func witnessPolicy() throws(ClientError) -> WitnessPolicy? {
        guard let text = state.witnessPolicy else { return nil }
        do { return try WitnessPolicy(parsing: Array(text.utf8)) } catch { throw .keystoreDamaged("state") }
    }

    /// The policy's file as it was given.
    public var witnessPolicyText: String? { state.witnessPolicy }

    /// Sets the member's own policy: from now on a checkpoint that does not meet it raises an alarm. It does not change
    /// anything that is sent.
    public func watch(by text: [UInt8]) throws {
        do { _ = try WitnessPolicy(parsing: text) } catch {
            throw ClientError.invalid(.policy, ["line": "\(error.line)", "what": error.what.rawValue])
        }
        state.witnessPolicy = String(decoding: text, as: UTF8.self)
        try save()
    }

    /// Removes the member's own policy.
    public func watchByNoPolicy() throws {
        state.witnessPolicy = nil
        try save()
    }
}
