import MembershipProofs
import Petitions
import Sodium
import Storage
import TransparencyLog

/// What one statement does to the folded logs, if it holds.
extension Sequencer {
    /// Folds the statement in and notes what is to be written.
    func admit(
        _ submission: Submission, proof: ProofVerdict?, _ growth: inout [LogName: Growth]
    ) throws -> Place {
        switch submission {
        case .workplace(let statement):
            if let leaf = placeOfSame(submission) { return .leaf(leaf) }
            return .leaf(try admit(submission, statement, &growth))
        case .mix(let petition):
            try mixIn(petition, &growth)
            return .mixed
        case .petition(let statement, let sealedName):
            let id = statement.petition
            // A co-signature that keeps the rules is new: had it been appended, its tag's next sequence would be another.
            let isNew =
                if let coSigned = statement.coSigned, let log = try petitionLog(id) {
                    (try? log.check(coSigned)) != nil
                } else { false }
            if !isNew, let leaf = placeOfSame(submission) { return .leaf(leaf) }
            if case .opened(let manifest, _) = statement.body {
                try checkOffice(of: statement)
                return .leaf(try open(submission, manifest, id, &growth))
            }
            try closeIfDue(id, &growth)
            if !isNew, let leaf = placeOfSame(submission) { return .leaf(leaf) }
            // Before it has any effect: anybody may send this one, and it would call for a mix.
            if case .closed(let closure) = statement.body, case .deadline = closure.cause,
                let log = try petitionLog(id), now < log.manifest.closes
            {
                throw Refusal.deadlineNotReached
            }
            try checkOffice(of: statement)
            try mixIn(before: statement, &growth)
            guard var log = try petitionLog(id) else { throw Refusal.noSuchLog }
            let before = growth[submission.log] == nil ? log : nil
            // Out of the dictionary while it changes, so that it is changed in place and copied once a batch at most.
            petitions[id] = nil
            defer { petitions[id] = log }
            let start = log.size
            let nodes: [MerkleTree.Node]
            var names: [LogAppend.NameChange] = []
            if let coSigned = statement.coSigned {
                try log.check(coSigned)
                names = [try Self.nameChange(coSigned, sealedName, log.manifest)]
                if let held = try held(as: coSigned) { return .held(until: held.until) }
                // A verdict for another ring than the present one says nothing: the ring has grown in this batch, or has
                // not because a commit failed.
                let known = proof.flatMap { $0.ring == log.ring.digest ? $0.result : nil }
                let proven = try (known ?? log.prove([coSigned])[0]).get()
                if let mix { return .held(until: hold(proven.coSigned, sealedName, until: mix.until(now))) }
                nodes = try log.append(log.check(coSigned), proven)
            } else {
                nodes = try log.append(statement, in: workplaceLog(log.manifest.workplace))
            }
            note(submission, nodes, names, at: start, log.manifest.workplace, .petition(before), &growth)
            return .leaf(start)
        }
    }

    private func admit(
        _ submission: Submission, _ statement: WorkplaceStatement, _ growth: inout [LogName: Growth]
    ) throws -> Int {
        let id = statement.workplace
        if case .founded(let founding) = statement.body {
            guard founding.service == store.serviceName, founding.logKey == store.logKey().publicKey else {
                throw Refusal.otherService
            }
            guard workplaces[id] == nil else { throw RuleViolation.onlyFirst }
            if let refusal = unreadable[submission.log] { throw refusal }
            let log = try WorkplaceLog(founding: submission.bytes)
            workplaces[id] = log
            note(submission, Self.firstNodes(submission), [], at: 0, id, .workplace(nil), &growth)
            return 0
        }
        var log = try workplaceLog(id)
        let admissible = try log.check(statement)
        let before = growth[submission.log] == nil ? log : nil
        workplaces[id] = nil
        defer { workplaces[id] = log }
        let start = log.size
        let closed = Self.invitesClosed(by: statement, in: log)
        let nodes = try log.append(admissible)
        note(submission, nodes, [], at: start, id, .workplace(before), &growth)
        growth[submission.log]?.closedInvites += closed
        return start
    }

    /// The invites that a statement uses or closes, if it holds: what waits under their names goes with it.
    private static func invitesClosed(by statement: WorkplaceStatement, in log: WorkplaceLog) -> [Bytes32] {
        switch statement.body {
        case .memberAdmitted(let admission): [admission.inviteKey]
        case .invitesRevoked(let keys): keys
        case .memberRemoved(let issuer), .organiserDismissed(let issuer):
            log.openInvites.filter { log.issuer(ofInvite: $0) == issuer }
        default: []
        }
    }

    /// Organisers open, extend, close and record only as long as they are organisers, by the workplace's log as it is now: verifiers,
    /// who cannot know what came first, judge by the roster that the statement names.
    private func checkOffice(of statement: PetitionStatement) throws {
        guard let signer = statement.authorship?.signer else { return }
        let workplace: ID<Workplace>
        if case .opened(let manifest, _) = statement.body {
            workplace = manifest.workplace
        } else {
            guard let log = try petitionLog(statement.petition) else { throw Refusal.noSuchLog }
            workplace = log.manifest.workplace
        }
        let roster = try workplaceLog(workplace)
        guard roster.isOrganiser(signer) else { throw RuleViolation.notOrganiser }
        // Nobody has come, gone or changed the ring key since the roster that the ring is extended over.
        if case .ringExtended(let step) = statement.body {
            guard UInt64(roster.lastRosterChange) < step.roster.size else { throw RuleViolation.roster }
        }
    }

    private func open(
        _ submission: Submission, _ manifest: Manifest, _ id: ID<Petition>, _ growth: inout [LogName: Growth]
    ) throws -> Int {
        guard try petitionLog(id) == nil else { throw RuleViolation.onlyFirst }
        // Who knows a manifest whose id was announced is one of those who prepared it: the ring is built for nobody else.
        guard try workplaceLog(manifest.workplace).announcements[id] != nil else { throw RuleViolation.notAnnounced }
        let log = try PetitionLog(opening: submission.bytes, in: workplaceLog(manifest.workplace))
        petitions[id] = log
        note(submission, Self.firstNodes(submission), [], at: 0, manifest.workplace, .petition(nil), &growth)
        return 0
    }

    private static func firstNodes(_ submission: Submission) -> [MerkleTree.Node] {
        [MerkleTree.Node(level: 0, index: 0, hash: MerkleTree.leafHash(submission.bytes))]
    }

    func note(
        _ submission: Submission, _ nodes: [MerkleTree.Node], _ names: [LogAppend.NameChange], at start: Int,
        _ workplace: ID<Workplace>, _ before: Folded, _ growth: inout [LogName: Growth], promised: UInt64? = nil
    ) {
        growth[submission.log, default: Growth(workplace: workplace, start: start, before: before)].leaves
            .append(LogAppend.Leaf(bytes: submission.bytes, nodes: nodes, promised: promised))
        growth[submission.log]?.names += names
    }

    func isDue(_ log: PetitionLog) -> Bool {
        log.manifest.closes != 0 && log.closure == nil && now >= log.manifest.closes
    }

    /// Nothing is accepted between a deadline and the statement that says it has passed.
    private func closeIfDue(_ id: ID<Petition>, _ growth: inout [LogName: Growth]) throws {
        guard let due = try petitionLog(id), isDue(due) else { return }
        try mixIn(id, &growth)
        guard var log = try petitionLog(id) else { return }
        let before = growth[.petition(id)] == nil ? log : nil
        let start = log.size
        let statement = try PetitionStatement.closeByDeadline(id, size: UInt64(start), root: log.tree.root)
        let nodes = try log.append(statement, in: workplaceLog(log.manifest.workplace))
        petitions[id] = log
        note(.petition(statement), nodes, [], at: start, log.manifest.workplace, .petition(before), &growth)
    }

    /// A sealed name comes with the co-signature that carries its digest, and goes with it.
    static func nameChange(
        _ coSigned: CoSigned, _ sealed: [UInt8]?, _ manifest: Manifest
    ) throws -> LogAppend.NameChange {
        guard coSigned.level > 0 else {
            guard sealed == nil else { throw RuleViolation.sealedNameMismatch }
            return .delete(tag: coSigned.tag.encoding)
        }
        guard let sealed, sealed.count == manifest.sealedNameLength, coSigned.isNamed(by: sealed) else {
            throw RuleViolation.sealedNameMismatch
        }
        return .keep(tag: coSigned.tag.encoding, sealed: sealed)
    }

    /// Where the very same bytes already are: those of this batch are folded in too.
    func placeOfSame(_ submission: Submission) -> Int? {
        let tree =
            switch submission.log {
            case .workplace(let id): workplaces[id]?.tree
            case .petition(let id): petitions[id]?.tree
            }
        return tree?.place(ofLeafHash: MerkleTree.leafHash(submission.bytes))
    }
}

extension PetitionBundle {
    /// Leaves that this service has accepted must hold; that they do not means that the file was changed.
    static func orDamaged<T>(_ body: () throws(PetitionBundle.Unreadable) -> T) throws -> T {
        do { return try body() } catch { throw Refusal.storage(.damaged) }
    }
}
