import CoSigning
import MembershipProofs
import Petitions
import Sodium

extension MemberStatus {
    /// News for a member, besides their tasks: whom others are waiting for, and what is new.
    public enum News: Sendable, Hashable {
        /// This organiser is the only member and has invited nobody.
        case alone
        /// People who were invited and have not joined: their names in the organisers' directory, and how many there
        /// are in all.
        case invited(names: [String], count: Int)
        /// Trustees whose offer a petition in preparation is waiting for.
        case offers(plan: ID<Object>, from: [NamedMember])
        /// Trustees who have not accepted.
        case acceptances(plan: ID<Object>, from: [NamedMember])
        /// Trustees who have not released their key of the ballots; `needed` more must.
        case releases(ID<Petition>, from: [NamedMember], needed: Int)
        /// The quorum has been reached and the petition is open: an organiser may close it.
        case quorumReached(ID<Petition>)
        /// This member joined after the ring was fixed and cannot sign.
        case outsideRing(ID<Petition>)
        /// The answers have been decided but not sent.
        case intended(ID<Petition>, notBefore: UInt64)
        /// Somebody else's draft has a revision that this device has not shown.
        case draft(ID<Object>, revision: UInt32, comments: Int)
        /// The ballots are open, and this device has signed and keeps evidence of that.
        case counted(ID<Petition>)
    }
}

extension Member {
    /// Computes the news from what a status has read; makes no request.
    func news(
        of petitions: [PetitionSummary], _ plans: [Session.ListedPlan], _ trustees: [Bytes32: TrusteeText],
        taken: Set<Bytes32>, _ drafts: [Draft], _ comments: [Comment], _ people: People
    ) -> [MemberStatus.News] {
        let isOrganiser = people.roster.isOrganiser(signKey)
        var news = petitions.flatMap { self.news(of: $0, people, isOrganiser: isOrganiser) }
        if isOrganiser {
            for (id, plan, _) in plans { news += self.news(of: plan, id, trustees, taken: taken, people) }
        }
        for draft in drafts where draft.author != signKey && device.state.shown[draft.id] != draft.revision {
            let open = comments.count { $0.topic == .draft(draft.id) && $0.replyTo == nil && $0.resolvedBy == nil }
            news.append(.draft(draft.id, revision: draft.revision, comments: open))
        }
        return news
    }

    private func news(of petition: PetitionSummary, _ people: People, isOrganiser: Bool) -> [MemberStatus.News] {
        guard let log = petition.log else { return [] }
        let id = petition.id
        var news: [MemberStatus.News] = []
        if petition.isOpen {
            if let intention = device.intentions[id] { news.append(.intended(id, notBefore: intention.notBefore)) }
            if device.identity.ringKey(in: log.ring) == nil { news.append(.outsideRing(id)) }
            if isOrganiser, UInt64(log.cosignatures) >= UInt64(log.manifest.quorum) { news.append(.quorumReached(id)) }
        } else if log.isReleased(0) {
            if petition.own != .nothing { news.append(.counted(id)) }
        } else if isOrganiser {
            let silent = log.acceptances.enumerated().filter { log.released[0][UInt8($0.offset + 1)] == nil }
            news.append(
                .releases(
                    id, from: silent.map { people.person($0.element.signKey) },
                    needed: max(0, Int(log.manifest.threshold) - log.released[0].count)))
        }
        return news
    }

    private func news(
        of plan: PetitionPlan, _ id: ID<Object>, _ trustees: [Bytes32: TrusteeText], taken: Set<Bytes32>,
        _ people: People
    ) -> [MemberStatus.News] {
        let assembled = try? plan.assembled()
        if let petition = assembled?.manifest.id, device.state.memory.petitions[petition]?.wasOpened == true {
            return []
        }
        func missing(_ has: (TrusteeText) -> Bool) -> [NamedMember] {
            plan.trustees.filter { trustees[$0].map(has) != true }.map { people.person($0) }
        }
        guard let petition = assembled?.manifest.id else {
            let from = missing { $0.keys(for: id, sets: 1 + plan.levels.count, taken: taken) != nil }
            return from.isEmpty ? [] : [.offers(plan: id, from: from)]
        }
        let from = missing { $0.acceptances.contains { $0.plan == id && $0.petition == petition } }
        return from.isEmpty ? [] : [.acceptances(plan: id, from: from)]
    }
}
