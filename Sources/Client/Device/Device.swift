import CoSigning
import Foundation
import Petitions
import Sodium
import TransparencyLog

/// A member's device: the keystore, the secrets in it, and what it remembers. Everything here is local. Used by one task at a time.
public final class Device {
    let keystore: Keystore
    public let identity: Identity
    var state: DeviceState
    let proxy: Proxy?
    let clock: @Sendable () -> UInt64
    /// Whether nothing is written: neither the keystore nor what it remembers.
    let isOnlyReading: Bool

    public static let systemClock: @Sendable () -> UInt64 = { UInt64(max(0, Date().timeIntervalSince1970)) }

    init(
        _ keystore: Keystore, _ identity: Identity, _ state: DeviceState, proxy: Proxy?,
        clock: @escaping @Sendable () -> UInt64, onlyReading: Bool = false
    ) {
        (self.keystore, self.identity, self.state, self.proxy) = (keystore, identity, state, proxy)
        (self.clock, isOnlyReading) = (clock, onlyReading)
    }

    /// - Throws: `ClientError.keystoreDamaged`, `.keystoreVersion` for one that an earlier program made.
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

    /// Writes what is remembered. Done before anything is sent that must not be forgotten.
    func save() throws {
        guard !isOnlyReading else { return }
        try keystore.write(.state, Self.bytes(of: state))
    }

    func saveIdentity() throws {
        guard !isOnlyReading else { return }
        try keystore.write(.identity, identity.stored())
    }

    /// Lets another process have the keystore. What changed was written when it changed.
    public func close() { keystore.unlock() }

    public var workplaceID: ID<Workplace> { state.workplace }
    public var signKey: Bytes32 { identity.signKey }
    public var serviceURL: String { state.serviceURL }

    /// Every petition that this device has seen announced.
    public var knownPetitions: [ID<Petition>] { Array(state.memory.petitions.keys) }

    /// Where this device stands with a petition, by what it sent itself.
    public func ownStatus(_ id: ID<Petition>) -> OwnStatus { state.memory.status(of: id) }

    /// What did not fit what was shown before, until the person settles it.
    public var alarms: [Alarm] { state.memory.alarms }

    /// The person has looked into an alarm.
    public func settle(_ alarm: Alarm) throws {
        state.memory.settle(alarm)
        // What is served next becomes what later texts are held against.
        if alarm.kind == .text { state.objects = [:] }
        try save()
    }

    /// The newest roster that this command has read; what it says of the witnesses is told until the person has seen it.
    public private(set) var newestRoster: WorkplaceLog?

    func note(_ roster: WorkplaceLog) {
        if roster.size >= newestRoster?.size ?? 0 { newestRoster = roster }
    }

    /// Changes of the witnesses that this person has not been told of.
    public var witnessNews: [Note] { newestRoster.map { state.memory.unseenWitnessNotes($0) } ?? [] }

    public func sawWitnessNews() throws {
        guard let newestRoster, !witnessNews.isEmpty else { return }
        state.memory.sawWitnesses(of: newestRoster)
        try save()
    }

    /// Seconds that a run which may sign waits, so that its time says nothing beside a signed request just before: a random time of
    /// up to ten minutes from that request on.
    public func pauseBeforeRun() -> UInt64 {
        guard let last = state.lastSigned else { return 0 }
        let (now, start) = (clock(), last + UInt64(Random.number(below: Self.longestPause + 1)))
        return start > now ? min(start - now, UInt64(Self.longestPause)) : 0
    }

    private static let longestPause: UInt32 = 600

    // MARK: The member's own witness policy

    /// - Throws: `ClientError.keystoreDamaged`.
    public func witnessPolicy() throws(ClientError) -> WitnessPolicy? {
        guard let text = state.witnessPolicy else { return nil }
        do { return try WitnessPolicy(parsing: Array(text.utf8)) } catch { throw .keystoreDamaged("state") }
    }

    /// The file as it was given.
    public var witnessPolicyText: String? { state.witnessPolicy }

    /// From here on a checkpoint that does not meet the policy raises an alarm. It changes nothing that is sent.
    public func watch(by text: [UInt8]) throws {
        do { _ = try WitnessPolicy(parsing: text) } catch {
            throw ClientError.invalid(.policy, ["line": "\(error.line)", "what": error.what.rawValue])
        }
        state.witnessPolicy = String(decoding: text, as: UTF8.self)
        try save()
    }

    public func watchByNoPolicy() throws {
        state.witnessPolicy = nil
        try save()
    }
}
