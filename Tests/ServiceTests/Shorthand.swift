import CoSigning
import Petitions
import Sodium
import Testing
import TransparencyLog

@testable import Client

/// Short forms of what a member does anonymously.
extension Member {
    /// - Returns: nil if the service has only promised.
    @discardableResult
    func cosign(
        _ id: ID<Petition>, choices: [UInt8], remark: String = "", name: ConditionalName? = nil
    ) async throws -> Receipt? {
        Self.receipt(try await cosigner.cosign(id, choices: choices, remark: remark, name: name))
    }

    @discardableResult
    func withdraw(_ id: ID<Petition>) async throws -> Receipt? { Self.receipt(try await cosigner.withdraw(id)) }

    private static func receipt(_ sent: Sent?) -> Receipt? {
        if case .receipt(let receipt)? = sent { receipt } else { nil }
    }

    func view(_ id: ID<Petition>) async throws -> PetitionView { try await cosigner.view(id) }
    func bundle(_ id: ID<Petition>) async throws -> PetitionBundle { try await cosigner.bundle(id) }
    func petition(_ id: ID<Petition>) async throws -> PetitionLog { try await view(id).petition }
    func petitions() async throws -> [PetitionSummary] { try await cosigner.summaries().petitions }
    func gossip() async throws -> GossipFile { try await cosigner.gossip() }
    func phrase() async throws -> GossipPhrase { try await cosigner.phrase() }
    func compare(_ file: GossipFile) async throws -> GossipComparison { try await cosigner.compare(file) }
    func compare(_ phrase: GossipPhrase) async throws -> PhraseComparison { try await cosigner.compare(phrase) }

    func warnings(for view: PetitionView, name: ConditionalName? = nil) throws -> Set<Warning> {
        try view.warnings(for: device.identity, name: name, at: device.clock())
    }

    func verifiedReceipts(_ view: PetitionView) -> Int { cosigner.verifiedReceipts(view) }
    func ownStatus(_ id: ID<Petition>) -> OwnStatus { device.ownStatus(id) }
    func isPromised(_ id: ID<Petition>) -> Bool { if case .promised = ownStatus(id) { true } else { false } }

    func receipts(_ id: ID<Petition>) -> [Receipt] {
        (device.state.memory.petitions[id]?.sent ?? []).compactMap { sent in
            if case .receipt(let text) = sent.state { try? Receipt(parsing: text) } else { nil }
        }
    }

    /// Sets a policy of one's own, and judges the workplace's log by it.
    func watch(by policy: String) async throws -> WitnessPolicy.Verdict {
        try device.watch(by: Array(policy.utf8))
        let verdict = try WitnessPolicy(parsing: Array(policy.utf8)).judge(
            try await cosigner.look(.roster).judgedRoster().checkpoint)
        #expect(device.alarms.contains { $0.kind == .policy } == !verdict.isSatisfied)
        return verdict
    }

    /// The alarms, one line each.
    var alarms: [String] { device.alarms.map { "\($0.kind) \($0.view)" } }
    var alarmKinds: Set<Alarm.Kind> { Set(device.alarms.map(\.kind)) }
}

/// Short forms of what a member does under their name, each in its own session.
extension Member {
    func roster() async throws -> WorkplaceLog { try await sessionOfAnybody { $0.roster } }

    // MARK: Texts

    func newDraft(language: String, title: String, text: String) async throws -> Draft {
        try await session { try await $0.newDraft(language: language, title: title, text: text) }
    }

    func revise(_ draft: Draft, title: String, text: String) async throws -> Revision {
        try await session { try await $0.revise(draft, title: title, text: text) { _ in } }
    }

    func drafts() async throws -> [Draft] { try await session { try await $0.drafts() } }

    func draft(_ id: ID<Object>, revision: UInt32? = nil) async throws -> Draft {
        try await session { try await $0.draft(id, revision: revision) }
    }

    func adopt(_ id: ID<Object>, revision: UInt32?) async throws {
        try await session { try await $0.adopt(id, revision: revision) }
    }

    /// The adopted revision of each adopted draft.
    func adoptions() async throws -> [ID<Object>: UInt32] {
        try await session { try await $0.adoptions().mapValues(\.revision) }
    }

    func comments() async throws -> [Client.Comment] { try await session { try await $0.comments() } }

    @discardableResult
    func comment(on draft: Draft, line: Int? = nil, _ text: String) async throws -> ID<Object> {
        try await session { try await $0.comment(on: draft, line: line, text) }
    }

    @discardableResult
    func comment(on plan: ID<Object>, demand: Int? = nil, _ text: String) async throws -> ID<Object> {
        try await session { try await $0.comment(on: plan, demand: demand, text) }
    }

    @discardableResult
    func challenge(leaf: Int, _ text: String) async throws -> ID<Object> {
        try await session { try await $0.challenge(leaf: leaf, text) }
    }

    @discardableResult
    func reply(to comment: Client.Comment, _ text: String) async throws -> ID<Object> {
        try await session { try await $0.reply(to: comment, text) }
    }

    func resolve(_ comment: Client.Comment, isOpen: Bool = false) async throws {
        try await session { try await $0.resolve(comment, isOpen: isOpen) }
    }

    func place(of comment: Client.Comment, in draft: Draft) async throws -> Int? {
        try await session { await $0.place(of: comment, in: draft) }
    }

    // MARK: People

    func people() async throws -> People { try await session { try await $0.people() } }
    func audit() async throws -> RosterAudit { try await session { try await $0.audit() } }

    func setPseudonym(_ name: String, of member: Bytes32) async throws {
        try await session { try await $0.setPseudonym(name, of: member) }
    }

    func invite(count: Int, note: String?, replacing former: Bytes32? = nil) async throws -> [String] {
        try await session { try await $0.invite(count: count, note: note, replacing: former) }
    }

    func revoke(invites: [Bytes32]) async throws { try await session { try await $0.revoke(invites: invites) } }
    func declareEligible(_ count: UInt32) async throws { try await session { try await $0.declareEligible(count) } }

    @discardableResult
    func remove(_ member: Bytes32) async throws -> StillReadable? { try await session { try await $0.remove(member) } }

    func appoint(_ member: Bytes32) async throws { try await session { try await $0.appoint(member) } }
    func dismiss(_ member: Bytes32) async throws { try await session { try await $0.dismiss(member) } }
    func rotateGroupKey() async throws { try await session { try await $0.rotateGroupKey() } }

    func directory() async throws -> Directory { try await session { try await $0.directory() } }

    func changeDirectory(_ change: (inout [DirectoryEntry]) throws -> Void) async throws {
        try await session { try await $0.changeDirectory(change) }
    }

    // MARK: Petitions

    func prepare(_ plan: PetitionPlan) async throws -> ID<Object> { try await session { try await $0.prepare(plan) } }
    func plans() async throws -> [(id: ID<Object>, plan: PetitionPlan)] { try await session { try await $0.plans() } }

    func offer(_ plan: ID<Object>, again: Bool = false) async throws {
        try await session { try await $0.offer(plan, again: again) }
    }

    @discardableResult
    func assemble(_ plan: ID<Object>, again: Bool = false) async throws -> ID<Petition> {
        try await session { try await $0.assemble(plan, again: again) }
    }

    @discardableResult
    func preview(_ plan: ID<Object>) async throws -> ID<Petition> {
        try await session { try await $0.preview(plan).petition }
    }

    @discardableResult
    func accept(_ plan: ID<Object>) async throws -> ID<Petition> { try await session { try await $0.accept(plan) } }

    @discardableResult
    func openPetition(_ plan: ID<Object>) async throws -> ID<Petition> {
        try await session { try await $0.openPetition(plan) }
    }

    func extend(_ id: ID<Petition>) async throws -> Int { try await session { try await $0.extend(id) } }
    func closePetition(_ id: ID<Petition>) async throws { try await session { try await $0.closePetition(id) } }
    func release(_ id: ID<Petition>) async throws { try await session { try await $0.release(id) } }

    func release(_ id: ID<Petition>, level count: UInt32) async throws {
        try await session { try await $0.release(id, level: count) }
    }

    func record(_ document: RecordDocument, in id: ID<Petition>) async throws {
        try await session { try await $0.record(document, in: id) }
    }

    // MARK: Keys

    @discardableResult
    func rotateRingKey(givingUp: Session.GivenUp = .nothing) async throws -> RotationReport {
        try await session { try await $0.rotateRingKey(givingUp: givingUp) }
    }

    @discardableResult
    func forget(_ id: ID<Petition>, givingUp: Session.GivenUp = .nothing) async throws -> ForgetReport {
        try await session { try await $0.forget(id, givingUp: givingUp) }
    }
}
