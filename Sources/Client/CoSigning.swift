// docs/protocol.md, section 10

import Foundation
import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// Everything that a co-signature depends on, fetched over one anonymous connection at the newest checkpoint.
public struct PetitionView: Sendable {
    public let workplace: WorkplaceLog
    public let petition: PetitionLog
    public let document: PetitionDocument?
    /// Why there is no document: a key under `reason`.
    public let documentFault: String?
    let raw: LogReader.Both
    let names: [[UInt8]]

    /// What `verify` reads and `export` writes.
    public var bundle: PetitionBundle {
        PetitionBundle(
            workplaceID: workplace.id, petitionID: petition.id, workplace: raw.workplace, petition: raw.petition,
            names: names, document: document?.bytes)
    }
}

/// What protects a co-signer, told before anything is sent.
public enum CoSigningWarning: Sendable, Equatable {
    case smallRing(Int)
    case ringLargerThanEligible(ring: Int, eligible: UInt32)
    /// The name that is given opens at this count, and cannot be taken back then.
    case nameOpens(count: UInt32)
    /// The name that is given is open at once: its count has been reached and its keys are released.
    case nameAtOnce
    /// The co-signature that stands has a name, and the new one has none.
    case nameDropped
    /// It has a name that is open: who made this tag's co-signatures is known, whatever follows.
    case nameIsOut
}

/// What a co-signer asks for.
public struct CoSigningOptions: Sendable {
    /// Insists on a ring below 5.
    public var acceptSmallRing = false
    /// A name that opens once so many co-signatures stand.
    public var name: ConditionalName?

    public struct ConditionalName: Sendable {
        /// 1 to 240 bytes.
        public let text: String
        /// One of the counts at which names open in the petition.
        public let count: UInt32

        public init(_ text: String, when count: UInt32) { (self.text, self.count) = (text, count) }
    }

    public init() {}
}

extension Member {
    static let smallestRing = 5
    static let comfortableRing = 10

    /// Reads a petition as a co-signer does: over an anonymous connection made for it.
    public func view(_ id: ID<Petition>) async throws -> PetitionView {
        try await Connection.anonymous(serviceURL, proxy: proxy) { try await view(id, over: $0) }
    }

    /// The workplace's log, likewise: for who looks a petition up before co-signing.
    public func anonymousRoster() async throws -> WorkplaceLog {
        let log = try await Connection.anonymous(serviceURL, proxy: proxy) {
            try await reader($0).workplace(workplaceID, pins: &state.pins).log
        }
        try save()
        return log
    }

    /// That a vote's response stands in the log of the petition that it names, read over the same connection. Its wording is
    /// the trustees' clients' to compare, and everybody's who reads the negotiation: the records are not served unsigned.
    private func checkResponse(_ manifest: Manifest, over connection: Connection) async throws {
        guard let about = manifest.about else { return }
        let log = try await reader(connection).petition(
            about.petition, in: workplaceID, pins: &state.pins
        ).petition
        guard log.records.contains(where: { $0.record.what == .response && $0.record.digest == about.digest }) else {
            throw ClientError.invalid("voteResponse")
        }
    }

    private func view(_ id: ID<Petition>, over connection: Connection) async throws -> PetitionView {
        let reader = try reader(connection)
        let (workplace, petition, raw): (WorkplaceLog, PetitionLog, LogReader.Both)
        do { (workplace, petition, raw) = try await reader.petition(id, in: workplaceID, pins: &state.pins) } catch {
            // Who is shown an older log asks for the rest as everybody does: only who has seen more would stop here.
            _ = try? await connection.getIfThere("/v1/petitions/\(id.hex)/document")
            throw error
        }
        try save()
        let (document, fault) = try await document(of: petition, in: workplace, over: connection)
        let view = PetitionView(
            workplace: workplace, petition: petition, document: document, documentFault: fault, raw: raw,
            names: try await LogReader.names(of: id, due: petition.namesDue, over: connection))
        try findInLog(id, view)
        // What this device was promised must be there, before anything else is believed.
        _ = try verifyReceipts(view)
        return view
    }

    /// The petition as a bundle, whatever faults its logs have: the auditor reports them. Logs that are older or other ones than
    /// this device has seen are refused.
    public func bundle(_ id: ID<Petition>) async throws -> PetitionBundle {
        try await Connection.anonymous(serviceURL, proxy: proxy) { connection in
            let raw = try await reader(connection).fetchBoth(
                id, in: workplaceID, known: state.cosignatures[id.hex] != nil)
            var bundle = PetitionBundle(
                workplaceID: workplaceID, petitionID: id, workplace: raw.workplace, petition: raw.petition, names: [],
                document: nil)
            guard let workplace = try? WorkplaceLog.audit(raw.workplace.leaves).log,
                let petition = try? PetitionLog.audit(raw.petition.leaves, in: workplace).log
            else { return bundle }
            try checkSeen(raw, workplace, petition)
            bundle.names = try await LogReader.names(of: id, due: petition.namesDue, over: connection)
            bundle.document = try await document(of: petition, in: workplace, over: connection).document?.bytes
            return bundle
        }
    }

    private static func isRefusal(_ code: ClientError.Code) -> Bool {
        [.rolledBack, .forked, .notWitnessed, .logNotInPolicy].contains(code)
    }

    /// That logs with faults, which the auditor reports, are at least not older or other ones than this device has seen.
    private func checkSeen(_ raw: LogReader.Both, _ workplace: WorkplaceLog, _ petition: PetitionLog) throws {
        var pins = state.pins
        do {
            try reader(connection).check(raw.workplace, workplace.verifier, workplace.tree, "workplace", &pins)
            try reader(connection).check(
                raw.petition, workplace.verifier(of: petition.id), petition.tree, "petition", &pins)
        } catch let error as ClientError where Self.isRefusal(error.code) {
            throw error
        } catch { return }
        _ = try verifyReceipts(
            PetitionView(
                workplace: workplace, petition: petition, document: nil, documentFault: nil, raw: raw, names: []))
        state.pins = pins
        try save()
    }

    /// The wording, or why it cannot be read. A text that does not open is no reason to refuse the figures.
    private func document(
        of petition: PetitionLog, in workplace: WorkplaceLog, over connection: Connection
    ) async throws -> (document: PetitionDocument?, fault: String?) {
        guard let bytes = try await connection.getIfThere("/v1/petitions/\(petition.id.hex)/document") else {
            return (nil, "noDocument")
        }
        do {
            let plaintext = try open(bytes, petition.id.document, revision: 1, in: workplace).plaintext
            return (try PetitionDocument(parsing: plaintext, of: petition.manifest), nil)
        } catch ClientError.noGroupKey { return (nil, "noGroupKey") } catch {
            return (nil, "otherDocument")
        }
    }

    /// What speaks against co-signing, refusals first thrown, warnings returned.
    func checkBeforeSigning(_ view: PetitionView, _ options: CoSigningOptions) throws -> [CoSigningWarning] {
        let (workplace, petition) = (view.workplace, view.petition)
        guard petition.closure == nil, petition.manifest.closes == 0 || clock() < petition.manifest.closes else {
            throw ClientError.closed
        }
        // Opened logs are announced ones; the log itself has refused anything else.
        guard workplace.announcements[petition.id] != nil else { throw ClientError.notAnnounced }
        let leftOut = petition.leftOut(in: workplace)
        guard leftOut.isEmpty else { throw ClientError.ringIncomplete(missing: leftOut.count) }
        guard identity.ringKey(in: petition.ring) != nil else { throw ClientError.notInRing }
        if petition.manifest.kind == .ratification, let document = view.document,
            RatificationTerms(document, of: petition.manifest) == nil
        {
            throw ClientError.invalid("voteTerms")
        }
        let (ring, eligible) = (petition.ring.count, workplace.eligible(at: workplace.size))
        var warnings: [CoSigningWarning] = []
        if ring < Self.smallestRing {
            guard options.acceptSmallRing else { throw ClientError.ringTooSmall(ring) }
        }
        if ring < Self.comfortableRing { warnings.append(.smallRing(ring)) }
        if let name = options.name {
            // Among invented people the condition would be met by them.
            guard ring <= Int(eligible) else { throw ClientError.namedInLargeRing(ring: ring, eligible: eligible) }
            let level = try level(of: name, petition.manifest)
            warnings.append(petition.isReleased(Int(level)) ? .nameAtOnce : .nameOpens(count: name.count))
        } else if case .signedWithName = ownStatus(petition.id) {
            warnings.append(nameIsOut(view) ? .nameIsOut : .nameDropped)
        }
        if ring > Int(eligible) { warnings.append(.ringLargerThanEligible(ring: ring, eligible: eligible)) }
        return warnings
    }

    private func level(of name: CoSigningOptions.ConditionalName, _ manifest: Manifest) throws -> UInt8 {
        guard let place = manifest.levels.firstIndex(where: { $0.count == name.count }) else {
            throw ClientError.noSuchLevel(manifest.levels.map(\.count))
        }
        guard SealedName.nameLengths.contains(name.text.utf8.count) else { throw ClientError.invalid("nameLength") }
        return UInt8(place + 1)
    }

    /// Whether the co-signature that stands has a name that is open: whatever follows it is known to be this member's.
    public func nameIsOut(_ view: PetitionView) -> Bool {
        guard case .signedWithName(let level) = ownStatus(view.petition.id) else { return false }
        return view.petition.isReleased(Int(level))
    }

    /// The warnings for a petition, for who asks before deciding.
    public func warnings(for view: PetitionView, _ options: CoSigningOptions = .init()) throws -> [CoSigningWarning] {
        try checkBeforeSigning(view, options)
    }

    /// Co-signs, or replaces one's co-signature: one choice for each demand, 0 abstain, 1 support, 2 oppose.
    /// - Returns: the receipt; nil when the service mixes co-signatures and keeps this one until others wait with it. Then every
    ///   later reading looks for it in the log, and makes the receipt.
    @discardableResult
    public func cosign(
        _ id: ID<Petition>, choices: [UInt8], remark: String = "", _ options: CoSigningOptions = .init()
    ) async throws -> Receipt? {
        try await send(id, options) { view, ring, sequence in
            let petition = view.petition
            // What is left of a ballot beside its choices, its lengths and one byte of padding (protocol, section 6).
            let most = min(Int(petition.manifest.ballotLength) - petition.manifest.options.count - 5, 4000)
            guard remark.utf8.count <= most else { throw ClientError.invalid("remarkLength", ["most": "\(most)"]) }
            let tag = ring.secret.tag(in: Scope(id.bytes))
            let sealed = try Ballot(choices: choices, remark: remark, for: petition.manifest)
                .seal(for: id, petition.manifest, tag: tag, sequence: sequence)
            let name = try options.name.map { name in
                let level = try level(of: name, petition.manifest)
                return (
                    level: level,
                    sealed: try SealedName.seal(
                        name.text, level: level, for: id, petition.manifest, ring: petition.ring,
                        ringEpoch: petition.ringEpoch, sequence: sequence, by: ring.secret)
                )
            }
            let statement = try CoSigned.make(
                .sign, petition: id, ring: petition.ring, ringEpoch: petition.ringEpoch, sequence: sequence,
                sealedBallot: sealed, name: name, by: ring.secret)
            return (statement, name?.sealed)
        }
    }

    /// Takes one's co-signature back.
    @discardableResult
    public func withdraw(_ id: ID<Petition>, _ options: CoSigningOptions = .init()) async throws -> Receipt? {
        try await send(id, options) { view, ring, sequence in
            let petition = view.petition
            guard petition.tags[ring.secret.tag(in: Scope(id.bytes))]?.action == .sign else {
                throw ClientError.nothingToWithdraw
            }
            let statement = try CoSigned.make(
                .withdraw, petition: id, ring: petition.ring, ringEpoch: petition.ringEpoch, sequence: sequence,
                sealedBallot: [], by: ring.secret)
            return (statement, nil)
        }
    }

    /// Settles what is pending, then makes, keeps and sends a new statement. When the service refuses it because the ring
    /// has grown meanwhile, it waits, connects anew and tries once more.
    private func send(
        _ id: ID<Petition>, _ options: CoSigningOptions,
        _ make: (PetitionView, RingSecret, UInt32) throws -> (PetitionStatement, sealedName: [UInt8]?)
    ) async throws -> Receipt? {
        for attempt in 0..<2 {
            do {
                return try await Connection.anonymous(serviceURL, proxy: proxy) { connection in
                    var fresh = try await self.view(id, over: connection)
                    if try await settle(id, fresh, over: connection) {
                        // The pending statement got in: the log has moved on.
                        fresh = try await self.view(id, over: connection)
                    }
                    guard state.cosignatures[id.hex]?.sent.last?.isLive != true else { throw ClientError.stillHeld }
                    _ = try checkBeforeSigning(fresh, options)
                    try await checkResponse(fresh.petition.manifest, over: connection)
                    guard let ring = identity.ringKey(in: fresh.petition.ring) else { throw ClientError.notInRing }
                    let last = fresh.petition.tags[ring.secret.tag(in: Scope(id.bytes))]?.sequence
                    guard last != .max else { throw ClientError.closed }
                    let (statement, sealedName) = try make(fresh, ring, last.map { $0 + 1 } ?? 0)
                    let ringKey = ring.secret.publicKey.encoding.hex
                    var record = state.cosignatures[id.hex] ?? .init(ringKey: ringKey)
                    record.ringKey = ringKey
                    // The sealed name goes out of the keystore again once there is a receipt: see deliver.
                    record.sent.append(
                        .init(
                            statement: Base64.encode(statement.bytes), sealedName: sealedName.map { Base64.encode($0) },
                            receipt: nil))
                    state.cosignatures[id.hex] = record
                    try save()
                    return try await deliver(id, fresh, over: connection)
                }
            } catch ClientError.refused(let status, _, _, let rule)
                where status == 409 && rule == RuleViolation.actionOrRingEpoch.rawValue && attempt == 0
            {
                try await Task.sleep(for: .seconds(1))
            }
        }
        throw ClientError.stillPending
    }

    /// Sends the last statement, unchanged, and keeps its receipt once that verifies. Nil when the service holds it.
    private func deliver(_ id: ID<Petition>, _ view: PetitionView, over connection: Connection) async throws -> Receipt?
    {
        guard let record = state.cosignatures[id.hex], let last = record.sent.last,
            let bytes = Base64.decode(last.statement)
        else { throw ClientError.nothingToWithdraw }
        let request = CoSignatureRequest(
            statement: bytes, sealedName: last.sealedName.flatMap { Base64.decode($0) },
            length: view.petition.requestLength)
        let answer = try await connection.postToBeHeld("/v1/petitions/\(id.hex)/cosignatures", request.encoding)
        guard let answer else {
            state.cosignatures[id.hex]?.sent[record.sent.count - 1].isHeld = true
            try save()
            return nil
        }
        let receipt = try receipt(answer, for: bytes, by: view.workplace.verifier(of: id), log: "petition")
        try keep(receipt, id)
        return receipt
    }

    private func keep(_ receipt: Receipt, _ id: ID<Petition>) throws {
        guard let last = state.cosignatures[id.hex]?.sent.indices.last else { return }
        state.cosignatures[id.hex]?.sent[last].receipt = receipt.serialized
        state.cosignatures[id.hex]?.sent[last].sealedName = nil
        state.cosignatures[id.hex]?.sent[last].isHeld = nil
        try save()
    }

    /// What was sent and has no receipt may be in the log by now. Who has read and verified the whole log makes the receipt, and asks
    /// for nothing that others do not ask for.
    private func findInLog(_ id: ID<Petition>, _ view: PetitionView) throws {
        guard let last = state.cosignatures[id.hex]?.sent.last, last.isLive, let bytes = Base64.decode(last.statement)
        else { return }
        let (tree, hash) = (view.petition.tree, MerkleTree.leafHash(bytes))
        guard let place = (0..<tree.count).last(where: { tree.leafHash(at: $0) == hash }),
            let path = tree.inclusionProof(of: place, at: tree.count)
        else { return }
        let receipt = Receipt(index: UInt64(place), path: path, note: view.raw.petition.checkpoint)
        do { _ = try receipt.verify(leaf: bytes, by: view.workplace.verifier(of: id)) } catch {
            throw ClientError.logUnverified(log: "petition", error)
        }
        try keep(receipt, id)
    }

    /// A statement that was sent and is not in the log is sent again, unless the log shows that it can never count: the petition
    /// is closed, its ring has grown since, or a later statement of the tag stands.
    /// - Returns: whether something was sent.
    private func settle(_ id: ID<Petition>, _ view: PetitionView, over connection: Connection) async throws -> Bool {
        guard let last = state.cosignatures[id.hex]?.sent.last, last.isLive, let bytes = Base64.decode(last.statement),
            let coSigned = (try? PetitionStatement(decoding: bytes))?.coSigned
        else { return false }
        guard (try? view.petition.check(coSigned)) != nil else {
            state.cosignatures[id.hex]?.sent.removeLast()
            try save()
            return false
        }
        return try await deliver(id, view, over: connection) != nil
    }

    /// Sends what is pending again, so that its receipt comes.
    /// - Returns: whether something was sent.
    @discardableResult
    public func settle(_ id: ID<Petition>) async throws -> Bool {
        try await Connection.anonymous(serviceURL, proxy: proxy) { connection in
            try await settle(id, try await view(id, over: connection), over: connection)
        }
    }

    // MARK: What this device signed

    /// Whether this device holds a receipt for, or has sent, something on a petition.
    public enum OwnStatus: Sendable, Equatable {
        case nothing
        case pending
        /// At the service, to be mixed with others.
        case held
        case signed
        /// With a name at this level, from 1.
        case signedWithName(UInt8)
        case withdrawn
    }

    /// The leaf that this device's last co-signature stands at.
    public func leafOfOwnCoSignature(_ id: ID<Petition>) -> UInt64? {
        state.cosignatures[id.hex]?.sent.last?.receipt.flatMap { try? Receipt(parsing: $0).index }
    }

    public func ownStatus(_ id: ID<Petition>) -> OwnStatus {
        guard let last = state.cosignatures[id.hex]?.sent.last else { return .nothing }
        if last.isLive, last.isHeld == true { return .held }
        guard last.receipt != nil, let bytes = Base64.decode(last.statement),
            let coSigned = (try? PetitionStatement(decoding: bytes))?.coSigned
        else { return .pending }
        guard coSigned.action == .sign else { return .withdrawn }
        return coSigned.level > 0 ? .signedWithName(coSigned.level) : .signed
    }

    /// Checks every receipt that this device holds for a petition against the log as it is now.
    /// - Returns: how many verify; a receipt that does not is thrown as a fork.
    public func verifyReceipts(_ view: PetitionView) throws -> Int {
        let verifier = view.workplace.verifier(of: view.petition.id)
        var count = 0
        for sent in state.cosignatures[view.petition.id.hex]?.sent ?? [] {
            guard let text = sent.receipt, let bytes = Base64.decode(sent.statement) else { continue }
            let receipt: Receipt
            let checkpoint: VerifiedCheckpoint
            do {
                receipt = try Receipt(parsing: text)
                checkpoint = try receipt.verify(leaf: bytes, by: verifier)
            } catch { throw ClientError.logUnverified(log: "petition", error) }
            guard let place = Int(exactly: receipt.index), let size = Int(exactly: checkpoint.size),
                view.petition.tree.leafHash(at: place) == MerkleTree.leafHash(bytes),
                view.petition.tree.root(at: size) == checkpoint.root
            else { throw ClientError.forked(log: "petition", size: checkpoint.size) }
            count += 1
        }
        return count
    }
}
