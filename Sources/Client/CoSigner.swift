// docs/protocol.md, section 10

import CoSigning
import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// Reads petitions and co-signs them, over connections that cannot sign a request: each run has one connection for its
/// reading, and a new one for its sending. `Run` and `PetitionView` decide what a run requests and sends, and they know
/// nothing of what this device has seen. Only afterwards is the reading compared with what was seen before.
public final class CoSigner {
    let device: Device

    init(_ device: Device) { self.device = device }

    /// The result of one run's reading, before it is compared with earlier readings.
    public struct Begun: Sendable {
        /// Everything that the run was served.
        public let reading: Reading
        /// The petition that the scope names.
        public let view: PetitionView
        /// For a vote: the wording of the petition whose response it is about, if this reading has it.
        public let asked: PetitionDocument?
    }

    // MARK: Reading

    /// Reads, and remembers what was read.
    public func look(_ scope: Run.Scope) async throws -> Reading {
        let reading = try await read(scope)
        settle(by: reading)
        try end(reading)
        return reading
    }

    private func read(_ scope: Run.Scope) async throws -> Reading {
        var partial: Reading?
        do {
            return try await AnonymousConnection.with(device.serviceURL, proxy: device.proxy) {
                try await $0.read(Run(scope, of: device.workplaceID)) { partial = $0 }
            }
        } catch {
            // What was shown before the connection broke must not be forgotten.
            if let partial { try end(partial) }
            throw error
        }
    }

    private func settle(by reading: Reading) { device.state.memory.settle(by: reading, at: device.clock()) }

    /// Compares the reading with memory, once the run has made all its requests.
    private func end(_ reading: Reading) throws {
        device.state.memory.compare(
            reading, in: .anonymous, as: device.signKey, policy: try device.witnessPolicy(), at: device.clock())
        if let roster = try? reading.judgedRoster().log { device.note(roster) }
        try device.save()
    }

    /// Reads a petition as a co-signer does.
    public func view(_ id: ID<Petition>) async throws -> PetitionView { try await view(in: .petition(id)) }

    /// Says which petition is meant, after a run has read what its scope names.
    public typealias Choosing = (Reading) throws -> ID<Petition>

    /// The same for a petition by its id, by the beginning of its id, or chosen from what was read.
    public func view(in scope: Run.Scope, choosing: Choosing = CoSigner.wanted) async throws -> PetitionView {
        let reading = try await look(scope)
        return try view(of: try choosing(reading), in: reading)
    }

    /// The petition that the scope names.
    /// - Throws: `ClientError.noSuch`, `.ambiguous`.
    public static func wanted(_ reading: Reading) throws -> ID<Petition> {
        if let id = reading.wanted { return id }
        if case .prefix(let prefix) = reading.scope, reading.fitting(prefix) > 1 {
            throw ClientError.ambiguous(.petition)
        }
        throw ClientError.noSuch(.petition)
    }

    /// A petition as a reading shows it.
    public func view(of id: ID<Petition>, in reading: Reading) throws -> PetitionView {
        try ClientError.coSigning { () throws(CoSigningError) in try reading.view(of: id, for: device.identity) }
    }

    /// The petition as a bundle, with whatever faults its logs have: the auditor reports them.
    public func bundle(_ id: ID<Petition>) async throws -> PetitionBundle { try await bundle(in: .petition(id)) }

    /// The same for a petition by its id, by the beginning of its id, or chosen from what was read.
    public func bundle(in scope: Run.Scope, choosing: Choosing = CoSigner.wanted) async throws -> PetitionBundle {
        let reading = try await look(scope)
        let id = try choosing(reading)
        return try ClientError.coSigning { () throws(CoSigningError) in
            try reading.bundle(of: id, for: device.identity)
        }
    }

    /// A petition with everything recomputed and nothing wrong.
    /// - Throws: `ClientError.coSigning(.serviceFaults)` if anything is wrong.
    public func audited(_ id: ID<Petition>) async throws -> AuditedPetition { try Self.audited(try await bundle(id)) }

    static func audited(_ bundle: PetitionBundle) throws -> AuditedPetition {
        let audited: AuditedPetition
        do throws(PetitionBundle.Unreadable) { audited = try AuditedPetition(auditing: bundle) } catch {
            throw ClientError.coSigning(.serviceFaults([error.rawValue]))
        }
        guard audited.faults.isEmpty else {
            throw ClientError.coSigning(.serviceFaults(audited.faults.map(\.description)))
        }
        return audited
    }

    // MARK: Co-signing

    /// Reads for a co-signature or withdrawal, and settles earlier statements by what was read. `end` must follow when
    /// the run has made all its requests; `send` and `abandon` call it.
    public func begin(_ scope: Run.Scope, choosing: Choosing = CoSigner.wanted) async throws -> Begun {
        let reading = try await read(scope)
        settle(by: reading)
        // A statement that a log has settled must stay settled if the keystore is closed while the person thinks.
        try device.save()
        do {
            let view = try view(of: try choosing(reading), in: reading)
            let asked = view.petition.manifest.about.flatMap { try? self.view(of: $0.petition, in: reading).document }
            return Begun(reading: reading, view: view, asked: asked)
        } catch {
            try end(reading)
            throw error
        }
    }

    /// The warnings that the person must have seen before a co-signature is sent; refusals are thrown.
    public func warnings(_ begun: Begun, name: ConditionalName? = nil) throws -> Set<Warning> {
        try ClientError.coSigning { () throws(CoSigningError) in
            try begun.view.warnings(for: device.identity, name: name, at: device.clock())
        }
    }

    /// Ends a run in which the person has decided to send nothing, or nothing can be sent.
    public func abandon(_ begun: Begun) throws { try end(begun.reading) }

    /// Sends the unsettled statement that this device sent before, unchanged.
    /// - Returns: nil if everything is settled.
    public func resend(_ begun: Begun) async throws -> Sent? {
        let pending: Sending?
        do {
            pending = try ClientError.coSigning { () throws(CoSigningError) in
                try begun.view.pending(in: device.state.memory, at: device.clock())
            }
        } catch {
            try end(begun.reading)
            throw error
        }
        guard let pending else { return nil }
        do {
            device.state.lastSent = device.clock()
            try device.save()
        } catch {
            try end(begun.reading)
            throw error
        }
        return try await deliver(pending, begun)
    }

    /// Makes, stores and sends a statement.
    /// - Parameter seen: the warnings that the person has seen and agreed to.
    /// - Throws: `ClientError.coSigning(.unseenWarnings)` if the reading calls for other warnings; then nothing was
    ///   sent.
    public func send(_ decision: Decision, in begun: Begun, seen: Set<Warning>) async throws -> Sent {
        let sending: Sending
        do {
            sending = try ClientError.coSigning { () throws(CoSigningError) in
                // An earlier statement that is not settled must be sent first; `clear` throws until it is settled.
                try begun.view.clear(
                    decision, for: device.identity, having: device.state.memory, seen: seen, at: device.clock()
                ).make(in: &device.state.memory)
            }
            device.state.lastSent = device.clock()
            try device.save()
        } catch {
            try end(begun.reading)
            throw error
        }
        return try await deliver(sending, begun)
    }

    private func deliver(_ sending: Sending, _ begun: Begun) async throws -> Sent {
        let answer: Result<SendingAnswer, any Error>
        do {
            answer = .success(
                try await AnonymousConnection.with(device.serviceURL, proxy: device.proxy) {
                    try await $0.send(sending)
                })
        } catch { answer = .failure(error) }
        // Before the response is taken in, whose checkpoint is newer than what was read.
        try end(begun.reading)
        let got: SendingAnswer
        do { got = try answer.get() } catch ClientError.refused(let refusal) {
            let error = ClientError.refused(refusal)
            // Only this refusal calls for another run at once; no other says whether the statement stands.
            throw error.isRingGrown ? error : .unanswered(refusal)
        }
        // Saved whatever the response is: one that contradicts the reading leaves an alarm.
        let sent = Result { () throws(CoSigningError) in
            try device.state.memory.take(got, to: sending, at: device.clock())
        }
        try device.save()
        return try ClientError.coSigning { () throws(CoSigningError) in try sent.get() }
    }

    /// Carries out one decision, from the reading to the response. What was sent before is settled first, and if the
    /// ring has grown meanwhile, another run is made.
    /// - Parameter agree: given what was read and its warnings, whether to go on. It is called again if a later reading
    ///   has other warnings.
    /// - Returns: nil if `agree` returned false.
    public func carryOut(
        _ decision: Decision, in scope: Run.Scope, choosing: Choosing = CoSigner.wanted,
        agree: (PetitionView, Set<Warning>) async throws -> Bool
    ) async throws -> Sent? {
        var seen: Set<Warning>?
        for attempt in 0..<4 {
            let begun = try await begin(scope, choosing: choosing)
            if let sent = try await resend(begun) {
                // The earlier statement may have been another decision. If it was promised a place, wait; if it has a
                // receipt, this decision gets its own run.
                if case .promised(let promise) = sent { throw ClientError.coSigning(.held(until: promise.until)) }
                continue
            }
            let warnings: Set<Warning>
            do { warnings = try requiredWarnings(decision, begun.view) } catch {
                try abandon(begun)
                throw error
            }
            if seen.map({ !warnings.isSubset(of: $0) }) ?? true {
                let agreed: Bool
                do { agreed = try await agree(begun.view, warnings) } catch {
                    try abandon(begun)
                    throw error
                }
                guard agreed else {
                    try abandon(begun)
                    return nil
                }
                seen = warnings.union(seen ?? [])
            }
            do { return try await send(decision, in: begun, seen: seen ?? []) } catch let error as ClientError {
                guard error.breaks(.actionOrRingEpoch), attempt < 3 else { throw error }
                try await Task.sleep(for: .seconds(1))
            }
        }
        throw ClientError.coSigning(.unsettled)
    }

    private func requiredWarnings(_ decision: Decision, _ view: PetitionView) throws -> Set<Warning> {
        try ClientError.coSigning { () throws(CoSigningError) in
            switch decision {
            case .sign(_, _, let name): try view.warnings(for: device.identity, name: name, at: device.clock())
            case .withdraw: view.nameIsOut(for: device.identity) ? [.nameIsOut] : []
            }
        }
    }

    /// Co-signs, or replaces this member's co-signature, with one choice for each demand: 0 abstain, 1 support, 2
    /// oppose. Calling this means agreeing to every warning.
    @discardableResult
    public func cosign(
        _ id: ID<Petition>, choices: [UInt8], remark: String = "", name: ConditionalName? = nil
    ) async throws -> Sent? {
        try await carryOut(.sign(choices: choices, remark: remark, name: name), in: .petition(id)) { _, _ in true }
    }

    /// Withdraws this member's co-signature.
    @discardableResult
    public func withdraw(_ id: ID<Petition>) async throws -> Sent? {
        try await carryOut(.withdraw, in: .petition(id)) { _, _ in true }
    }

    /// How many of this device's receipts verify against a petition's log as it was read.
    public func verifiedReceipts(_ view: PetitionView) -> Int { device.state.memory.verifiedReceipts(view) }
}
