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
    /// Where this device stands, judged by what it has sent and what stands in its place.
    public let own: OwnStatus
    /// The statement that stands under this member's tag, from whichever device it came.
    public let standing: PetitionLog.Standing?
    /// Whether this device has a key of the ring, with which its member could sign. That is so whether they did or not.
    public let isInRing: Bool
    /// How many receipts of this device verify against the current log.
    public let receipts: Int
    /// Why the petition cannot be read; nil if it can, or is not open yet.
    public let failure: ClientError?

    /// The petition's log, if it could be read.
    public var log: PetitionLog? { view?.petition }
    /// Whether it is announced and not open yet.
    public var isOnlyAnnounced: Bool { view == nil && failure == nil }
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
        do {
            let view = try view(of: id, in: reading)
            return PetitionSummary(
                id: id, view: view, tally: view.petition.tally(in: view.workplace), own: device.ownStatus(in: view),
                standing: view.standing(of: device.identity),
                isInRing: device.identity.ringKey(in: view.petition.ring) != nil, receipts: verifiedReceipts(view),
                failure: nil)
        } catch {
            let failure = error as? ClientError
            return PetitionSummary(
                id: id, view: nil, tally: nil, own: device.ownStatus(id), standing: nil, isInRing: false, receipts: 0,
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
    /// What the plans call their petitions.
    public let plannedTitles: [ID<Petition>: String]
    /// Petitions that were announced and whose preparation was discarded before they were opened.
    public let discarded: Set<ID<Petition>>
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
    /// Petitions that are announced but not open yet, without those that were discarded.
    public var announced: [ID<Petition>] {
        petitions.filter { $0.isOnlyAnnounced && !discarded.contains($0.id) }.map(\.id)
    }
    /// Petitions whose log could be read, closed ones included.
    public var opened: [PetitionSummary] { petitions.filter { $0.view != nil } }
}

extension Session {
    /// Reads what else a status shows, under the member's name.
    /// - Parameter petitions: as they were read anonymously before.
    func status(beside petitions: [PetitionSummary]) async throws -> MemberStatus {
        // A text that is older than before raises an alarm, and hides only texts.
        let people = try await unlessRolledBack(People(roster: roster, pseudonyms: [:])) { try await self.people() }
        let allPlans = try await unlessRolledBack([]) { try await self.allPlans() }
        let plans = allPlans.filter { !$0.plan.isDiscarded && !$0.isByFormer }
        let trustees = try await unlessRolledBack([:]) {
            try await trusteeTexts(of: Array(Set(plans.flatMap { $0.plan.trustees })))
        }
        let drafts = try await unlessRolledBack([]) { try await self.drafts() }
        let comments = try await unlessRolledBack([]) { try await self.comments() }
        let reading = StatusReading(
            device: device, people: people, petitions: petitions, plans: plans, trustees: trustees,
            taken: Self.takenKeys(allPlans), drafts: drafts, comments: comments,
            own: try await unlessRolledBack([]) { try await ownDrafts(drafts, comments) },
            directory: isOrganiser ? try await unlessRolledBack(nil) { try await directory() } : nil)
        return MemberStatus(
            people: people, petitions: petitions, tasks: reading.tasks, news: reading.news, titles: reading.titles,
            plannedTitles: reading.plannedTitles, discarded: Set(Self.discarded(allPlans).keys), alarms: device.alarms,
            witnessNotes: device.witnessNews, time: device.clock(), isOrganiser: isOrganiser)
    }

    private func unlessRolledBack<T>(_ otherwise: T, _ body: () async throws -> T) async throws -> T {
        do { return try await body() } catch ClientError.objectRolledBack { return otherwise }
    }

    /// The drafts with open comments whose first or newest revision is this member's.
    private func ownDrafts(_ drafts: [Draft], _ comments: [Comment]) async throws -> Set<ID<Object>> {
        let commented = StatusReading.openComments(comments, for: signKey)
        var own: Set<ID<Object>> = []
        for draft in drafts where commented[draft.id] != nil {
            let first = draft.revision == 1 ? draft : try? await self.draft(draft.id, revision: 1)
            if draft.author == signKey || first?.author == signKey { own.insert(draft.id) }
        }
        return own
    }
}
