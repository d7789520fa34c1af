import Foundation
import MembershipProofs
import Petitions
import Sodium
import Synchronization
import TransparencyLog

/// A person with all their keys.
public final class Person {
    public let seed: MemberSeed
    public private(set) var ring: ProverSecret

    public init() {
        seed = MemberSeed()
        ring = .generate()
    }

    public var signKey: Bytes32 { seed.signingKey().publicKey }
    public var keys: MemberKeys { seed.publicKeys(ringKey: ring.publicKey) }
    public func rotate(to fresh: consuming ProverSecret) { ring = fresh }
}

/// A workplace made with knowledge of every secret, for tests of the rules.
public final class World {
    public private(set) var log: WorkplaceLog
    public private(set) var leaves: [[UInt8]]
    public private(set) var people: [Person]
    /// The keys of all epochs, as the members hold them.
    public private(set) var groupKeys = GroupKeyRing()
    public let serviceKey: SigningKey
    private let serviceSeed: Bytes32
    public var founder: Person { people[0] }

    /// - Parameter members: how many, including the founder.
    /// - Parameter logKey: the key of a real service that will keep the logs; if nil, this world signs its checkpoints
    ///   itself.
    public init(members: Int, eligible: UInt32 = 50, logKey: Bytes32? = nil) throws {
        serviceSeed = Random.bytes32()
        serviceKey = SigningKey(seed: SecretBytes(serviceSeed))
        let founder = Person()
        let statement = try WorkplaceStatement.found(
            service: "test.example", logKey: logKey ?? serviceKey.publicKey, eligible: eligible, seed: founder.seed,
            ring: founder.ring)
        log = try WorkplaceLog(founding: statement.bytes)
        leaves = [statement.bytes]
        people = [founder]
        for _ in 1..<max(members, 1) where members > 1 { try admit() }
    }

    /// A copy of a log that can continue differently.
    public init(forking world: World) {
        (log, leaves, people, serviceSeed) = (world.log, world.leaves, world.people, world.serviceSeed)
        serviceKey = SigningKey(seed: SecretBytes(serviceSeed))
        for epoch in world.groupKeys.epochs {
            if let key = world.groupKeys.key(epoch: epoch) { groupKeys.insert(key) }
        }
    }

    public var size: UInt64 { UInt64(log.size) }
    public var point: PetitionStatement.RosterPoint { .init(size: size, root: log.tree.root) }

    /// Appends a statement; throws if the log rejects it.
    public func append(_ statement: WorkplaceStatement) throws {
        try log.append(statement.bytes)
        leaves.append(statement.bytes)
    }

    public func statement(
        _ body: WorkplaceStatement.Body, by person: Person? = nil, sequence: UInt32? = nil
    ) throws -> WorkplaceStatement {
        let signer = person ?? founder
        return try WorkplaceStatement.make(
            body, in: log.id, sequence: sequence ?? log.nextSequence(of: signer.signKey), by: signer.seed.signingKey())
    }

    public func organise(_ body: WorkplaceStatement.Body, by person: Person? = nil) throws {
        try append(statement(body, by: person))
    }

    @discardableResult
    public func admit(replacing former: Bytes32? = nil) throws -> Person {
        let invite = Invite(workplace: log.id, logKey: serviceKey.publicKey, serviceURL: "http://test.example")
        try organise(.invitesIssued([.init(key: invite.signingKey().publicKey, replaces: former)]))
        let person = Person()
        try append(WorkplaceStatement.admit(to: log.id, invite: invite, seed: person.seed, ring: person.ring))
        people.append(person)
        return person
    }

    public func rotateRing(of person: Person) throws {
        let fresh = ProverSecret.generate()
        try append(
            WorkplaceStatement.rotateRingKey(
                in: log.id, to: fresh, seed: person.seed, sequence: log.nextSequence(of: person.signKey)))
        person.rotate(to: fresh)
    }

    public func remove(_ person: Person) throws { try organise(.memberRemoved(person.signKey)) }

    /// Makes a group key for the next epoch.
    public func rotateGroupKey() throws {
        let key = GroupKey.generate(epoch: UInt32(log.groupKeys.count))
        try organise(.groupKeyRotated(epoch: key.epoch, commitment: key.commitment))
        groupKeys.insert(key)
    }

    /// The newest group key, wrapped for somebody who was admitted at some time.
    /// - Parameter person: the maker; the founder by default.
    public func wrap(for signKey: Bytes32, by person: Person? = nil) throws -> KeyWrap {
        guard let epoch = groupKeys.newest, let key = groupKeys.key(epoch: epoch), let member = log.member(signKey)
        else { throw RuleViolation.epoch }
        return try KeyWrap.make(key, for: member, in: log.id, by: (person ?? founder).seed.signingKey())
    }

    public func note(_ tree: MerkleTree, _ verifier: LogVerifier) -> String {
        Checkpoint(origin: verifier.origin, size: UInt64(tree.count), root: tree.root).signed(by: serviceKey).serialized
    }
}

/// A petition in such a workplace.
public final class PetitionWorld {
    public let world: World
    public let manifest: Manifest
    public let document: PetitionDocument
    public private(set) var log: PetitionLog
    public private(set) var leaves: [[UInt8]]
    public let trustees: [Person]
    public let nonces: [Bytes32]
    public var names: [[UInt8]] = []

    /// A manifest with two demands and the given trustees' keys; `change` may spoil it.
    public static func manifest(
        _ world: World, trustees: [Person], nonces: [Bytes32], threshold: UInt8, levels: [UInt32], closes: UInt64 = 0,
        document: PetitionDocument, about: Manifest.Response? = nil, quorum: UInt32 = 3
    ) throws -> Manifest {
        let ring = try world.log.openingRing(at: world.log.size)
        let keys = zip(trustees, nonces).map { person, nonce in
            (0...levels.count).map { person.seed.sealKey(nonce: nonce, set: UInt8($0)).publicKey }
        }
        return try Manifest(
            kind: about == nil ? .petition : .ratification, workplace: world.log.id, nonce: Random.bytes32(),
            rosterSize: world.size,
            rosterRoot: world.log.tree.root, ringCount: UInt32(ring.count), ringDigest: ring.digest,
            documentDigest: document.digest, options: document.demands.map { _ in 2 }, threshold: threshold,
            trustees: keys.map { $0[0] },
            levels: levels.enumerated().map { i, count in .init(count: count, trustees: keys.map { $0[i + 1] }) },
            quorum: quorum, closes: closes, ballotLength: 64, about: about)
    }

    /// - Parameters:
    ///   - trustees: by default the first `trusteeCount` people.
    ///   - terms: those of a ratification.
    ///   - document: by default one with two demands, or with those that the terms name.
    public init(
        _ world: World, trusteeCount: Int = 3, trustees: [Person]? = nil, threshold: UInt8 = 2, levels: [UInt32] = [],
        closes: UInt64 = 0, ratifying terms: RatificationTerms? = nil, document given: PetitionDocument? = nil,
        quorum: UInt32 = 3
    ) throws {
        self.world = world
        self.trustees = trustees ?? Array(world.people.prefix(trusteeCount))
        let trustees = self.trustees
        nonces = trustees.map { _ in Random.bytes32() }
        let demands: [PetitionDocument.Demand] = [.init(title: "One", text: "First."), .init(title: "二", text: "第二。")]
        document =
            given
            ?? PetitionDocument(
                language: "en", title: "Guardrails", preamble: terms.map { "Vote.\n" + $0.line } ?? "We ask.",
                demands: terms.map { $0.demands.map { demands[$0 - 1] } } ?? demands)
        manifest = try Self.manifest(
            world, trustees: trustees, nonces: nonces, threshold: threshold, levels: levels, closes: closes,
            document: document, about: terms.map { .init(petition: $0.petition, digest: $0.response) }, quorum: quorum)
        try world.organise(.petitionAnnounced(manifest.id, rosterSize: manifest.rosterSize))
        let id = manifest.id
        let acceptances = zip(trustees, nonces).enumerated().map { i, pair in
            PetitionStatement.Acceptance.make(
                id, trustee: UInt8(i + 1), nonce: pair.1, by: pair.0.seed.signingKey())
        }
        let statement = try PetitionStatement.open(
            manifest, acceptances: acceptances, sequence: 0, by: world.founder.seed.signingKey())
        log = try PetitionLog(opening: statement.bytes, in: world.log)
        leaves = [statement.bytes]
    }

    public func coSignature(
        by person: Person, _ action: CoSigned.Action = .sign, choices: [UInt8] = [1, 2], sequence: UInt32? = nil,
        epoch: UInt16? = nil, name: (level: UInt8, text: String)? = nil
    ) throws -> PetitionStatement {
        let tag = person.ring.tag(in: Scope(log.id.bytes))
        let next = sequence ?? log.tags[tag].map { $0.sequence + 1 } ?? 0
        let sealed =
            action == .sign
            ? try Ballot(choices: choices, for: manifest).seal(for: log.id, manifest, tag: tag, sequence: next) : []
        var sealedName: (level: UInt8, sealed: [UInt8])?
        if let name {
            let bytes = try SealedName.seal(
                name.text, level: name.level, for: log.id, manifest, ring: log.ring, ringEpoch: log.ringEpoch,
                sequence: next, by: person.ring)
            names.append(bytes)
            sealedName = (name.level, bytes)
        }
        return try CoSigned.make(
            action, petition: log.id, ring: log.ring, ringEpoch: epoch ?? log.ringEpoch, sequence: next,
            sealedBallot: sealed, name: sealedName, by: person.ring)
    }

    /// Proves and appends a statement; throws if the log rejects it.
    public func append(_ statement: PetitionStatement) throws {
        if let coSigned = statement.coSigned {
            try log.append(log.check(coSigned), log.prove([coSigned])[0].get())
        } else {
            try log.append(statement, in: world.log)
        }
        leaves.append(statement.bytes)
    }

    /// Co-signs for many people at once: made on all cores, and proven as one batch.
    public func cosign(_ many: [(person: Person, choices: [UInt8], name: (level: UInt8, text: String)?)]) throws {
        let made = Mutex<[Int: PetitionStatement]>([:])
        nonisolated(unsafe) let (world, many) = (self, many)
        DispatchQueue.concurrentPerform(iterations: many.count) { i in
            // The caller collects the names, so these are made one by one.
            guard many[i].name == nil else { return }
            let statement = try? world.coSignature(by: many[i].person, choices: many[i].choices)
            made.withLock { $0[i] = statement }
        }
        var statements = made.withLock { $0 }
        for (i, entry) in many.enumerated() where entry.name != nil {
            statements[i] = try coSignature(by: entry.person, choices: entry.choices, name: entry.name)
        }
        let coSigned = many.indices.compactMap { statements[$0]?.coSigned }
        guard coSigned.count == many.count else { throw RuleViolation.proof }
        for proven in log.prove(coSigned) {
            let proven = try proven.get()
            try log.append(log.check(proven.coSigned), proven)
            leaves.append(proven.coSigned.bytes)
        }
    }

    public func cosign(_ person: Person, choices: [UInt8] = [1, 2], name: (level: UInt8, text: String)? = nil) throws {
        try append(coSignature(by: person, choices: choices, name: name))
    }

    public func close() throws { try append(closing()) }

    public func closing() throws -> PetitionStatement {
        try PetitionStatement.close(
            log.id, size: UInt64(log.size), root: log.tree.root, roster: world.point,
            sequence: log.nextSequence(of: world.founder.signKey), by: world.founder.seed.signingKey())
    }

    public func closeByDeadline() throws {
        try append(PetitionStatement.closeByDeadline(log.id, size: UInt64(log.size), root: log.tree.root))
    }

    /// The document as the service stores it, under the newest group key.
    /// - Parameter person: the author; the founder by default.
    public func storedDocument(by person: Person? = nil) throws -> StoredObject {
        guard let epoch = world.groupKeys.newest, let key = world.groupKeys.key(epoch: epoch) else {
            throw RuleViolation.epoch
        }
        return try StoredObject.seal(
            document.bytes, kind: .document, id: log.id.document, after: nil, in: world.log.id, under: key,
            by: (person ?? world.founder).seed.signingKey())
    }

    public func release(_ trustee: Int, set: UInt8 = 0) throws { try append(releasing(trustee, set: set)) }

    public func releasing(_ trustee: Int, set: UInt8 = 0) throws -> PetitionStatement {
        let pair = trustees[trustee].seed.sealKey(nonce: nonces[trustee], set: set)
        return try PetitionStatement.release(log.id, set: set, trustee: UInt8(trustee + 1), secret: pair.reveal())
    }

    public func record(_ document: RecordDocument) throws {
        try append(
            PetitionStatement.record(
                .init(what: document.what, digest: document.digest, roster: world.point), in: log.id,
                sequence: log.nextSequence(of: world.founder.signKey), by: world.founder.seed.signingKey()))
    }

    public func extensionStep() throws -> PetitionStatement.RingExtension {
        let ring = try log.extendedRing(in: world.log, to: world.log.size)
        return .init(
            epoch: log.ringEpoch + 1, roster: world.point, ringCount: UInt32(ring.count), ringDigest: ring.digest)
    }

    public func extend() throws {
        try append(
            PetitionStatement.extendRing(
                of: log.id, extensionStep(), sequence: log.nextSequence(of: world.founder.signKey),
                by: world.founder.seed.signingKey()))
    }

    public var bundle: PetitionBundle {
        PetitionBundle(
            workplaceID: world.log.id, petitionID: log.id,
            workplace: .init(checkpoint: world.note(world.log.tree, world.log.verifier), leaves: world.leaves),
            petition: .init(checkpoint: world.note(log.tree, world.log.verifier(of: log.id)), leaves: leaves),
            names: names,
            document: document.bytes)
    }
}
