import Foundation
import MembershipProofs
import Petitions
import Sodium

/// What a member wants to know at a glance: what is open, where they stand in it, and what waits for them.
public struct MemberStatus: Sendable {
    public struct OfPetition: Sendable {
        public let view: PetitionView
        public let tally: Tally
        public let own: Member.OwnStatus
        /// Receipts of this device that verify against the log as it is now. One that does not is an error, never a number.
        public let receipts: Int

        public var id: ID<Petition> { view.petition.id }
        public var isOpen: Bool { view.petition.closure == nil }
        public var isRatification: Bool { view.petition.manifest.kind == .ratification }
    }

    /// Something that only this person can do, or that an organiser should.
    public enum Task: Sendable, Hashable {
        case offer(plan: ID<Object>)
        case accept(plan: ID<Object>)
        case assemble(plan: ID<Object>)
        case open(plan: ID<Object>)
        case cosign(ID<Petition>)
        case vote(ID<Petition>)
        case sendAgain(ID<Petition>)
        case release(ID<Petition>)
        case releaseLevel(ID<Petition>, count: UInt32)
        case comments(draft: ID<Object>, count: Int)
        case extend(ID<Petition>, missing: Int)
        case deliver(ID<Petition>)
        case rotateKey
        case expiredInvites(Int)
    }

    public let people: People
    /// Announced and not opened.
    public let announced: [ID<Petition>]
    /// In order of announcement.
    public let petitions: [OfPetition]
    public let tasks: [Task]
    /// By object id, what drafts and plans are called.
    public let titles: [ID<Object>: String]
    /// What the logs have shown, for the next look.
    let pins: LocalState.Pins

    public var members: Int { people.roster.members(at: people.roster.size).count }
    public var eligible: UInt32 { people.roster.eligible(at: people.roster.size) }
}

extension Member {
    /// Everything anew. What is asked for under this member's name comes first; then each petition over an anonymous connection
    /// of its own, whether this device co-signed it or not, and nothing signed follows: so that neither the reading nor what
    /// becomes of it says anything.
    public func status() async throws -> MemberStatus {
        let people = try await people()
        let roster = people.roster
        let contributions = try await contributions(in: roster)
        let plans = try await plans()
        let drafts = try await drafts()
        let comments = try await commentTasks(contributions, drafts)
        let directory = roster.isOrganiser(signKey) ? try await directory() : nil
        var petitions: [MemberStatus.OfPetition] = []
        var unopened: [ID<Petition>] = []
        var failure: ClientError?
        let announced = roster.announcements.map { ($0.key, $0.value.map(\.leaf).min() ?? 0) }.sorted { $0.1 < $1.1 }
        for (id, _) in announced {
            do {
                let view = try await view(id)
                petitions.append(
                    .init(
                        view: view, tally: view.petition.tally(in: view.workplace), own: ownStatus(id),
                        receipts: try verifyReceipts(view)))
            } catch let error as ClientError where error.isNotOpened && ownStatus(id) == .nothing {
                unopened.append(id)
            } catch let error as ClientError {
                // The others all the same: to stop here would say what this device has seen.
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        var tasks = petitions.flatMap { self.tasks(in: $0, roster) }
        var titles: [ID<Object>: String] = [:]
        for (id, plan) in plans {
            titles[id] = plan.title
            tasks += self.tasks(in: plan, id, contributions, roster)
        }
        for draft in drafts { titles[draft.id] = draft.title }
        tasks += comments
        if let directory {
            if roster.rotationIsDue { tasks.append(.rotateKey) }
            let expired = directory.entries.count { directory.state(of: $0) == .expired }
            if expired > 0 { tasks.append(.expiredInvites(expired)) }
        }
        return MemberStatus(
            people: people, announced: unopened, petitions: petitions, tasks: tasks, titles: titles, pins: state.pins)
    }

    private func tasks(in petition: MemberStatus.OfPetition, _ roster: WorkplaceLog) -> [MemberStatus.Task] {
        let (log, id) = (petition.view.petition, petition.id)
        var tasks: [MemberStatus.Task] = []
        if petition.isOpen, identity.ringKey(in: log.ring) != nil {
            switch petition.own {
            case .nothing: tasks.append(petition.isRatification ? .vote(id) : .cosign(id))
            case .pending: tasks.append(.sendAgain(id))
            case .held, .signed, .signedWithName, .withdrawn: break
            }
        }
        if let place = log.acceptances.firstIndex(where: { $0.signKey == signKey }) {
            let trustee = UInt8(place + 1)
            func isMine(_ set: Int) -> Bool { log.released[set][trustee] == nil && !log.isReleased(set) }
            if log.closure != nil, isMine(0) { tasks.append(.release(id)) }
            for (i, level) in log.manifest.levels.enumerated()
            where isMine(i + 1) && log.cosignatures >= Int(level.count) {
                tasks.append(.releaseLevel(id, count: level.count))
            }
        }
        if roster.isOrganiser(signKey) {
            // Who joined since, too: they cannot co-sign before the ring is extended.
            let grown = petition.isOpen ? try? log.extendedRing(in: roster, to: roster.size).count : nil
            let missing = log.ringEpoch < PetitionLog.maximalExtensions ? (grown ?? 0) - log.ring.count : 0
            if missing > 0 { tasks.append(.extend(id, missing: missing)) }
            if !petition.isOpen, !petition.isRatification, log.records.isEmpty,
                log.cosignatures >= Int(log.manifest.quorum), log.isReleased(0)
            {
                tasks.append(.deliver(id))
            }
        }
        return tasks
    }

    private func tasks(
        in plan: PetitionPlan, _ id: ID<Object>, _ contributions: [Contribution], _ roster: WorkplaceLog
    ) -> [MemberStatus.Task] {
        let assembled = try? plan.assembled()
        if let petition = assembled?.manifest.id, roster.announcements[petition] != nil { return [] }
        let offered = Set(
            contributions.compactMap { contribution -> String? in
                if case .offer(let about, _) = contribution.content, about == id.hex { return contribution.author.hex }
                return nil
            })
        let accepted = Set(
            contributions.compactMap { contribution -> String? in
                if case .acceptance(let about, let petition, _) = contribution.content, about == id.hex,
                    petition == assembled?.manifest.id.hex
                {
                    return contribution.author.hex
                }
                return nil
            })
        var tasks: [MemberStatus.Task] = []
        if plan.trustees.contains(signKey.hex) {
            if assembled == nil, !offered.contains(signKey.hex) { tasks.append(.offer(plan: id)) }
            if assembled != nil, !accepted.contains(signKey.hex) { tasks.append(.accept(plan: id)) }
        }
        if roster.isOrganiser(signKey) {
            if assembled == nil, plan.trustees.allSatisfy(offered.contains) { tasks.append(.assemble(plan: id)) }
            if assembled != nil, plan.trustees.allSatisfy(accepted.contains) { tasks.append(.open(plan: id)) }
        }
        return tasks
    }

    /// Open comments of others on drafts whose first or newest revision is this member's, which they have not answered.
    private func commentTasks(
        _ contributions: [Contribution], _ drafts: [Draft]
    ) async throws -> [MemberStatus.Task] {
        let threads = Self.threads(contributions)
        let answered = Set(threads.filter { $0.author == signKey }.compactMap { $0.replyTo?.hex })
        var counts: [String: Int] = [:]
        for comment in threads
        where comment.replyTo == nil && comment.resolvedBy == nil && comment.author != signKey
            && !answered.contains(comment.id.hex)
        {
            if case .draft(let id) = comment.topic { counts[id, default: 0] += 1 }
        }
        var tasks: [MemberStatus.Task] = []
        for draft in drafts {
            guard let count = counts[draft.id.hex] else { continue }
            let first = draft.revision == 1 ? draft : try? await self.draft(draft.id, revision: 1)
            if draft.author == signKey || first?.author == signKey {
                tasks.append(.comments(draft: draft.id, count: count))
            }
        }
        return tasks
    }
}

/// Something that happened between two looks.
public enum WatchEvent: Sendable, Hashable {
    case announced(ID<Petition>)
    case opened(ID<Petition>)
    case count(ID<Petition>, from: Int, to: Int)
    case quorum(ID<Petition>)
    case level(ID<Petition>, count: UInt32)
    case closed(ID<Petition>)
    case counted(ID<Petition>)
    case recorded(ID<Petition>, records: Int)
    case members(from: Int, to: Int)
    case task(MemberStatus.Task)

    /// A word for scripts.
    public var word: String {
        switch self {
        case .announced: "announced"
        case .opened: "opened"
        case .count: "count"
        case .quorum: "quorum"
        case .level: "level"
        case .closed: "closed"
        case .counted: "counted"
        case .recorded: "recorded"
        case .members: "members"
        case .task: "task"
        }
    }

    public var petition: ID<Petition>? {
        switch self {
        case .announced(let id), .opened(let id), .count(let id, _, _), .quorum(let id), .level(let id, _),
            .closed(let id), .counted(let id), .recorded(let id, _):
            id
        case .members: nil
        case .task(let task):
            switch task {
            case .cosign(let id), .vote(let id), .sendAgain(let id), .release(let id), .releaseLevel(let id, _),
                .extend(let id, _), .deliver(let id):
                id
            default: nil
            }
        }
    }
}

extension MemberStatus {
    /// What happened since an earlier look, in an order that reads well.
    public func events(since before: MemberStatus) -> [WatchEvent] {
        var events: [WatchEvent] = []
        if members != before.members { events.append(.members(from: before.members, to: members)) }
        let known = Dictionary(uniqueKeysWithValues: before.petitions.map { ($0.id, $0) })
        for id in announced where !before.announced.contains(id) { events.append(.announced(id)) }
        for petition in petitions {
            let (log, id) = (petition.view.petition, petition.id)
            let earlier = known[id]?.view.petition
            if earlier == nil { events.append(.opened(id)) }
            let (from, to) = (earlier?.cosignatures ?? 0, log.cosignatures)
            if from != to { events.append(.count(id, from: from, to: to)) }
            func isCrossed(_ count: UInt32) -> Bool { from < Int(count) && to >= Int(count) }
            if isCrossed(log.manifest.quorum) { events.append(.quorum(id)) }
            for level in log.manifest.levels where isCrossed(level.count) {
                events.append(.level(id, count: level.count))
            }
            if earlier?.closure == nil, log.closure != nil { events.append(.closed(id)) }
            if earlier?.isReleased(0) != true, log.isReleased(0) { events.append(.counted(id)) }
            let records = log.records.count
            if records > earlier?.records.count ?? 0 { events.append(.recorded(id, records: records)) }
        }
        return events + tasks.filter { !before.tasks.contains($0) }.map { .task($0) }
    }
}
