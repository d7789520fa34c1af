// docs/objects.md, kind 7

import CoSigning
import Foundation
import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// A petition in preparation: an encrypted text that organisers and trustees complete step by step.
public struct PetitionPlan: Codable, Sendable {
    /// A draft that becomes a demand.
    public struct DraftReference: Codable, Sendable {
        /// The draft's id.
        public var id: ID<Object>
        /// The adopted revision.
        public var revision: UInt32
        /// The digest of that revision; zeros until the plan is stored.
        public internal(set) var digest: Bytes32
    }

    /// The subject of a ratification.
    public struct Ratified: Codable, Sendable {
        /// A question of the vote.
        public struct Question: Codable, Sendable {
            /// The demand's title.
            public var title: String
            /// The employer's wording.
            public var text: String
        }

        /// The petition whose response is voted on.
        public var petition: ID<Petition>
        /// The digest of the response.
        public var response: Bytes32
        /// One for each demand that the response counters.
        public var questions: [Question]
    }

    /// How far the preparation has come.
    enum Stage: Codable, Sendable {
        case prepared
        /// With the bytes of the manifest and the document.
        case assembled(manifest: Data, document: Data)
        /// With the same, if it was assembled: its id stays announced, and they say what it stood for.
        case discarded(manifest: Data?, document: Data?)
    }

    /// The language tag of the wording.
    public var language: String
    /// The petition's title.
    public var title: String
    /// The text before the demands.
    public var preamble: String
    /// The drafts, in the order of the demands; empty for a ratification.
    public var drafts: [DraftReference]
    /// Sign keys, in the order of the manifest's keys.
    public var trustees: [Bytes32]
    /// How many trustees are needed to open anything.
    public var threshold: UInt8
    /// The co-signatures from which it is delivered.
    public var quorum: UInt32
    /// Seconds since 1970, a whole hour; 0 if an organiser closes it.
    public var closes: UInt64
    /// The counts at which names open.
    public var levels: [UInt32]
    /// Length of every padded ballot, in bytes.
    public var ballotLength: UInt16
    /// For a ratification: its subject, with the wording to vote on, which takes the place of drafts. Nil in plans of
    /// petitions.
    public var ratification: Ratified?
    var created: UInt64 = 0
    var stage = Stage.prepared

    /// A plan for a petition; `Session.prepare` checks it.
    public init(
        language: String, title: String, preamble: String, drafts: [(id: ID<Object>, revision: UInt32)],
        trustees: [Bytes32], threshold: UInt8, quorum: UInt32, closes: UInt64, levels: [UInt32] = [],
        ballotLength: UInt16 = 512
    ) {
        (self.language, self.title, self.preamble) = (language, title, preamble)
        self.drafts = drafts.map { DraftReference(id: $0.id, revision: $0.revision, digest: .zero) }
        (self.trustees, self.threshold, self.quorum, self.closes) = (trustees, threshold, quorum, closes)
        (self.levels, self.ballotLength) = (levels, ballotLength)
    }

    /// A plan for a vote on the employer's response. Its terms are the last line of the preamble.
    public init(
        ratifying draft: RatificationDraft, title: String, preamble: String, trustees: [Bytes32], threshold: UInt8,
        quorum: UInt32, closes: UInt64
    ) {
        self.init(
            language: draft.language, title: title,
            preamble: (preamble.isEmpty ? "" : preamble + "\n\n") + draft.terms.line, drafts: [], trustees: trustees,
            threshold: threshold, quorum: quorum, closes: closes)
        ratification = Ratified(
            petition: draft.terms.petition, response: draft.terms.response,
            questions: draft.demands.map { .init(title: $0.title, text: $0.text) })
    }

    var demandCount: Int { ratification?.questions.count ?? drafts.count }

    /// The id of the assembled petition; nil before.
    public var petition: ID<Petition>? { (try? assembled())?.manifest.id }

    var isDiscarded: Bool { if case .discarded = stage { true } else { false } }

    /// The manifest and the document, once assembled and valid.
    func assembled() throws -> (manifest: Manifest, document: PetitionDocument)? {
        guard case .assembled(let manifest, let document) = stage else { return nil }
        return try Self.parsed(manifest, document)
    }

    /// The petition that a discarded plan had been assembled to, by the title of its wording; nil for every other plan.
    var discardedPetition: (id: ID<Petition>, title: String)? {
        guard case .discarded(let manifest?, let document?) = stage,
            let (manifest, document) = try? Self.parsed(manifest, document)
        else { return nil }
        return (manifest.id, document.title)
    }

    private static func parsed(
        _ manifest: Data, _ document: Data
    ) throws -> (manifest: Manifest, document: PetitionDocument) {
        let parsed = try ClientError.rules { () throws(RuleViolation) in try Manifest(decoding: [UInt8](manifest)) }
        do { return (parsed, try PetitionDocument(parsing: [UInt8](document), of: parsed)) } catch {
            throw ClientError.invalid(.documentFaulty, ["fault": error.rawValue])
        }
    }
}

extension Session {
    /// Stores a plan that uses adopted revisions. Returns its id.
    public func prepare(_ plan: PetitionPlan) async throws -> ID<Object> {
        try requireOrganiser()
        try check(plan)
        var plan = plan
        let adopted = try await adoptions()
        for i in plan.drafts.indices {
            guard let found = adopted[plan.drafts[i].id], found.revision == plan.drafts[i].revision else {
                throw ClientError.invalid(.notAdopted)
            }
            plan.drafts[i].digest = found.digest
        }
        plan.created = device.clock()
        // A plan that could not be assembled is not stored: trustees would make offers in vain.
        _ = try await document(of: plan)
        let id = ID<Object>(Random.bytes32())
        try await put(try json(plan), .init(.plan, id), after: nil)
        return id
    }

    /// Checks that the drafts are still adopted, in exactly these words.
    private func checkAdopted(_ plan: PetitionPlan) async throws {
        guard !plan.drafts.isEmpty else { return }
        let adopted = try await adoptions()
        guard plan.drafts.allSatisfy({ adopted[$0.id]?.digest == $0.digest }) else {
            throw ClientError.invalid(.notAdopted)
        }
    }

    func check(_ plan: PetitionPlan) throws {
        guard (1...Manifest.maximalTrustees).contains(plan.trustees.count),
            Set(plan.trustees).count == plan.trustees.count, plan.trustees.allSatisfy({ roster.isMember($0) })
        else { throw ClientError.invalid(.trustees) }
        guard (1...plan.trustees.count).contains(Int(plan.threshold)) else { throw ClientError.invalid(.threshold) }
        guard (1...Manifest.maximalQuestions).contains(plan.demandCount) else { throw ClientError.invalid(.demands) }
        guard Set(plan.drafts.map(\.id)).count == plan.drafts.count else { throw ClientError.invalid(.sameDraftTwice) }
        let eligible = roster.eligible(at: roster.size)
        guard (1...max(eligible, 1)).contains(plan.quorum), plan.levels.allSatisfy({ $0 <= eligible }) else {
            throw ClientError.invalid(.quorumOrLevel, ["eligible": "\(eligible)"])
        }
        guard plan.levels.count <= Manifest.maximalLevels,
            zip(plan.levels, plan.levels.dropFirst()).allSatisfy({ $0 < $1 }), plan.levels.first != 0
        else { throw ClientError.invalid(.levels) }
        guard plan.closes % 3600 == 0, plan.closes == 0 || plan.closes > device.clock() else {
            throw ClientError.invalid(.deadline)
        }
    }

    /// Plans that have not been discarded, oldest first, each with its id.
    public func plans() async throws -> [(id: ID<Object>, plan: PetitionPlan)] {
        try await plansAndDiscarded().plans
    }

    /// The same, and the titles of petitions that were assembled and then discarded.
    public func plansAndDiscarded() async throws -> (
        plans: [(id: ID<Object>, plan: PetitionPlan)], discarded: [ID<Petition>: String]
    ) {
        let all = try await allPlans()
        return (
            all.filter { !$0.plan.isDiscarded && !$0.isByFormer }.map { ($0.id, $0.plan) }, Self.discarded(all)
        )
    }

    /// By id, with the titles of their wording. What is in preparation too is not among them.
    static func discarded(_ all: [ListedPlan]) -> [ID<Petition>: String] {
        let prepared = Set(all.compactMap(\.plan.petition))
        let discarded = all.filter { !$0.isByFormer }.compactMap(\.plan.discardedPetition)
            .filter { !prepared.contains($0.id) }
        return Dictionary(discarded.map { ($0.id, $0.title) }) { first, _ in first }
    }

    typealias ListedPlan = (id: ID<Object>, plan: PetitionPlan, isByFormer: Bool)

    /// All plans, including discarded ones and those of former organisers.
    func allPlans() async throws -> [ListedPlan] {
        try await texts(of: .plan) { self.read(PetitionPlan.self, $0) != nil }
            .compactMap { text in read(PetitionPlan.self, text.plaintext).map { (text.object.id, $0, text.isByFormer) }
            }
            .sorted { ($0.1.created, $0.0.hex) < ($1.1.created, $1.0.hex) }
    }

    /// - Throws: `ClientError.noSuch(.plan)`, also if a former organiser wrote it and this device had not seen it
    ///   before.
    func plan(_ id: ID<Object>) async throws -> (plan: PetitionPlan, object: StoredObject) {
        let text: Text
        do {
            text = try await self.text(.init(.plan, id)) { self.read(PetitionPlan.self, $0) != nil }
        } catch ClientError.noSuch { throw ClientError.noSuch(.plan) }
        guard let plan = read(PetitionPlan.self, text.plaintext), !plan.isDiscarded, !text.isByFormer else {
            throw ClientError.noSuch(.plan)
        }
        return (plan, text.overwrittenBy == nil ? text.object : try await newestObject(text.object.name))
    }

    /// As an organiser: discards a petition in preparation. A petition that is already open stays open.
    public func discard(_ id: ID<Object>) async throws {
        try requireOrganiser()
        var (plan, object) = try await plan(id)
        if case .assembled(let manifest, let document) = plan.stage {
            plan.stage = .discarded(manifest: manifest, document: document)
        } else {
            plan.stage = .discarded(manifest: nil, document: nil)
        }
        try await put(try json(plan), .init(.plan, id), after: object)
    }

    /// As an organiser: fixes the document, the ring and the seal keys, and announces the petition. If somebody joins
    /// between the reading and the announcement, the service refuses it; the petition is then assembled again, over the
    /// newer roster.
    /// - Parameter again: assembles even if it was assembled before, which voids what trustees have accepted.
    /// - Throws: `ClientError.invalid(.rosterUnsettled)` if the roster changes at every attempt; nothing is announced then.
    public func assemble(_ id: ID<Object>, again: Bool = false) async throws -> ID<Petition> {
        try requireOrganiser()
        var (plan, object) = try await plan(id)
        if !again, let assembled = try plan.assembled() { throw ClientError.assembledAlready(assembled.manifest.id) }
        try check(plan)
        try await checkAdopted(plan)
        let keys = try await offeredKeys(id, plan)
        let document = try await document(of: plan)
        let manifest = try await announce { roster in
            // A trustee may have left since.
            try self.check(plan)
            return try self.manifest(plan, keys: keys, document: document, in: roster)
        }
        try await check(manifest, document)
        plan.stage = .assembled(manifest: Data(manifest.encoding), document: Data(document.bytes))
        try await put(try json(plan), .init(.plan, id), after: object)
        device.state.assembled[id] = manifest.id
        try device.save()
        return manifest.id
    }

    /// The document that a plan leads to, with its demands in the adopted words.
    /// - Throws: `ClientError.invalid` for wording that cannot be put to members (`Draft.checkReadable`), or too long
    ///   for one object.
    private func document(of plan: PetitionPlan) async throws -> PetitionDocument {
        // A vote uses the employer's words as they were recorded.
        var demands = plan.ratification?.questions.map { PetitionDocument.Demand(title: $0.title, text: $0.text) } ?? []
        for reference in plan.drafts {
            let draft = try await draft(reference.id, revision: reference.revision, digest: reference.digest)
            try draft.checkReadable()
            demands.append(.init(title: draft.title, text: draft.text))
        }
        guard plan.ratification != nil || !plan.title.isBlank, ReadableText.firstHidden(inLine: plan.title) == nil
        else {
            throw ClientError.invalid(.petitionTitle)
        }
        if let hidden = ReadableText.firstHidden(in: plan.preamble) {
            throw ClientError.invalid(
                .hiddenPreamble, ["line": "\(hidden.line)", "code": ReadableText.code(hidden.scalar)])
        }
        let document = PetitionDocument(
            language: plan.language, title: plan.title, preamble: plan.preamble, demands: demands)
        var assembled = plan
        assembled.stage = .assembled(
            manifest: Data(count: Self.manifestBound(plan)), document: Data(document.bytes))
        let size = try json(assembled).count
        guard ObjectSize.fits(size) else {
            // Base64 needs four bytes for three.
            let most = ObjectSize.mostPlaintext * 3 / 4
            throw ClientError.invalid(
                .petitionTooLong, ["size": "\(document.bytes.count / 1024)", "most": "\(most / 1024)"])
        }
        return document
    }

    /// An upper bound on the length of a plan's manifest, in bytes.
    private static func manifestBound(_ plan: PetitionPlan) -> Int {
        512 + plan.demandCount + (plan.levels.count + 1) * (8 + 32 * plan.trustees.count)
    }

    /// Announces the petition that `make` makes from the roster; makes it again each time the roster has changed.
    private func announce(_ make: @escaping (WorkplaceLog) throws -> Manifest) async throws -> Manifest {
        for _ in 0..<Self.mostAssemblies {
            var made: Manifest?
            do {
                try await organise { roster in
                    let manifest = try make(roster)
                    made = manifest
                    return .petitionAnnounced(manifest.id, rosterSize: manifest.rosterSize)
                }
            } catch let error as ClientError {
                guard error.breaks(.announcedRoster) else { throw error }
                try await catchUp()
                continue
            }
            if let made { return made }
        }
        throw ClientError.invalid(.rosterUnsettled, ["count": "\(Self.mostAssemblies)"])
    }

    private static let mostAssemblies = 5

    private func manifest(
        _ plan: PetitionPlan, keys: [[Bytes32]], document: PetitionDocument, in roster: WorkplaceLog
    ) throws -> Manifest {
        let about = plan.ratification.map { Manifest.Response(petition: $0.petition, digest: $0.response) }
        return try ClientError.rules { () throws(RuleViolation) in
            let ring = try roster.openingRing(at: roster.size)
            return try Manifest(
                kind: about == nil ? .petition : .ratification, workplace: roster.id, nonce: Random.bytes32(),
                rosterSize: UInt64(roster.size), rosterRoot: roster.tree.root, ringCount: UInt32(ring.count),
                ringDigest: ring.digest, documentDigest: document.digest, options: document.demands.map { _ in 2 },
                threshold: plan.threshold, trustees: keys.map { $0[0] },
                levels: plan.levels.enumerated().map { i, count in
                    Manifest.Level(count: count, trustees: keys.map { $0[i + 1] })
                }, quorum: plan.quorum, closes: plan.closes, ballotLength: plan.ballotLength, about: about)
        }
    }

    /// The assembled petition's document, to be read before accepting or opening it, with the trustees in order.
    public func preview(_ id: ID<Object>) async throws -> (
        petition: ID<Petition>, manifest: Manifest, document: PetitionDocument, trustees: [Bytes32]
    ) {
        let plan = try await plan(id).plan
        guard let (manifest, document) = try plan.assembled() else { throw ClientError.notAssembled }
        try await check(manifest, document)
        device.state.previews[id] = manifest.id
        try device.save()
        return (manifest.id, manifest, document, plan.trustees)
    }

    /// As an organiser: stores the petition's document, then opens its log. The ring was fixed when the petition was
    /// announced.
    public func openPetition(_ id: ID<Object>) async throws -> ID<Petition> {
        try requireOrganiser()
        let plan = try await plan(id).plan
        guard let (manifest, document) = try plan.assembled() else { throw ClientError.notAssembled }
        let petition = manifest.id
        // An organiser signs only what they have assembled or read.
        guard [device.state.previews[id], device.state.assembled[id]].contains(petition) else {
            throw ClientError.notPreviewed
        }
        try await check(manifest, document)
        let acceptances = try await acceptances(of: manifest, id, plan)
        let isAnnounced = roster.announcements[petition]?.contains {
            $0.signer == signKey && $0.rosterSize == manifest.rosterSize
        }
        if isAnnounced != true {
            // Another organiser announced it: this one's own announcement is valid as long as the roster has not
            // changed since.
            try await organise { _ in .petitionAnnounced(petition, rosterSize: manifest.rosterSize) }
        }
        let name = StoredObject.Name(.document, petition.document)
        // After a crash, the document may already be stored.
        do {
            guard try await text(name, revision: 1).plaintext == document.bytes else { throw ClientError.objectForged }
        } catch ClientError.noSuch { try await put(document.bytes, name, after: nil) }
        let statement = try ClientError.rules { () throws(RuleViolation) in
            try PetitionStatement.open(
                manifest, acceptances: acceptances, sequence: 0, by: device.identity.seed.signingKey())
        }
        try await submit(statement)
        return petition
    }
}
