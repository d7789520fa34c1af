// docs/objects.md, kind 8; docs/protocol.md, section 10, "A trustee's client"

import CoSigning
import Foundation
import Petitions
import Sodium
import TransparencyLog

/// The content of an object of kind 8: everything that one member says as a trustee.
struct TrusteeText: Codable {
    struct Offer: Codable {
        var plan: ID<Object>
        /// The seal keys: set 0, then one for each level.
        var keys: [Bytes32]
    }

    struct Accepted: Codable {
        var plan: ID<Object>
        var petition: ID<Petition>
        /// The bytes of an Acceptance.
        var acceptance: Data
    }

    /// An offer for the first petition that takes it.
    struct Spare: Codable {
        /// The seal keys: set 0, then one for each level that a petition can have.
        var keys: [Bytes32]
    }

    /// In order; of two for the same plan, the later is valid.
    var offers: [Offer] = []
    var acceptances: [Accepted] = []
    /// Absent if none was ever made.
    var spares: [Spare]?

    /// The keys for a petition with this many sets: those offered for its plan, or else those of a spare offer that no
    /// petition has taken.
    func keys(for plan: ID<Object>, sets: Int, taken: Set<Bytes32>) -> [Bytes32]? {
        if let offer = offers.last(where: { $0.plan == plan && $0.keys.count == sets }) { return offer.keys }
        let spare = spares?.first { $0.keys.count >= sets && $0.keys.allSatisfy { !taken.contains($0) } }
        return spare.map { Array($0.keys.prefix(sets)) }
    }
}

extension Session {
    /// The trustee texts of these members. Texts that another member wrote under their name are left out.
    func trusteeTexts(of members: [Bytes32]) async throws -> [Bytes32: TrusteeText] {
        var found: [Bytes32: TrusteeText] = [:]
        let texts = try await texts(of: .trustee) { self.read(TrusteeText.self, $0) != nil }
        for member in members {
            guard let text = texts.first(where: { $0.object.id == .trustee(member) && $0.object.author == member }),
                !text.isByFormer
            else { continue }
            found[member] = read(TrusteeText.self, text.plaintext)
        }
        return found
    }

    private func say(_ change: (inout TrusteeText) -> Void) async throws {
        let name = StoredObject.Name(.trustee, .trustee(signKey))
        var content = TrusteeText()
        var previous: StoredObject?
        do {
            let text = try await text(name) { self.read(TrusteeText.self, $0) != nil }
            content = read(TrusteeText.self, text.plaintext) ?? TrusteeText()
            previous = text.overwrittenBy == nil ? text.object : try await newestObject(name)
        } catch ClientError.noSuch { previous = nil }
        change(&content)
        try await put(try json(content), name, after: previous)
    }

    /// How many spare offers a member keeps ready.
    private static let spares = 4

    /// For a member who is willing to be a trustee: keeps one-time offers ready, so that a petition can be assembled
    /// without waiting for this member. Each offer serves one petition, and only after this member has read and
    /// accepted it. Replaces offers that this device does not know, because they were made before it was restored.
    /// - Returns: how many offers are ready.
    @discardableResult
    public func offerAhead() async throws -> Int {
        var nonces = device.state.spareNonces ?? []
        while nonces.count < Self.spares { nonces.append(Random.bytes32()) }
        device.state.spareNonces = nonces
        try device.save()
        try await say { self.putSpares(in: &$0) }
        return nonces.count
    }

    /// For a member who is no longer willing: withdraws the spare offers. An offer that a petition has taken can still
    /// be accepted or ignored.
    public func offerNothingAhead() async throws {
        device.state.spareNonces = []
        try device.save()
        try await say { $0.spares = nil }
    }

    private func putSpares(in text: inout TrusteeText) {
        text.spares = device.state.spareNonces?.map { .init(keys: sealKeys($0, sets: 1 + Manifest.maximalLevels)) }
    }

    /// Members with a spare offer that no petition has taken, in the order of the roster.
    public func willingTrustees() async throws -> [Bytes32] {
        let members = roster.members(at: roster.size).map(\.signKey)
        let (texts, taken) = (try await trusteeTexts(of: members), Self.takenKeys(try await allPlans()))
        return members.filter { texts[$0]?.keys(for: ID(.zero), sets: 1, taken: taken) != nil }
    }

    /// The seal keys of every petition that was assembled and not discarded, because an offer serves only one. If a
    /// petition was accepted and then discarded, the trustee who accepted no longer offers its key.
    static func takenKeys(_ plans: [ListedPlan], but plan: ID<Object>? = nil) -> Set<Bytes32> {
        var taken: Set<Bytes32> = []
        for listed in plans where listed.id != plan {
            guard let manifest = try? listed.plan.assembled()?.manifest else { continue }
            taken.formUnion(manifest.trustees)
            for level in manifest.levels { taken.formUnion(level.trustees) }
        }
        return taken
    }

    private func sealKeys(_ nonce: Bytes32, sets: Int) -> [Bytes32] {
        (0..<sets).map { device.identity.seed.sealKey(nonce: nonce, set: UInt8($0)).publicKey }
    }

    /// Offers fresh seal keys for a plan. Their nonce serves only one petition.
    /// - Parameter again: offers even if the petition has been assembled; it must then be assembled again.
    public func offer(_ id: ID<Object>, again: Bool = false) async throws {
        let plan = try await plan(id).plan
        if !again, let assembled = try plan.assembled() { throw ClientError.assembledAlready(assembled.manifest.id) }
        guard plan.trustees.contains(signKey) else { throw ClientError.notTrustee }
        try check(plan)
        let nonce = Random.bytes32()
        device.state.offers[id] = .init(nonce: nonce, petition: nil)
        try device.save()
        let keys = sealKeys(nonce, sets: 1 + plan.levels.count)
        try await say { text in
            text.offers.removeAll { $0.plan == id }
            text.offers.append(.init(plan: id, keys: keys))
        }
    }

    /// The keys of each trustee's offer, in order.
    func offeredKeys(_ id: ID<Object>, _ plan: PetitionPlan) async throws -> [[Bytes32]] {
        let (texts, taken) = (
            try await trusteeTexts(of: plan.trustees), Self.takenKeys(try await allPlans(), but: id)
        )
        func keys(_ trustee: Bytes32) -> [Bytes32]? {
            texts[trustee]?.keys(for: id, sets: 1 + plan.levels.count, taken: taken)
        }
        let missing = plan.trustees.filter { keys($0) == nil }
        guard missing.isEmpty else { throw ClientError.offersMissing(missing.map { roster.person($0) }) }
        return plan.trustees.compactMap { keys($0) }
    }

    /// Accepts a petition: signs its id, after checking that the keys at this member's place are their own in every
    /// set, and that the nonce has served no other petition, by this device's memory, by what this member has said
    /// before, and by every petition's log.
    public func accept(_ id: ID<Object>) async throws -> ID<Petition> {
        let plan = try await plan(id).plan
        guard let (manifest, _) = try plan.assembled() else { throw ClientError.notAssembled }
        guard manifest.workplace == device.workplaceID else { throw ClientError.coSigning(.otherWorkplace) }
        // An organiser who assembles again between reading and signing must not get a signature for another text.
        guard device.state.previews[id] == manifest.id else { throw ClientError.notPreviewed }
        guard let place = plan.trustees.firstIndex(of: signKey), manifest.trustees.indices.contains(place) else {
            throw ClientError.notTrustee
        }
        var offer: DeviceState.TrusteeOffer
        if let spare = device.state.spareNonces?.first(where: { sealKeys($0, sets: 1)[0] == manifest.trustees[place] })
        {
            offer = .init(nonce: spare, petition: nil)
        } else if let made = device.state.offers[id] {
            offer = made
        } else {
            throw ClientError.notTrustee
        }
        guard offer.petition == nil || offer.petition == manifest.id else { throw ClientError.nonceUsed }
        let own = sealKeys(offer.nonce, sets: 1 + manifest.levels.count)
        guard manifest.trustees[place] == own[0],
            manifest.levels.enumerated().allSatisfy({ $1.trustees[place] == own[$0 + 1] })
        else { throw ClientError.foreignSealKey }
        try await checkUnused(offer.nonce, but: manifest.id)
        // Saved before anything is sent: from here on, the nonce is used up.
        offer.petition = manifest.id
        device.state.offers[id] = offer
        device.state.spareNonces?.removeAll { $0 == offer.nonce }
        try device.save()
        let acceptance = PetitionStatement.Acceptance.make(
            manifest.id, trustee: UInt8(place + 1), nonce: offer.nonce, by: device.identity.seed.signingKey())
        try await say { text in
            text.acceptances.removeAll { $0.petition == manifest.id }
            text.acceptances.append(
                .init(plan: id, petition: manifest.id, acceptance: Data(acceptance.encoding)))
            if text.spares != nil { self.putSpares(in: &text) }
        }
        return manifest.id
    }

    /// Checks that a nonce is unused. A disk that was restored to an earlier day does not remember an acceptance, but
    /// the member's texts and the opened petitions do.
    private func checkUnused(_ nonce: Bytes32, but petition: ID<Petition>) async throws {
        for (_, other) in device.state.offers where other.nonce == nonce {
            if let spent = other.petition, spent != petition { throw ClientError.nonceUsed }
        }
        for accepted in try await trusteeTexts(of: [signKey])[signKey]?.acceptances ?? [] {
            guard let acceptance = try? PetitionStatement.Acceptance(decoding: [UInt8](accepted.acceptance)) else {
                continue
            }
            if acceptance.nonce == nonce, accepted.petition != petition { throw ClientError.nonceUsed }
        }
        for (id, _) in roster.announcedInOrder where id != petition {
            guard let log = try? await self.petition(id).log else { continue }
            if log.acceptances.contains(where: { $0.signKey == signKey && $0.nonce == nonce }) {
                throw ClientError.nonceUsed
            }
        }
    }

    /// The acceptances of a petition by the trustees of its plan, each only for its own place.
    func acceptances(
        of manifest: Manifest, _ id: ID<Object>, _ plan: PetitionPlan
    ) async throws -> [PetitionStatement.Acceptance] {
        let texts = try await trusteeTexts(of: plan.trustees)
        var found: [PetitionStatement.Acceptance] = []
        var missing: [NamedMember] = []
        for (place, trustee) in plan.trustees.enumerated() {
            let acceptance = texts[trustee]?.acceptances.last { $0.plan == id && $0.petition == manifest.id }
                .flatMap { try? PetitionStatement.Acceptance(decoding: [UInt8]($0.acceptance)) }
            // Author, signer and plan must agree; otherwise anybody could take anybody's place.
            if let acceptance, acceptance.signKey == trustee,
                acceptance.isValid(for: manifest.id, trustee: UInt8(place + 1))
            {
                found.append(acceptance)
            } else {
                missing.append(roster.person(trustee))
            }
        }
        guard missing.isEmpty else { throw ClientError.acceptancesMissing(missing) }
        return found
    }

    // MARK: Releasing

    /// Releases the seal key of a key set, if the petition has this member's own acceptance, and the log, verified up
    /// to a fresh checkpoint, allows it. A co-signing trustee's keys do not depend on who asks.
    public func release(_ id: ID<Petition>, set: Int = 0) async throws {
        let judged = try await petition(id)
        let log = judged.log
        guard let keys = log.manifest.keySet(set), let number = UInt8(exactly: set) else {
            throw ClientError.noSuch(.keySet)
        }
        // The place is the one with this member's own key and acceptance.
        guard
            let place = log.acceptances.indices.first(where: { i in
                log.acceptances[i].signKey == signKey
                    && device.identity.seed.sealKey(nonce: log.acceptances[i].nonce, set: number).publicKey == keys[i]
            })
        else {
            throw log.acceptances.contains { $0.signKey == signKey }
                ? ClientError.foreignSealKey : ClientError.notTrustee
        }
        if log.released[set][UInt8(place + 1)] != nil { return }
        try checkRelease(judged, set: set)
        let pair = device.identity.seed.sealKey(nonce: log.acceptances[place].nonce, set: number)
        let statement = try ClientError.rules { () throws(RuleViolation) in
            try PetitionStatement.release(id, set: number, trustee: UInt8(place + 1), secret: pair.reveal())
        }
        try await submit(statement)
    }

    /// Releases the key for the names that open at this count.
    public func release(_ id: ID<Petition>, level count: UInt32) async throws {
        let levels = try await petition(id).log.manifest.levels.map(\.count)
        guard let place = levels.firstIndex(of: count) else { throw ClientError.coSigning(.noSuchLevel(levels)) }
        try await release(id, set: place + 1)
    }

    private static let hour: UInt64 = 3600

    private func checkRelease(_ judged: JudgedLog<PetitionLog>, set: Int) throws {
        let (log, now) = (judged.log, device.clock())
        if set == 0 {
            guard let closure = log.closure else { throw ClientError.notClosed }
            if case .deadline = closure.cause, now < log.manifest.closes { throw ClientError.deadlineNotReached }
            return
        }
        let needed = log.manifest.levels[set - 1].count
        guard UInt64(log.cosignatures) >= UInt64(needed) else {
            throw ClientError.levelNotReached(standing: log.cosignatures, needed: needed)
        }
        // Opened names stay open: a log from before some co-signers withdrew must not open them.
        if judged.witnessed.threshold > 0 {
            // If a witness's time is ahead of this device's clock, the clock is slow, and cannot tell whether an hour has
            // passed.
            guard let time = judged.witnessed.time, time <= now + Memory.clockTolerance, now <= time + Self.hour else {
                throw ClientError.levelNotFresh
            }
        }
    }
}
