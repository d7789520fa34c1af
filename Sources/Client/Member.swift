import CoSigning
import Petitions
import Sodium

/// One person's membership in one workplace, as a program holds it: the device, what it does anonymously, and what it
/// does under the member's name.
public final class Member {
    /// The keystore, and what the device remembers.
    public let device: Device
    /// Reads petitions and co-signs them.
    public let cosigner: CoSigner
    /// Called before a session if this device sent something anonymously so short a while ago that the service could
    /// connect the two. It may throw, and then nothing is requested under the member's name.
    public var beforeConnecting: () throws -> Void = {}

    init(_ device: Device) {
        self.device = device
        cosigner = CoSigner(device)
    }

    /// Opens a keystore that a founding or a join has made.
    public static func open(
        _ directory: String, passphrase: borrowing SecretBytes, proxy: Proxy? = nil,
        clock: @escaping @Sendable () -> UInt64 = Device.systemClock
    ) throws -> Member {
        try open(directory, with: KeystoreOpener(passphrase), proxy: proxy, clock: clock)
    }

    /// The same for a program that opens it more than once.
    public static func open(
        _ directory: String, with opener: KeystoreOpener, proxy: Proxy? = nil,
        clock: @escaping @Sendable () -> UInt64 = Device.systemClock
    ) throws -> Member {
        Member(try Device.load(Keystore.open(directory, with: opener), proxy, clock))
    }

    /// Opens a keystore for reading only, whatever other commands do with it meanwhile: nothing is written, and nobody
    /// waits.
    public static func look(
        _ directory: String, with opener: KeystoreOpener, proxy: Proxy? = nil,
        clock: @escaping @Sendable () -> UInt64 = Device.systemClock
    ) throws -> Member {
        let keystore = try Keystore.open(directory, with: opener, onlyReading: true)
        return Member(try Device.load(keystore, proxy, clock, onlyReading: true))
    }

    /// Adds alarms that a look has found to the keystore, so that every command tells them until the person settles
    /// them. It waits for nobody.
    /// - Returns: false if another command holds the keystore; the caller tries again later.
    public static func keep(
        _ alarms: [Alarm], in directory: String, with opener: KeystoreOpener
    ) throws -> Bool {
        let keystore: Keystore
        do { keystore = try Keystore.open(directory, with: opener, waiting: false) } catch .keystoreLocked {
            return false
        }
        let device = try Device.load(keystore, nil, Device.systemClock)
        defer { device.close() }
        try device.keep(alarms)
        return true
    }

    /// Reads the roster, and passes `body` a session in which the member acts under their name. Make one for each
    /// command.
    public func session<R>(_ body: (Session) async throws -> R) async throws -> R {
        if device.hasSentLately { try beforeConnecting() }
        return try await Self.closing(try await Session.open(device), body)
    }

    /// The same for somebody who may no longer be a member.
    public func sessionOfAnybody<R>(_ body: (Session) async throws -> R) async throws -> R {
        if device.hasSentLately { try beforeConnecting() }
        return try await Self.closing(try await Session.openForAnybody(device), body)
    }

    // MARK: What is read anonymously first

    // Requests under the member's name come after the anonymous reading, so that nothing signed precedes it.

    /// Reads everything again: every petition, whether this device has co-signed it or not, over one connection, and
    /// then what the workplace has written.
    public func status() async throws -> MemberStatus {
        let petitions = try await cosigner.summaries().petitions
        return try await session { try await $0.status(beside: petitions) }
    }

    /// The names of a petition, from its current log.
    /// - Throws: `ClientError.coSigning(.serviceFaults)` if anything in it is invalid.
    public func names(_ id: ID<Petition>) async throws -> ConditionalNames {
        try await names(try await cosigner.view(id))
    }

    /// The same for a petition that has already been read.
    public func names(_ view: PetitionView) async throws -> ConditionalNames {
        try await session { try await $0.names(view) }
    }

    /// The current state of a petition's negotiation.
    public func negotiation(_ id: ID<Petition>) async throws -> NegotiationView {
        try await NegotiationReading(of: id, by: self).current
    }

    /// A petition's whole history as one file.
    public func history(_ id: ID<Petition>) async throws -> NegotiationHistory {
        try await NegotiationReading(of: id, by: self).history
    }

    private static func closing<R>(_ session: Session, _ body: (Session) async throws -> R) async throws -> R {
        do {
            let result = try await body(session)
            await session.close()
            return result
        } catch {
            await session.close()
            throw error
        }
    }

    /// Releases the keystore to other processes.
    public func close() { device.close() }

    /// The workplace that the keystore belongs to.
    public var workplaceID: ID<Workplace> { device.workplaceID }
    /// The member's public sign key.
    public var signKey: Bytes32 { device.signKey }
}
