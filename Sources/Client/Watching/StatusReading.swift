import CoSigning
import MembershipProofs
import Petitions
import Sodium

/// What a member's status is made of, and what follows from it for them. It makes no request.
struct StatusReading {
    let device: Device
    /// The roster with its pseudonyms.
    let people: People
    let petitions: [PetitionSummary]
    /// Petitions in preparation.
    let plans: [Session.ListedPlan]
    /// What the plans' trustees have written.
    let trustees: [Bytes32: TrusteeText]
    /// Keys that trustees have offered for one petition and that no other may use.
    let taken: Set<Bytes32>
    let drafts: [Draft]
    let comments: [Comment]
    /// The drafts with open comments that are this member's.
    let own: Set<ID<Object>>
    /// Nil for somebody who is no organiser.
    let directory: Directory?

    private var roster: WorkplaceLog { people.roster }
    private var signKey: Bytes32 { device.signKey }
    private var isOrganiser: Bool { roster.isOrganiser(signKey) }

    /// The titles of drafts and plans.
    var titles: [ID<Object>: String] {
        var titles: [ID<Object>: String] = [:]
        for plan in plans { titles[plan.id] = plan.plan.title }
        for draft in drafts { titles[draft.id] = draft.title }
        return titles
    }

    /// What the plans call their petitions, which until they are opened have no wording that can be read.
    var plannedTitles: [ID<Petition>: String] {
        Dictionary(
            plans.compactMap { listed in
                // The wording's title, which the id stands for; a plan can call itself anything.
                (try? listed.plan.assembled()).map { ($0.manifest.id, $0.document.title) }
            },
            uniquingKeysWith: { first, _ in first })
    }

    /// How many comments on each draft are open, by others than this member, and not answered by them.
    static func openComments(_ comments: [Comment], for signKey: Bytes32) -> [ID<Object>: Int] {
        let answered = Set(comments.filter { $0.author == signKey }.compactMap(\.replyTo))
        var counts: [ID<Object>: Int] = [:]
        for comment in comments
        where comment.replyTo == nil && comment.resolvedBy == nil && comment.author != signKey
            && !answered.contains(comment.id)
        {
            if case .draft(let id) = comment.topic { counts[id, default: 0] += 1 }
        }
        return counts
    }

    // MARK: Tasks

    /// What only this person can do, and what organisers should do.
    var tasks: [MemberStatus.Task] {
        var tasks = petitions.flatMap { self.tasks(in: $0) }
        for (id, plan, _) in plans { tasks += self.tasks(in: plan, id) }
        let open = Self.openComments(comments, for: signKey)
        for draft in drafts where own.contains(draft.id) {
            tasks.append(.comments(draft: draft.id, count: open[draft.id] ?? 0))
        }
        if isOrganiser {
            if roster.rotationIsDue { tasks.append(.rotateKey) }
            if expiredInvites > 0 { tasks.append(.expiredInvites(expiredInvites)) }
        }
        return tasks
    }

    private var expiredInvites: Int {
        directory.map { directory in directory.entries.count { directory.state(of: $0) == .expired } } ?? 0
    }

    private func tasks(in petition: PetitionSummary) -> [MemberStatus.Task] {
        guard let log = petition.log else { return [] }
        let id = petition.id
        var tasks: [MemberStatus.Task] = []
        if petition.isOpen, petition.isInRing {
            switch petition.own {
            case .pending: tasks.append(.sendAgain(id))
            case .promised(let until): if until < device.clock() { tasks.append(.lookAgain(id)) }
            case .nothing where petition.standing == nil, .notCounted where petition.standing == nil:
                tasks.append(petition.isRatification ? .vote(id) : .cosign(id))
            case .nothing, .notCounted, .forgotten, .signed, .signedWithName, .withdrawn: break
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
        if isOrganiser {
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

    private func tasks(in plan: PetitionPlan, _ id: ID<Object>) -> [MemberStatus.Task] {
        guard !wasOpened(plan) else { return [] }
        let petition = plan.petition
        var tasks: [MemberStatus.Task] = []
        if plan.trustees.contains(signKey) {
            if petition == nil, !hasOffered(signKey, for: plan, id) { tasks.append(.offer(plan: id)) }
            if let petition, !hasAccepted(signKey, petition, id) { tasks.append(.accept(plan: id)) }
        }
        if isOrganiser {
            if let petition {
                if plan.trustees.allSatisfy({ hasAccepted($0, petition, id) }) { tasks.append(.open(plan: id)) }
            } else if plan.trustees.allSatisfy({ hasOffered($0, for: plan, id) }) {
                tasks.append(.assemble(plan: id))
            }
        }
        return tasks
    }

    // MARK: Petitions in preparation

    private func wasOpened(_ plan: PetitionPlan) -> Bool {
        plan.petition.map { device.wasOpened($0) } == true
    }

    private func hasOffered(_ trustee: Bytes32, for plan: PetitionPlan, _ id: ID<Object>) -> Bool {
        trustees[trustee]?.keys(for: id, sets: 1 + plan.levels.count, taken: taken) != nil
    }

    private func hasAccepted(_ trustee: Bytes32, _ petition: ID<Petition>, _ id: ID<Object>) -> Bool {
        trustees[trustee]?.acceptances.contains { $0.plan == id && $0.petition == petition } == true
    }

    // MARK: News

    /// Whom others are waiting for, and what is new.
    var news: [MemberStatus.News] {
        var news = petitions.flatMap { self.news(of: $0) }
        if isOrganiser { for (id, plan, _) in plans { news += self.news(of: plan, id) } }
        for draft in drafts where draft.author != signKey && device.state.shown[draft.id] != draft.revision {
            let open = comments.count { $0.topic == .draft(draft.id) && $0.replyTo == nil && $0.resolvedBy == nil }
            news.append(.draft(draft.id, revision: draft.revision, comments: open))
        }
        if isOrganiser { news += newsOfInvites }
        return news
    }

    private func news(of petition: PetitionSummary) -> [MemberStatus.News] {
        guard let log = petition.log else { return [] }
        let id = petition.id
        var news: [MemberStatus.News] = []
        if petition.isOpen {
            if let intention = device.intentions[id] { news.append(.intended(id, notBefore: intention.notBefore)) }
            if !petition.isInRing { news.append(.outsideRing(id)) }
            if isOrganiser, UInt64(log.cosignatures) >= UInt64(log.manifest.quorum) { news.append(.quorumReached(id)) }
        } else if log.isReleased(0) {
            // For everybody who was in the ring: if only those who signed heard of it, only they would forget.
            if petition.isInRing { news.append(.counted(id)) }
        } else if isOrganiser {
            let silent = log.acceptances.enumerated().filter { log.released[0][UInt8($0.offset + 1)] == nil }
            news.append(
                .releases(
                    id, from: silent.map { people.person($0.element.signKey) },
                    needed: max(0, Int(log.manifest.threshold) - log.released[0].count)))
        }
        return news
    }

    private func news(of plan: PetitionPlan, _ id: ID<Object>) -> [MemberStatus.News] {
        guard !wasOpened(plan) else { return [] }
        guard let petition = plan.petition else {
            let from = plan.trustees.filter { !hasOffered($0, for: plan, id) }
            return from.isEmpty ? [] : [.offers(plan: id, from: from.map { people.person($0) })]
        }
        let from = plan.trustees.filter { !hasAccepted($0, petition, id) }
        return from.isEmpty ? [] : [.acceptances(plan: id, from: from.map { people.person($0) })]
    }

    private var newsOfInvites: [MemberStatus.News] {
        let open = roster.openInvites.count - expiredInvites
        guard open > 0 else { return roster.members.count == 1 ? [.alone] : [] }
        let names = directory.map { directory in
            directory.entries.filter { directory.state(of: $0) == .invited }.map(\.name)
        }
        return [.invited(names: names ?? [], count: open)]
    }
}
