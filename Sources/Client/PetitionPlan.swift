import Foundation
import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// A petition in preparation: an encrypted draft that organisers and trustees complete step by step.
public struct PetitionPlan: Codable, Sendable {
    public struct DraftReference: Codable, Sendable {
        public var id: String
        public var revision: UInt32
    }

    public struct Ratified: Codable, Sendable {
        public struct Question: Codable, Sendable {
            public var title: String
            public var text: String
        }

        /// The petition, and the digest of the response to it.
        public var petition: String
        public var response: String
        public var questions: [Question]
    }

    public var language: String
    public var title: String
    public var preamble: String
    public var drafts: [DraftReference]
    /// Sign keys, in the order of the manifest's keys.
    public var trustees: [String]
    public var threshold: UInt8
    public var quorum: UInt32
    public var closes: UInt64
    /// Counts at which names open.
    public var levels: [UInt32]
    public var ballotLength: UInt16
    /// A ratification: what it is about, with the wording that it asks about in place of drafts. Nil in plans of petitions.
    public var ratification: Ratified?
    /// Whether organisers have given it up. Nil in plans from before.
    public var isDiscarded: Bool?
    /// Base64, once it is assembled.
    public var manifest: String?
    public var document: String?

    public init(
        language: String, title: String, preamble: String, drafts: [(id: ID<Object>, revision: UInt32)],
        trustees: [Bytes32], threshold: UInt8, quorum: UInt32, closes: UInt64, levels: [UInt32] = [],
        ballotLength: UInt16 = 512
    ) {
        self.language = language
        self.title = title
        self.preamble = preamble
        self.drafts = drafts.map { DraftReference(id: $0.id.hex, revision: $0.revision) }
        self.trustees = trustees.map(\.hex)
        self.threshold = threshold
        self.quorum = quorum
        self.closes = closes
        self.levels = levels
        self.ballotLength = ballotLength
    }

    /// A vote on what the employer answered. Its terms are the last line of the preamble.
    public init(
        ratifying draft: Member.RatificationDraft, title: String, preamble: String, trustees: [Bytes32],
        threshold: UInt8, quorum: UInt32, closes: UInt64
    ) {
        self.init(
            language: draft.language, title: title,
            preamble: (preamble.isEmpty ? "" : preamble + "\n\n") + draft.terms.line, drafts: [], trustees: trustees,
            threshold: threshold, quorum: quorum, closes: closes)
        ratification = Ratified(
            petition: draft.terms.petition.hex, response: draft.terms.response.hex,
            questions: draft.demands.map { .init(title: $0.title, text: $0.text) })
    }

    /// The petition that it was assembled to.
    public var petition: ID<Petition>? { (try? assembled())?.manifest.id }

    /// The manifest and the document, once assembled and in order.
    func assembled() throws -> (manifest: Manifest, document: PetitionDocument)? {
        guard let manifest = manifest.flatMap({ Base64.decode($0) }),
            let document = document.flatMap({ Base64.decode($0) })
        else { return nil }
        let parsed = try ClientError.rules { () throws(RuleViolation) in try Manifest(decoding: manifest) }
        do { return (parsed, try PetitionDocument(parsing: document, of: parsed)) } catch {
            throw ClientError.invalid("documentFaulty", ["fault": error.rawValue])
        }
    }
}

extension Member {
    /// Puts a plan up, of revisions that organisers have adopted. Returns its id.
    public func prepare(_ plan: PetitionPlan) async throws -> ID<Object> {
        let roster = try await roster()
        guard roster.isOrganiser(signKey) else { throw ClientError.notOrganiser }
        try check(plan, in: roster)
        try await syncGroupKeys(roster)
        try await checkAdopted(plan, in: roster)
        let id = ID<Object>(Random.bytes32())
        try await put(
            try JSONEncoder().encode(DraftContent.plan(plan)).map { $0 }, kind: .draft, id: id, after: nil, in: roster)
        return id
    }

    private func checkAdopted(_ plan: PetitionPlan, in roster: WorkplaceLog) async throws {
        let adopted = Self.adoptions(try await contributions(in: roster), in: roster)
        guard plan.drafts.allSatisfy({ draft in ID(hex: draft.id).flatMap { adopted[$0] } == draft.revision }) else {
            throw ClientError.invalid("notAdopted")
        }
    }

    private func check(_ plan: PetitionPlan, in roster: WorkplaceLog) throws {
        let trustees = plan.trustees.compactMap { Bytes32(hex: $0) }
        guard (1...Manifest.maximalTrustees).contains(trustees.count), Set(trustees).count == plan.trustees.count,
            trustees.allSatisfy({ roster.isMember($0) })
        else { throw ClientError.invalid("trustees") }
        guard (1...trustees.count).contains(Int(plan.threshold)) else {
            throw ClientError.invalid("threshold")
        }
        guard (1...Manifest.maximalQuestions).contains(plan.ratification?.questions.count ?? plan.drafts.count) else {
            throw ClientError.invalid("demands")
        }
        guard Set(plan.drafts.map(\.id)).count == plan.drafts.count else { throw ClientError.invalid("sameDraftTwice") }
        let eligible = roster.eligible(at: roster.size)
        guard (1...max(eligible, 1)).contains(plan.quorum), plan.levels.allSatisfy({ $0 <= eligible }) else {
            throw ClientError.invalid("quorumOrLevel", ["eligible": "\(eligible)"])
        }
        guard plan.levels.count <= Manifest.maximalLevels,
            zip(plan.levels, plan.levels.dropFirst()).allSatisfy({ $0 < $1 }),
            plan.levels.first != 0
        else { throw ClientError.invalid("levels") }
        guard plan.closes % 3600 == 0, plan.closes == 0 || plan.closes > clock() else {
            throw ClientError.invalid("deadline")
        }
    }

    /// Plans, oldest first, each with its id.
    public func plans() async throws -> [(id: ID<Object>, plan: PetitionPlan)] {
        let roster = try await roster()
        try await syncGroupKeys(roster)
        return try await plans(in: roster).filter { $0.value.isDiscarded != true }.map { ($0.newest.id, $0.value) }
    }

    /// As an organiser: gives up a petition in preparation. What was opened already stays open.
    public func discard(_ id: ID<Object>) async throws {
        let roster = try await roster()
        guard roster.isOrganiser(signKey) else { throw ClientError.notOrganiser }
        var (plan, object) = try await plan(id, in: roster)
        plan.isDiscarded = true
        try await put(
            [UInt8](try JSONEncoder().encode(DraftContent.plan(plan))), kind: .draft, id: id, after: object, in: roster)
    }

    /// Only what an organiser wrote is a plan: somebody else's words over it do not count.
    private func plans(in roster: WorkplaceLog) async throws -> [(newest: StoredObject, value: PetitionPlan)] {
        func content(_ opened: Opened) -> DraftContent? {
            try? JSONDecoder().decode(DraftContent.self, from: Data(opened.plaintext))
        }
        return try await newest(
            "plan", of: .draft, in: roster,
            isBegun: { if case .demand? = content($0) { false } else { true } },
            { opened in
                guard roster.isOrganiser(opened.object.author), case .plan(let plan)? = content(opened) else {
                    return nil
                }
                return plan
            })
    }

    private func plan(_ id: ID<Object>, in roster: WorkplaceLog) async throws -> (
        plan: PetitionPlan, object: StoredObject
    ) {
        try await syncGroupKeys(roster)
        guard let found = try await plans(in: roster).first(where: { $0.newest.id == id }) else {
            throw ClientError.noSuch("plan")
        }
        return (found.value, found.newest)
    }

    /// As a trustee: offers fresh seal keys for a plan. The nonce behind them serves one petition only.
    /// - Parameter again: also when the petition has been assembled; then it must be assembled anew.
    public func offer(_ id: ID<Object>, again: Bool = false) async throws {
        let roster = try await roster()
        let (plan, _) = try await plan(id, in: roster)
        if !again, let assembled = try plan.assembled() {
            throw ClientError.assembledAlready(assembled.manifest.id.hex)
        }
        guard plan.trustees.contains(signKey.hex) else { throw ClientError.notTrustee }
        try check(plan, in: roster)
        let nonce = Random.bytes32()
        state.offers[id.hex] = .init(nonce: nonce.hex, petition: nil)
        try save()
        try await contribute(
            .offer(plan: id.hex, keys: sealKeys(nonce, sets: 1 + plan.levels.count).map(\.hex)), in: roster)
    }

    private func sealKeys(_ nonce: Bytes32, sets: Int) -> [Bytes32] {
        (0..<sets).map { identity.seed.sealKey(nonce: nonce, set: UInt8($0)).publicKey }
    }

    /// As an organiser: fixes the document, the ring and the seal keys, and so the petition's id.
    /// - Parameter again: also when it was assembled before, which voids what trustees have accepted.
    public func assemble(_ id: ID<Object>, again: Bool = false) async throws -> ID<Petition> {
        let roster = try await roster()
        guard roster.isOrganiser(signKey) else { throw ClientError.notOrganiser }
        var (plan, object) = try await plan(id, in: roster)
        if !again, let assembled = try plan.assembled() {
            throw ClientError.assembledAlready(assembled.manifest.id.hex)
        }
        try check(plan, in: roster)
        try await checkAdopted(plan, in: roster)
        let keys = try await offeredKeys(id, plan, in: roster)
        var demands = plan.ratification?.questions.map { PetitionDocument.Demand(title: $0.title, text: $0.text) } ?? []
        for reference in plan.drafts {
            guard let draftID = ID<Object>(hex: reference.id) else { throw ClientError.noSuch("draft") }
            let draft = try await draft(draftID, revision: reference.revision)
            demands.append(.init(title: draft.title, text: draft.text))
        }
        let document = PetitionDocument(
            language: plan.language, title: plan.title, preamble: plan.preamble, demands: demands)
        let manifest = try manifest(plan, keys: keys, document: document, in: roster)
        try await check(manifest, document)
        plan.manifest = Base64.encode(manifest.encoding)
        plan.document = Base64.encode(document.bytes)
        let plaintext = [UInt8](try JSONEncoder().encode(DraftContent.plan(plan)))
        try await put(plaintext, kind: .draft, id: id, after: object, in: roster)
        state.assembled = (state.assembled ?? [:]).merging([id.hex: manifest.id.hex]) { $1 }
        try save()
        return manifest.id
    }

    /// For each trustee, in order, the keys of the newest offer.
    private func offeredKeys(_ id: ID<Object>, _ plan: PetitionPlan, in roster: WorkplaceLog) async throws
        -> [[Bytes32]]
    {
        var offers: [String: [Bytes32]] = [:]
        for contribution in try await contributions(in: roster) {
            guard case .offer(let about, let keys) = contribution.content, about == id.hex else { continue }
            offers[contribution.author.hex] = keys.compactMap { Bytes32(hex: $0) }
        }
        let missing = plan.trustees.filter { offers[$0]?.count != 1 + plan.levels.count }
        guard missing.isEmpty else {
            throw ClientError.offersMissing(missing.compactMap { Bytes32(hex: $0).map { roster.person($0) } })
        }
        return plan.trustees.compactMap { offers[$0] }
    }

    private func manifest(
        _ plan: PetitionPlan, keys: [[Bytes32]], document: PetitionDocument, in roster: WorkplaceLog
    ) throws -> Manifest {
        let about = try plan.ratification.map { ratified in
            guard let petition = ID<Petition>(hex: ratified.petition), let digest = Bytes32(hex: ratified.response)
            else {
                throw ClientError.noSuch("petition")
            }
            return Manifest.Response(petition: petition, digest: digest)
        }
        return try ClientError.rules {
            () throws(RuleViolation) in
            let ring = try roster.openingRing(at: roster.size)
            return try Manifest(
                kind: about == nil ? .petition : .ratification, workplace: workplaceID, nonce: Random.bytes32(),
                rosterSize: UInt64(roster.size),
                rosterRoot: roster.tree.root, ringCount: UInt32(ring.count), ringDigest: ring.digest,
                documentDigest: document.digest, options: document.demands.map { _ in 2 }, threshold: plan.threshold,
                trustees: keys.map { $0[0] },
                levels: plan.levels.enumerated().map { i, count in
                    Manifest.Level(count: count, trustees: keys.map { $0[i + 1] })
                }, quorum: plan.quorum, closes: plan.closes, ballotLength: plan.ballotLength, about: about)
        }
    }

    /// The document that a plan was assembled to, to be read before accepting or opening.
    public func preview(_ id: ID<Object>) async throws -> (
        petition: ID<Petition>, manifest: Manifest, document: PetitionDocument
    ) {
        let roster = try await roster()
        guard let (manifest, document) = try await plan(id, in: roster).plan.assembled() else {
            throw ClientError.notAssembled
        }
        try await check(manifest, document)
        state.previews[id.hex] = manifest.id.hex
        try save()
        return (manifest.id, manifest, document)
    }

    /// As a trustee: signs the very petition id, after checking that the keys at this place are one's own in every set,
    /// and that the nonce has served no other petition.
    public func accept(_ id: ID<Object>) async throws -> ID<Petition> {
        let roster = try await roster()
        guard let (manifest, _) = try await plan(id, in: roster).plan.assembled() else {
            throw ClientError.notAssembled
        }
        guard manifest.workplace == workplaceID else { throw ClientError.otherWorkplace }
        // An organiser who assembles anew between reading and signing does not get a signature under another text.
        guard state.previews[id.hex] == manifest.id.hex else { throw ClientError.notPreviewed }
        guard var offer = state.offers[id.hex], let nonce = Bytes32(hex: offer.nonce) else {
            throw ClientError.notTrustee
        }
        guard offer.petition == nil || offer.petition == manifest.id.hex else { throw ClientError.nonceUsed }
        let own = sealKeys(nonce, sets: 1 + manifest.levels.count)
        guard let place = manifest.trustees.firstIndex(of: own[0]),
            manifest.levels.enumerated().allSatisfy({ $1.trustees[place] == own[$0 + 1] })
        else { throw ClientError.foreignSealKey }
        // Kept before anything is sent: the nonce is spent from here on.
        offer.petition = manifest.id.hex
        state.offers[id.hex] = offer
        try save()
        let acceptance = PetitionStatement.Acceptance.make(
            manifest.id, trustee: UInt8(place + 1), nonce: nonce, by: identity.seed.signingKey())
        try await contribute(
            .acceptance(plan: id.hex, petition: manifest.id.hex, acceptance: Base64.encode(acceptance.encoding)),
            in: roster)
        return manifest.id
    }

    /// As an organiser: announces the petition to the workplace, stores its document, then opens its log.
    public func openPetition(_ id: ID<Object>) async throws -> ID<Petition> {
        var roster = try await roster()
        guard roster.isOrganiser(signKey) else { throw ClientError.notOrganiser }
        guard let (manifest, document) = try await plan(id, in: roster).plan.assembled() else {
            throw ClientError.notAssembled
        }
        let petition = manifest.id
        // What is announced and signed is what this organiser assembled, or has read.
        guard [state.previews[id.hex], state.assembled?[id.hex]].contains(petition.hex) else {
            throw ClientError.notPreviewed
        }
        try await check(manifest, document)
        let acceptances = try await acceptances(of: manifest, planID: id, in: roster)
        let announced = roster.announcements[petition]?.contains {
            $0.signer == signKey && $0.leaf >= Int(manifest.rosterSize)
        }
        if announced != true {
            try await organise { _ in .petitionAnnounced(petition) }
            roster = try await self.roster()
        }
        // Taken up again after a crash, the document may be there already.
        do {
            guard try await object(petition.document, in: roster).plaintext == document.bytes else {
                throw ClientError.objectForged
            }
        } catch ClientError.noSuch {
            try await put(document.bytes, kind: .document, id: petition.document, after: nil, in: roster)
        }
        let statement = try ClientError.rules {
            () throws(RuleViolation) in
            try PetitionStatement.open(manifest, acceptances: acceptances, sequence: 0, by: identity.seed.signingKey())
        }
        let answer = try await connection.postAgain("/v1/petitions", statement.bytes)
        _ = try receipt(answer, for: statement.bytes, by: roster.verifier(of: petition), log: "petition")
        try save()
        return petition
    }

    private func acceptances(
        of manifest: Manifest, planID id: ID<Object>, in roster: WorkplaceLog
    ) async throws -> [PetitionStatement.Acceptance] {
        var found: [Int: PetitionStatement.Acceptance] = [:]
        for contribution in try await contributions(in: roster) {
            guard case .acceptance(let plan, let petition, let text) = contribution.content, plan == id.hex,
                petition == manifest.id.hex,
                let bytes = Base64.decode(text), let acceptance = try? PetitionStatement.Acceptance(decoding: bytes)
            else { continue }
            for place in manifest.trustees.indices where acceptance.isValid(for: manifest.id, trustee: UInt8(place + 1))
            {
                found[place] = acceptance
            }
        }
        let missing = manifest.trustees.indices.filter { found[$0] == nil }
        if !missing.isEmpty {
            let trustees = try await plan(id, in: roster).plan.trustees.compactMap { Bytes32(hex: $0) }
            throw ClientError.acceptancesMissing(
                missing.map { roster.person(trustees.indices.contains($0) ? trustees[$0] : .zero) })
        }
        return manifest.trustees.indices.compactMap { found[$0] }
    }
}
