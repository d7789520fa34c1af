import CoSigning
import Foundation
import MembershipProofs
import Petitions
import Sodium

/// A petition of the workplace, as an anonymous reading shows it.
public struct PetitionSummary: Sendable {
    /// The petition's id.
    public let id: ID<Petition>
    /// Nil if it is announced but not open yet, or cannot be read.
    public let view: PetitionView?
    /// The figures; nil without a view.
    public let tally: Tally?
    /// Where this device stands, judged by what it has sent.
    public let own: OwnStatus
    /// The statement that stands under this member's tag, from whichever device it came.
    public let standing: PetitionLog.Standing?
    /// How many receipts of this device verify against the current log.
    public let receipts: Int
    /// Why the petition cannot be read; nil if it can, or is not open yet.
    public let failure: ClientError?

    /// The petition's log, if it could be read.
    public var log: PetitionLog? { view?.petition }
    /// Whether it can be co-signed, as far as its log shows.
    public var isOpen: Bool { view.map { $0.petition.closure == nil } ?? false }
    /// Whether it is a vote on a response.
    public var isRatification: Bool { view?.petition.manifest.kind == .ratification }
}

extension CoSigner {
    /// Every announced petition, in order of announcement, from one anonymous reading. A petition that cannot be read
    /// has its error, and the others are still read: stopping would reveal what this device has seen.
    public func summaries() async throws -> (reading: Reading, petitions: [PetitionSummary]) {
        let reading = try await look(.everything)
        _ = try ClientError.coSigning { () throws(CoSigningError) in try reading.judgedRoster() }
        return (reading, summaries(in: reading))
    }

    /// The petitions of a reading.
    public func summaries(in reading: Reading) -> [PetitionSummary] {
        reading.announced.map { summary($0, in: reading) }
    }

    private func summary(_ id: ID<Petition>, in reading: Reading) -> PetitionSummary {
        let own = device.ownStatus(id)
        do {
            let view = try view(of: id, in: reading)
            return PetitionSummary(
                id: id, view: view, tally: view.petition.tally(in: view.workplace), own: own,
                standing: view.standing(of: device.identity), receipts: verifiedReceipts(view), failure: nil)
        } catch {
            let failure = error as? ClientError
            return PetitionSummary(
                id: id, view: nil, tally: nil, own: own, standing: nil, receipts: 0,
                failure: failure?.isNotOpened == true ? nil : failure)
        }
    }
}

extension ClientError {
    /// Whether no petition of this workplace is behind an announced id: it is not open yet, or is another workplace's.
    var isNotOpened: Bool {
        switch self {
        case .coSigning(.logMissing), .coSigning(.otherWorkplace): true
        default: false
        }
    }
}

/// A member's overview: which petitions are open, where they stand with each, and what they have to do.
public struct MemberStatus: Sendable {
    /// Something that only this person can do, or that an organiser should do.
    public enum Task: Sendable, Hashable {
        /// Offer to be a trustee of a petition in preparation.
        case offer(plan: ID<Object>)
        /// Read and accept an assembled petition as a trustee.
        case accept(plan: ID<Object>)
        /// Assemble a petition, since all offers are there.
        case assemble(plan: ID<Object>)
        /// Open a petition, since all trustees have accepted.
        case open(plan: ID<Object>)
        /// Read a petition, and co-sign it or not.
        case cosign(ID<Petition>)
        /// Vote on the employer's response.
        case vote(ID<Petition>)
        /// Send a statement again that has no valid response.
        case sendAgain(ID<Petition>)
        /// The promised time has come, and the log that was read does not show the co-signature yet.
        case lookAgain(ID<Petition>)
        /// Release the key of the ballots, as a trustee.
        case release(ID<Petition>)
        /// Release the key of the names that open at this count, as a trustee.
        case releaseLevel(ID<Petition>, count: UInt32)
        /// Answer comments on a draft.
        case comments(draft: ID<Object>, count: Int)
        /// Extend the ring by members who have joined since.
        case extend(ID<Petition>, missing: Int)
        /// Deliver a petition, and record that.
        case deliver(ID<Petition>)
        /// Make a new group key.
        case rotateKey
        /// Revoke this many expired invites.
        case expiredInvites(Int)
    }

    /// The roster with its pseudonyms.
    public let people: People
    /// In order of announcement, including those that are not open yet.
    public let petitions: [PetitionSummary]
    /// This person's tasks.
    public let tasks: [Task]
    /// Other news for them.
    public let news: [News]
    /// The titles of drafts and plans, by object id.
    public let titles: [ID<Object>: String]
    /// Differences from what the service showed before.
    public let alarms: [Alarm]
    /// Changes of the witnesses that this person has not been shown.
    public let witnessNotes: [Note]
    /// When it was made, by the device's clock in seconds since 1970.
    public let time: UInt64

    /// Whether this member is an organiser.
    public let isOrganiser: Bool
    /// How many members the workplace has now.
    public var members: Int { people.roster.members(at: people.roster.size).count }
    /// How many people the workplace has, as declared.
    public var eligible: UInt32 { people.roster.eligible(at: people.roster.size) }
    /// Petitions that are announced but not open yet.
    public var announced: [ID<Petition>] { petitions.filter { $0.view == nil && $0.failure == nil }.map(\.id) }
    /// Petitions whose log could be read, closed ones included.
    public var opened: [PetitionSummary] { petitions.filter { $0.view != nil } }
}

extension Member {
    /// Reads everything again. Every petition is read anonymously first, whether this device has co-signed it or not,
    /// over one connection. Requests under this member's name come afterwards, so that nothing signed precedes the
    /// reading.
    public func status() async throws -> MemberStatus {
        let petitions = try await cosigner.summaries().petitions
        return try await session { session in
            // A text that is older than before raises an alarm, and hides only texts.
            let people = try await unlessRolledBack(People(roster: session.roster, pseudonyms: [:])) {
                try await session.people()
            }
            let allPlans = try await unlessRolledBack([]) { try await session.allPlans() }
            let plans = allPlans.filter { !$0.plan.isDiscarded && !$0.isByFormer }
            let trustees = try await unlessRolledBack([:]) {
                try await session.trusteeTexts(of: Array(Set(plans.flatMap(\.plan.trustees))))
            }
            let drafts = try await unlessRolledBack([]) { try await session.drafts() }
            let taken = Session.takenKeys(allPlans)
            var tasks = petitions.flatMap { self.tasks(in: $0, session.roster) }
            var titles: [ID<Object>: String] = [:]
            for (id, plan, _) in plans {
                titles[id] = plan.title
                tasks += self.tasks(in: plan, id, trustees, taken, session.roster)
            }
            for draft in drafts { titles[draft.id] = draft.title }
            let comments = try await unlessRolledBack([]) { try await session.comments() }
            tasks += try await unlessRolledBack([]) { try await commentTasks(drafts, comments, session) }
            var news = news(
                of: petitions, plans, trustees, taken: taken, drafts, comments, people)
            if session.isOrganiser {
                if session.roster.rotationIsDue { tasks.append(.rotateKey) }
                let directory = try await unlessRolledBack(nil) { try await session.directory() }
                let states = directory.map { directory in directory.entries.map { ($0.name, directory.state(of: $0)) } }
                let expired = (states ?? []).count { $0.1 == .expired }
                if expired > 0 { tasks.append(.expiredInvites(expired)) }
                let open = session.roster.openInvites.count - expired
                if open > 0 {
                    let names = (states ?? []).filter { $0.1 == .invited }.map(\.0)
                    news.append(.invited(names: names, count: open))
                } else if session.roster.members.count == 1 {
                    news.append(.alone)
                }
            }
            return MemberStatus(
                people: people, petitions: petitions, tasks: tasks, news: news, titles: titles, alarms: device.alarms,
                witnessNotes: device.witnessNews, time: device.clock(),
                isOrganiser: session.isOrganiser)
        }
    }

    private func unlessRolledBack<T>(_ otherwise: T, _ body: () async throws -> T) async throws -> T {
        do { return try await body() } catch ClientError.objectRolledBack { return otherwise }
    }

    private func tasks(in petition: PetitionSummary, _ roster: WorkplaceLog) -> [MemberStatus.Task] {
        guard let log = petition.log else { return [] }
        let id = petition.id
        var tasks: [MemberStatus.Task] = []
        if petition.isOpen, device.identity.ringKey(in: log.ring) != nil {
            switch petition.own {
            case .pending: tasks.append(.sendAgain(id))
            case .promised(let until): if until < device.clock() { tasks.append(.lookAgain(id)) }
            case .nothing where petition.standing == nil:
                tasks.append(petition.isRatification ? .vote(id) : .cosign(id))
            case .nothing, .forgotten, .signed, .signedWithName, .withdrawn: break
            }
        }
        if let place = log.acceptances.firstIndex(where: { $0.signKey == signKey }) {
            let trustee = UInt8(place + 1)
            func isMine(_ set: Int) -> Bool { log.released[set][trustee] == nil && !log.isReleased(set) }
            if log.closure != nil, isMine(0) { tasks.append(.release(id)) }
            for (i, level) in log.manifest.levels.enumerated()
            where isMine(i + 1) && UInt64(log.cosignatures) >= UInt64(level.count) {
                tasks.append(.releaseLevel(id, count: level.count))
            }
        }
        if roster.isOrganiser(signKey) {
            // Includes members who joined since: they cannot co-sign before the ring is extended.
            let grown = petition.isOpen ? try? log.extendedRing(in: roster, to: roster.size).count : nil
            let missing = log.ringEpoch < PetitionLog.maximalExtensions ? (grown ?? 0) - log.ring.count : 0
            if missing > 0 { tasks.append(.extend(id, missing: missing)) }
            if !petition.isOpen, !petition.isRatification, log.records.isEmpty,
                UInt64(log.cosignatures) >= UInt64(log.manifest.quorum), log.isReleased(0)
            {
                tasks.append(.deliver(id))
            }
        }
        return tasks
    }

    private func tasks(
        in plan: PetitionPlan, _ id: ID<Object>, _ trustees: [Bytes32: TrusteeText], _ taken: Set<Bytes32>,
        _ roster: WorkplaceLog
    ) -> [MemberStatus.Task] {
        let assembled = try? plan.assembled()
        let petition = assembled?.manifest.id
        if let petition, device.state.memory.petitions[petition]?.wasOpened == true { return [] }
        func hasOffered(_ key: Bytes32) -> Bool {
            trustees[key]?.keys(for: id, sets: 1 + plan.levels.count, taken: taken) != nil
        }
        func hasAccepted(_ key: Bytes32) -> Bool {
            trustees[key]?.acceptances.contains { $0.plan == id && $0.petition == petition } == true
        }
        var tasks: [MemberStatus.Task] = []
        if plan.trustees.contains(signKey) {
            if assembled == nil, !hasOffered(signKey) { tasks.append(.offer(plan: id)) }
            if assembled != nil, !hasAccepted(signKey) { tasks.append(.accept(plan: id)) }
        }
        if roster.isOrganiser(signKey) {
            if assembled == nil, plan.trustees.allSatisfy(hasOffered) { tasks.append(.assemble(plan: id)) }
            if assembled != nil, plan.trustees.allSatisfy(hasAccepted) { tasks.append(.open(plan: id)) }
        }
        return tasks
    }

    /// Open comments by others on drafts whose first or newest revision is this member's, and which they have not
    /// answered.
    private func commentTasks(
        _ drafts: [Draft], _ threads: [Comment], _ session: Session
    ) async throws -> [MemberStatus.Task] {
        let answered = Set(threads.filter { $0.author == signKey }.compactMap(\.replyTo))
        var counts: [ID<Object>: Int] = [:]
        for comment in threads
        where comment.replyTo == nil && comment.resolvedBy == nil && comment.author != signKey
            && !answered.contains(comment.id)
        {
            if case .draft(let id) = comment.topic { counts[id, default: 0] += 1 }
        }
        var tasks: [MemberStatus.Task] = []
        for draft in drafts {
            guard let count = counts[draft.id] else { continue }
            let first = draft.revision == 1 ? draft : try? await session.draft(draft.id, revision: 1)
            if draft.author == signKey || first?.author == signKey {
                tasks.append(.comments(draft: draft.id, count: count))
            }
        }
        return tasks
    }
}
