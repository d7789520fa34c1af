import MembershipProofs
import Petitions
import Sodium
import Storage
import TransparencyLog

/// One batch of statements, admitted one after the other to a copy of the logs. A value without a disk, a clock or a
/// network: the logs and what waits go in; what is to be written, and the logs as they are then, come out. Who does
/// not keep it has changed nothing.
struct Admission: Sendable {
    /// Where an admitted statement is going.
    enum Place: Equatable, Sendable {
        case leaf(Int)
        /// It waits to be mixed with others, until this time at most.
        case held(until: UInt64)
        /// What waited has been appended.
        case mixed
    }

    /// What a batch adds to one log.
    struct Growth: Sendable {
        let workplace: ID<Workplace>
        let start: Int
        fileprivate(set) var leaves: [LogAppend.Leaf] = []
        fileprivate(set) var names: [LogAppend.NameChange] = []
        /// Tags whose co-signatures waited and are among the leaves.
        fileprivate(set) var mixed: [Bytes32] = []
        /// Public keys of invites that the leaves use or close.
        fileprivate(set) var closedInvites: [Bytes32] = []
    }

    /// The logs with what has been admitted so far.
    private(set) var logs: FoldedLogs
    private(set) var growth: [LogName: Growth] = [:]
    /// What this batch holds, to be mixed later.
    private(set) var holds: [ID<Petition>: [HeldCoSignature]] = [:]
    /// Tags of what waited and can be appended no more.
    private(set) var spoiled: [ID<Petition>: [Bytes32]] = [:]
    /// Petitions in which something that waited neither holds nor stands in the log: the database was changed.
    private(set) var damaged: Set<ID<Petition>> = []
    /// What waited in the database before, as far as the batch needs it.
    private let held: [ID<Petition>: [HeldCoSignature]]
    private let now: UInt64
    private let mix: ServiceConfiguration.Mix?
    private let service: NoteKey

    /// - Parameters:
    ///   - held: what waits in the database to be mixed.
    ///   - now: Unix seconds.
    ///   - mix: nil where co-signatures are appended as they come.
    ///   - service: the name and key of this service's logs.
    init(
        to logs: FoldedLogs, held: [ID<Petition>: [HeldCoSignature]] = [:], at now: UInt64,
        mix: ServiceConfiguration.Mix? = nil, service: NoteKey
    ) {
        (self.logs, self.held, self.now, self.mix, self.service) = (logs, held, now, mix, service)
    }

    /// Admits a statement to the logs as the earlier ones of the batch have left them, or finds that it is there
    /// already. One that is refused has changed nothing, but that a petition whose deadline has come is closed.
    /// - Parameter verdict: on a co-signature's proof, where somebody has looked at it already.
    mutating func admit(
        _ submission: Sequencer.Submission, _ verdict: ProofVerdict? = nil
    ) throws(Refusal) -> Place {
        switch submission {
        case .workplace(let statement): return .leaf(try admit(statement))
        case .mix(let petition):
            try mixIn(petition)
            return .mixed
        case .petition(let statement, let sealedName):
            if case .opened(let manifest, _) = statement.body { return .leaf(try open(statement, manifest)) }
            // Nothing is accepted between a deadline and the statement that says it has passed.
            try closeIfDue(statement.petition)
            if let coSigned = statement.coSigned { return try admit(coSigned, sealedName, verdict) }
            return .leaf(try admit(statement))
        }
    }

    /// Whether a co-signature breaks none of the cheap rules so far, and is new.
    func isWorthProving(_ coSigned: CoSigned, _ sealedName: [UInt8]?) -> Bool {
        if case .new? = try? look(at: coSigned, sealedName) { true } else { false }
    }

    // MARK: What grew

    /// Changes a petition's log in place, and notes what grew. Nothing else changes one.
    /// - Returns: the new leaf's place.
    private mutating func grow(
        _ id: ID<Petition>, by bytes: [UInt8], name: LogAppend.NameChange? = nil, promised: UInt64? = nil,
        _ append: (inout PetitionLog) throws(RuleViolation) -> [MerkleTree.Node]
    ) throws(Refusal) -> Int {
        let (start, workplace, nodes) = try logs.change(id) { log throws(RuleViolation) in
            (log.size, log.manifest.workplace, try append(&log))
        }
        note(.petition(id), of: workplace, at: start, .init(bytes: bytes, nodes: nodes, promised: promised))
        if let name { growth[.petition(id)]?.names.append(name) }
        return start
    }

    /// The same of a workplace's log.
    private mutating func grow(
        _ id: ID<Workplace>, by bytes: [UInt8],
        _ append: (inout WorkplaceLog) throws(RuleViolation) -> [MerkleTree.Node]
    ) throws(Refusal) -> Int {
        let (start, nodes) = try logs.change(id) { log throws(RuleViolation) in (log.size, try append(&log)) }
        note(.workplace(id), of: id, at: start, .init(bytes: bytes, nodes: nodes))
        return start
    }

    private mutating func note(
        _ log: LogName, of workplace: ID<Workplace>, at start: Int, _ leaf: LogAppend.Leaf
    ) {
        growth[log, default: Growth(workplace: workplace, start: start)].leaves.append(leaf)
    }

    private mutating func noteFirst(_ log: LogName, of workplace: ID<Workplace>, _ bytes: [UInt8]) {
        let node = MerkleTree.Node(level: 0, index: 0, hash: MerkleTree.leafHash(bytes))
        note(log, of: workplace, at: 0, .init(bytes: bytes, nodes: [node]))
    }

    /// What is to be written, with the checkpoints that cover it.
    /// - Parameter asksWitnesses: whether checkpoints wait for witnesses, whatever their workplace names.
    func appends(signedBy key: borrowing SigningKey, asksWitnesses: Bool) throws(Refusal) -> [LogAppend] {
        var appends: [LogAppend] = []
        for (log, growth) in growth {
            let roster = try logs.workplace(growth.workplace)
            var (verifier, isLive, deadline) = (roster.verifier, roster.witnesses != .empty, UInt64?.none)
            if case .petition(let id) = log {
                let petition = try logs.petition(id)
                (verifier, isLive) = (roster.verifier(of: id), petition.isLive)
                if petition.manifest.closes > 0, petition.closure == nil { deadline = petition.manifest.closes }
            }
            guard let tree = logs.tree(of: log), let root = tree.root(at: growth.start) else { throw .noSuchLog }
            let base = Checkpoint(origin: verifier.origin, size: UInt64(growth.start), root: root)
            let checkpoint = Checkpoint(origin: verifier.origin, size: UInt64(tree.count), root: tree.root)
            appends.append(
                LogAppend(
                    log: log, workplace: growth.workplace, start: growth.start, base: base.text, leaves: growth.leaves,
                    note: checkpoint.signed(by: key).serialized,
                    isPublished: !asksWitnesses && roster.witnesses == .empty, deadline: deadline, names: growth.names,
                    mixed: growth.mixed, closedInvites: growth.closedInvites, isLive: isLive))
        }
        return appends
    }
}

// MARK: Workplaces

extension Admission {
    private mutating func admit(_ statement: WorkplaceStatement) throws(Refusal) -> Int {
        let id = statement.workplace
        if let leaf = logs.place(of: statement.bytes, in: .workplace(id)) { return leaf }
        if case .founded(let founding) = statement.body {
            guard founding.service == service.name, founding.logKey == service.key else { throw .otherService }
            guard try logs.find(id) == nil else { throw .rule(.onlyFirst) }
            logs.begin(try ruled { () throws(RuleViolation) in try WorkplaceLog(founding: statement.bytes) })
            noteFirst(.workplace(id), of: id, statement.bytes)
            return 0
        }
        let (admissible, closed) = try look(at: statement)
        let leaf = try grow(id, by: statement.bytes) { log throws(RuleViolation) in try log.append(admissible) }
        growth[.workplace(id)]?.closedInvites += closed
        return leaf
    }

    /// Whether the cheap rules let the statement in, and the invites that it uses or closes if it holds: what waits
    /// under their names goes with it.
    private func look(
        at statement: WorkplaceStatement
    ) throws(Refusal) -> (WorkplaceLog.Admissible, closed: [Bytes32]) {
        let log = try logs.workplace(statement.workplace)
        let admissible = try ruled { () throws(RuleViolation) in try log.check(statement) }
        switch statement.body {
        case .memberAdmitted(let admission): return (admissible, [admission.inviteKey])
        case .invitesRevoked(let keys): return (admissible, keys)
        case .memberRemoved(let issuer), .organiserDismissed(let issuer):
            return (admissible, log.openInvites.filter { log.issuer(ofInvite: $0) == issuer })
        default: return (admissible, [])
        }
    }
}

// MARK: Petitions

extension Admission {
    private mutating func open(_ statement: PetitionStatement, _ manifest: Manifest) throws(Refusal) -> Int {
        let id = statement.petition
        if let leaf = logs.place(of: statement.bytes, in: .petition(id)) { return leaf }
        let roster = try logs.workplace(manifest.workplace)
        try checkOffice(of: statement, in: roster)
        guard try logs.find(id) == nil else { throw .rule(.onlyFirst) }
        // Only those who prepared a petition know a manifest whose id was announced. The ring is built for nobody else.
        guard roster.announcements[id] != nil else { throw .rule(.notAnnounced) }
        logs.begin(
            try ruled { () throws(RuleViolation) in try PetitionLog(opening: statement.bytes, in: roster) })
        noteFirst(.petition(id), of: manifest.workplace, statement.bytes)
        return 0
    }

    /// A statement that is neither the first nor a co-signature.
    private mutating func admit(_ statement: PetitionStatement) throws(Refusal) -> Int {
        let id = statement.petition
        if let leaf = logs.place(of: statement.bytes, in: .petition(id)) { return leaf }
        // Before it has any effect: anybody may send this one, and it would call for a mix.
        if case .closed(let closure) = statement.body, case .deadline = closure.cause {
            guard try now >= logs.petition(id).manifest.closes else { throw .deadlineNotReached }
        }
        let roster = try logs.workplace(logs.petition(id).manifest.workplace)
        try checkOffice(of: statement, in: roster)
        try mixIn(before: statement, in: roster)
        return try grow(id, by: statement.bytes) { log throws(RuleViolation) in
            try log.append(statement, in: roster)
        }
    }

    /// Organisers open, extend, close and record only as long as they are organisers, by the workplace's log as it is
    /// now: verifiers, who cannot know what came first, judge by the roster that the statement names.
    private func checkOffice(of statement: PetitionStatement, in roster: WorkplaceLog) throws(Refusal) {
        guard let signer = statement.authorship?.signer else { return }
        guard roster.isOrganiser(signer) else { throw .rule(.notOrganiser) }
        // Nobody has come, gone or changed the ring key since the roster that the ring is extended over.
        if case .ringExtended(let step) = statement.body {
            guard UInt64(roster.lastRosterChange) < step.roster.size else { throw .rule(.roster) }
        }
    }

    private mutating func closeIfDue(_ id: ID<Petition>) throws(Refusal) {
        guard try logs.find(id)?.isDue(at: now) == true else { return }
        try mixIn(id)
        let (statement, roster) = try closing(id)
        _ = try grow(id, by: statement.bytes) { log throws(RuleViolation) in try log.append(statement, in: roster) }
    }

    private func closing(_ id: ID<Petition>) throws(Refusal) -> (PetitionStatement, in: WorkplaceLog) {
        let log = try logs.petition(id)
        let statement = try ruled { () throws(RuleViolation) in
            try PetitionStatement.closeByDeadline(id, size: UInt64(log.size), root: log.tree.root)
        }
        return (statement, try logs.workplace(log.manifest.workplace))
    }
}

// MARK: Co-signatures

extension Admission {
    private enum Look {
        case new(PetitionLog.Admissible, LogAppend.NameChange)
        /// The very same bytes are in the log, or wait.
        case known(Place)
    }

    private mutating func admit(
        _ coSigned: CoSigned, _ sealedName: [UInt8]?, _ verdict: ProofVerdict?
    ) throws(Refusal) -> Place {
        let id = coSigned.petition
        let (admissible, name): (PetitionLog.Admissible, LogAppend.NameChange)
        switch try look(at: coSigned, sealedName) {
        case .known(let place): return place
        case .new(let found, let change): (admissible, name) = (found, change)
        }
        let proven = try prove(coSigned, verdict)
        if let mix {
            let until = mix.until(now)
            let held = HeldCoSignature(
                tag: coSigned.tag.encoding, bytes: coSigned.bytes, sealedName: sealedName, until: until)
            holds[id, default: []].append(held)
            return .held(until: until)
        }
        let leaf = try grow(id, by: coSigned.bytes, name: name) { log throws(RuleViolation) in
            try log.append(admissible, proven)
        }
        return .leaf(leaf)
    }

    /// Every rule but the proof, in the order in which they are said.
    private func look(at coSigned: CoSigned, _ sealedName: [UInt8]?) throws(Refusal) -> Look {
        let log = try logs.petition(coSigned.petition)
        let waiting = waiting(under: coSigned)
        let admissible: PetitionLog.Admissible
        do throws(RuleViolation) { admissible = try log.check(coSigned) } catch {
            // Looked for only now, in a whole log: had it been appended, its tag's next sequence would be another.
            if let leaf = logs.place(of: coSigned.bytes, in: .petition(log.id)) { return .known(.leaf(leaf)) }
            // Which sequence is next is open while another co-signature of the tag waits.
            if error == .sequence, let waiting, waiting.bytes != coSigned.bytes { throw .held }
            throw .rule(error)
        }
        let name = try nameChange(coSigned, sealedName)
        guard let waiting else { return .new(admissible, name) }
        // The service promises one statement of a tag at a time.
        guard waiting.bytes == coSigned.bytes else { throw .held }
        return .known(.held(until: waiting.until))
    }

    /// What waits under a co-signature's tag. What this batch has mixed in is still in the database, and counts as
    /// waiting.
    private func waiting(under coSigned: CoSigned) -> HeldCoSignature? {
        let (petition, tag) = (coSigned.petition, coSigned.tag.encoding)
        return holds[petition]?.first { $0.tag == tag } ?? held[petition]?.first { $0.tag == tag }
    }

    private func prove(_ coSigned: CoSigned, _ verdict: ProofVerdict?) throws(Refusal) -> ProvenCoSignature {
        let log = try logs.petition(coSigned.petition)
        // A verdict for another ring than the present one says nothing: the ring has grown in this batch, or has not
        // because a commit failed.
        let known = verdict.flatMap { $0.ring == log.ring.digest ? $0.result : nil }
        return try ruled { () throws(RuleViolation) in try (known ?? log.prove([coSigned])[0]).get() }
    }

    /// A sealed name comes with the co-signature that carries its digest, and goes with it.
    private func nameChange(
        _ coSigned: CoSigned, _ sealed: [UInt8]?
    ) throws(Refusal) -> LogAppend.NameChange {
        guard coSigned.level > 0 else {
            guard sealed == nil else { throw .rule(.sealedNameMismatch) }
            return .delete(tag: coSigned.tag.encoding)
        }
        let length = try logs.petition(coSigned.petition).manifest.sealedNameLength
        guard let sealed, sealed.count == length, coSigned.isNamed(by: sealed) else {
            throw .rule(.sealedNameMismatch)
        }
        return .keep(tag: coSigned.tag.encoding, sealed: sealed)
    }
}

// MARK: Mixing (docs/protocol.md, section 7)

/// Co-signatures that are held and appended together: who watches the network, or takes the file later, cannot tell
/// from the order or the time of a leaf who sent something just then.
extension Admission {
    /// What waits goes in before a statement after which it could not: a close, or a new ring. Only if that statement
    /// holds, or anybody could call for a mix.
    private mutating func mixIn(before statement: PetitionStatement, in roster: WorkplaceLog) throws(Refusal) {
        switch statement.body {
        case .closed, .ringExtended:
            let id = statement.petition
            guard !notMixed(id).isEmpty else { return }
            var trial = try logs.petition(id)
            try ruled { () throws(RuleViolation) in _ = try trial.append(statement, in: roster) }
            try mixIn(id)
        default: return
        }
    }

    /// What waits in a petition, but for what this batch has dealt with: that is still in the database.
    private func notMixed(_ id: ID<Petition>) -> [HeldCoSignature] {
        let done = Set(growth[.petition(id)]?.mixed ?? []).union(spoiled[id] ?? [])
        return (held[id] ?? []).filter { !done.contains($0.tag) } + (holds[id] ?? [])
    }

    /// Appends everything that waits in a petition, in a random order.
    private mutating func mixIn(_ id: ID<Petition>) throws(Refusal) {
        let list = notMixed(id).shuffled()
        guard !list.isEmpty else { return }
        let statements = list.map { (try? PetitionStatement(decoding: $0.bytes))?.coSigned }
        let places = list.indices.filter { statements[$0] != nil }
        let verdicts = try logs.petition(id).prove(statements.compactMap { $0 })
        let proven = Dictionary(uniqueKeysWithValues: zip(places, verdicts))
        holds[id] = nil
        for (i, held) in list.enumerated() {
            guard let coSigned = statements[i], let verdict = proven[i], coSigned.petition == id else {
                drop(held, of: id)
                continue
            }
            do throws(Refusal) {
                try mixIn(coSigned, verdict, nameChange(coSigned, held.sealedName), until: held.until)
            } catch { drop(held, of: id) }
        }
    }

    private mutating func mixIn(
        _ coSigned: CoSigned, _ verdict: Result<ProvenCoSignature, RuleViolation>, _ name: LogAppend.NameChange,
        until: UInt64
    ) throws(Refusal) {
        let id = coSigned.petition
        _ = try grow(id, by: coSigned.bytes, name: name, promised: until) { log throws(RuleViolation) in
            try log.append(log.check(coSigned), verdict.get())
        }
        growth[.petition(id)]?.mixed.append(coSigned.tag.encoding)
    }

    /// It was looked at when it came: it is in the log too, because a database was put back, or the database was
    /// changed.
    private mutating func drop(_ held: HeldCoSignature, of id: ID<Petition>) {
        spoiled[id, default: []].append(held.tag)
        if logs.place(of: held.bytes, in: .petition(id)) == nil { damaged.insert(id) }
    }
}

/// A broken rule, as the service says it.
func ruled<T>(_ body: () throws(RuleViolation) -> T) throws(Refusal) -> T {
    do throws(RuleViolation) { return try body() } catch { throw .rule(error) }
}
