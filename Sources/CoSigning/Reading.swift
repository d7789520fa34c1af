// docs/protocol.md, section 10

import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// Everything that one run was served, unjudged.
public struct Reading: Sendable {
    /// The extent of the run.
    public let scope: Run.Scope
    /// The workplace that the run read.
    public let workplace: ID<Workplace>
    /// The logs as they were served. Nothing of them is believed before it is judged.
    public internal(set) var logs: [LogName: ServedLog] = [:] {
        didSet {
            guard case .log(let log)? = workplaceLog, log.leaves.count != roster?.log.size else { return }
            if let roster, case .log(let former)? = oldValue[.workplace(workplace)],
                log.leaves.starts(with: former.leaves)
            {
                self.roster = roster.extended(by: Array(log.leaves.dropFirst(former.leaves.count)))
            } else {
                roster = try? WorkplaceLog.audit(log.leaves)
            }
        }
    }
    var documents: [ID<Petition>: [UInt8]] = [:]
    var names: [ID<Petition>: [UInt8]] = [:]
    var wraps: [UInt32: [UInt8]] = [:]
    /// The workplace's log, folded regardless of who signed its checkpoint; nil if its first leaf is invalid. It
    /// decides what to ask for next, but nothing in it is believed until `judgedRoster` has checked it.
    private(set) var roster: Audited<WorkplaceLog>?

    init(scope: Run.Scope, workplace: ID<Workplace>) { (self.scope, self.workplace) = (scope, workplace) }

    var workplaceLog: ServedLog? { logs[.workplace(workplace)] }

    func served(_ name: LogName) throws(CoSigningError) -> PetitionBundle.Log {
        switch logs[name] {
        case .log(let log)?: return log
        case .unreadable?: throw .logUnreadable(name)
        case .missing?, nil: throw .logMissing(name)
        }
    }

    /// The manifest that a petition's first leaf carries, if it is this petition's.
    func manifest(of id: ID<Petition>) -> Manifest? {
        guard case .log(let log)? = logs[.petition(id)], let first = log.leaves.first,
            case .opened(let manifest, _)? = (try? PetitionStatement(decoding: first))?.body, manifest.id == id
        else { return nil }
        return manifest
    }

    /// The petition that the run was about, if its scope was an id or a prefix; nil for other scopes, and if no
    /// petition, or more than one, has the prefix.
    public var wanted: ID<Petition>? {
        switch scope {
        case .petition(let id): return id
        case .prefix(let prefix):
            let fitting = announced.filter { $0.hex.hasPrefix(prefix) }
            return fitting.count == 1 ? fitting[0] : nil
        case .log(let id): return id
        case .everything, .roster: return nil
        }
    }

    /// How many announced petitions have an id that begins with `prefix`.
    public func fitting(_ prefix: String) -> Int { announced.count { $0.hex.hasPrefix(prefix) } }

    /// Announced petitions in the order of their announcement in the log that was read.
    public var announced: [ID<Petition>] { roster?.log.announcedInOrder.map { $0.id } ?? [] }

    func isAnnounced(_ id: ID<Petition>) -> Bool { roster?.log.announcements[id] != nil }

    // MARK: Judging

    /// The workplace's log at its checkpoint, verified from the first leaf, with the witnesses that it names.
    public func judgedRoster() throws(CoSigningError) -> JudgedLog<WorkplaceLog> {
        let name = LogName.workplace(workplace)
        let raw = try served(name)
        guard let audited = roster else { throw .firstLeaf(name) }
        guard audited.log.id == workplace else { throw .otherWorkplace }
        return try JudgedLog(
            name, raw, audited, faults: audited.faults, audited.log.verifier, audited.log.tree,
            witnesses: audited.log.witnesses)
    }

    /// A petition's log, verified likewise against a valid roster, which says whose key and which witnesses sign the
    /// petition's checkpoint.
    public func judgedLog(_ id: ID<Petition>) throws(CoSigningError) -> JudgedLog<PetitionLog> {
        let name = LogName.petition(id)
        let roster = try judgedRoster()
        let raw = try served(name)
        // Anyone may announce any id; the manifest behind the id says to which workplace it belongs.
        if let manifest = manifest(of: id), manifest.workplace != workplace { throw .otherWorkplace }
        let audited: Audited<PetitionLog>
        do { audited = try PetitionLog.audit(raw.leaves, in: roster.log) } catch { throw .firstLeaf(name) }
        // Another petition's log at this address must not be taken for "not opened yet".
        guard audited.log.id == id else { throw .firstLeaf(name) }
        return try JudgedLog(
            name, raw, audited, faults: audited.faults, roster.log.verifier(of: id), audited.log.tree,
            witnesses: roster.log.witnesses)
    }

    /// The petition as a bundle, with whatever faults its logs have: the auditor reports them.
    /// - Throws: `CoSigningError.logMissing`, `.logUnreadable`.
    public func bundle(of id: ID<Petition>, for identity: Identity?) throws(CoSigningError) -> PetitionBundle {
        var bundle = PetitionBundle(
            workplaceID: workplace, petitionID: id, workplace: try served(.workplace(workplace)),
            petition: try served(.petition(id)), names: [], document: nil)
        guard let roster, let log = try? PetitionLog.audit(bundle.petition.leaves, in: roster.log).log else {
            return bundle
        }
        bundle.names = dueNames(of: log)
        if let identity { bundle.document = try? document(of: log, roster.log, for: identity).get().bytes }
        return bundle
    }

    /// Everything about one petition that a person should see before deciding.
    public func view(of id: ID<Petition>, for identity: Identity) throws(CoSigningError) -> PetitionView {
        let roster = try judgedRoster()
        let log = try judgedLog(id)
        var about: PetitionLog?
        if let response = log.log.manifest.about { about = try judgedLog(response.petition).log }
        let (document, fault): (PetitionDocument?, DocumentFault?) =
            switch self.document(of: log.log, roster.log, for: identity) {
            case .success(let document): (document, nil)
            case .failure(let fault): (nil, fault)
            }
        let epoch = documents[id].flatMap { try? StoredObject(decoding: $0) }?.epoch
        return PetitionView(
            workplace: roster, petition: log, about: about, document: document, documentFault: fault,
            wraps: epoch.map { wraps(of: $0) } ?? [], names: dueNames(of: log.log))
    }

    /// The sealed names that the log refers to, as far as the service has them.
    private func dueNames(of log: PetitionLog) -> [[UInt8]] {
        names[log.id].map { log.due(among: Self.names(.bytes($0))) } ?? []
    }

    /// Decodes the service's list of sealed names; empty if the answer is not such a list.
    public static func names(_ answer: RunAnswer) -> [[UInt8]] {
        guard case .bytes(let bytes) = answer, let value = try? JSONValue(parsing: bytes),
            case .array(let items)? = value["names"]
        else { return [] }
        return items.compactMap { $0.text.flatMap { Base64.decode($0) } }
    }

    func wraps(of epoch: UInt32) -> [KeyWrap] {
        wraps[epoch].map { Self.wraps(.bytes($0), epoch: epoch) } ?? []
    }

    /// Decodes the service's list of wraps. Malformed entries are left out.
    public static func wraps(_ answer: RunAnswer, epoch: UInt32) -> [KeyWrap] {
        guard case .bytes(let bytes) = answer, let value = try? JSONValue(parsing: bytes),
            case .array(let items)? = value["wraps"]
        else { return [] }
        return items.compactMap { KeyWrap(epoch: epoch, $0) }
    }

    /// Decrypts the wording. The key comes from this run's list of wraps, never from elsewhere on the device: whether
    /// the document opens must not depend on the response to a signed request.
    private func document(
        of log: PetitionLog, _ roster: WorkplaceLog, for identity: Identity
    ) -> Result<PetitionDocument, DocumentFault> {
        guard let bytes = documents[log.id] else { return .failure(.missing) }
        guard let object = try? StoredObject(decoding: bytes), object.name == .init(.document, log.id.document),
            object.workplace == workplace, object.standing(in: roster, founder: nil) != .never
        else { return .failure(.otherDocument) }
        guard
            let key = GroupKey.unwrap(
                wraps(of: object.epoch), epoch: object.epoch, in: roster, as: identity.signKey,
                by: identity.seed.boxKey())
        else { return .failure(.noGroupKey) }
        guard let plaintext = try? object.open(under: key),
            let document = try? PetitionDocument(parsing: plaintext, of: log.manifest)
        else { return .failure(.otherDocument) }
        return .success(document)
    }
}

extension KeyWrap {
    /// Decodes one entry of the service's list.
    init?(epoch: UInt32, _ value: JSONValue) {
        guard let member = value["member"]?.text.flatMap({ Bytes32(hex: $0) }),
            let wrap = value["wrap"]?.text.flatMap({ Base64.decode($0) }),
            let by = value["by"]?.text.flatMap({ Bytes32(hex: $0) }),
            let signature = value["signature"]?.text.flatMap({ Base64.decode($0) })
        else { return nil }
        self.init(epoch: epoch, member: member, wrap: wrap, by: by, signature: signature)
    }
}

/// A log in which every leaf is valid, under a checkpoint signed by the log's key and the named witnesses. Only
/// `Reading` makes one.
public struct JudgedLog<Log: Sendable>: Sendable {
    /// The log's name.
    public let name: LogName
    /// The state that the leaves fold to.
    public let log: Log
    /// The audit that produced `log`.
    public let audited: Audited<Log>
    /// The checkpoint and leaves as they were served.
    public let raw: PetitionBundle.Log
    /// The verified checkpoint; its size is the number of leaves.
    public let checkpoint: VerifiedCheckpoint
    /// Verifies this log's checkpoints.
    public let verifier: LogVerifier
    /// The tree over all leaves.
    public let tree: MerkleTree
    /// Which of the named witnesses have signed, and when.
    public let witnessed: WitnessQuorum.Verdict

    fileprivate init(
        _ name: LogName, _ raw: PetitionBundle.Log, _ audited: Audited<Log>, faults: [Fault], _ verifier: LogVerifier,
        _ tree: MerkleTree, witnesses: WitnessQuorum
    ) throws(CoSigningError) {
        do { checkpoint = try verifier.verify(raw.checkpoint) } catch { throw .logUnverified(name, error) }
        guard checkpoint.size == UInt64(tree.count), checkpoint.root == tree.root else { throw .logRootDiffers(name) }
        witnessed = witnesses.judge(checkpoint)
        guard witnessed.isSatisfied else {
            throw .notWitnessed(name, signed: witnessed.times.count, asked: witnessed.threshold)
        }
        guard faults.isEmpty else { throw .serviceFaults(faults.map { $0.description }) }
        (self.name, self.raw, self.verifier, self.tree) = (name, raw, verifier, tree)
        (self.audited, log) = (audited, audited.log)
    }
}
