import Petitions
import Sodium
import TransparencyLog

/// Whose signatures this member wants to see before a checkpoint is believed.
extension Member {
    /// - Throws: `ClientError.keystoreDamaged`.
    public func witnessPolicy() throws(ClientError) -> WitnessPolicy? {
        guard let text = state.witnessPolicy else { return nil }
        do { return try WitnessPolicy(parsing: Array(text.utf8)) } catch { throw .keystoreDamaged("state") }
    }

    /// The file as it was given.
    public var witnessPolicyText: String? { state.witnessPolicy }

    /// What the workplace's checkpoint has of a policy's signatures, now.
    public func witnesses(_ policy: WitnessPolicy) async throws -> WitnessPolicy.Verdict {
        let (roster, raw) = try await LogReader(connection: connection).workplace(workplaceID, pins: &state.pins)
        guard policy.accepts(logKey: roster.verifier.key) else { throw ClientError.logNotInPolicy(log: "workplace") }
        do { return policy.judge(try roster.verifier.verify(raw.checkpoint)) } catch {
            throw ClientError.logUnverified(log: "workplace", error)
        }
    }

    /// From here on every checkpoint that this device reads must meet the policy. One that the service does not meet now is
    /// refused, so that nobody locks themselves out by a mistyped key.
    public func require(_ text: [UInt8]) async throws -> WitnessPolicy.Verdict {
        let policy: WitnessPolicy
        do { policy = try WitnessPolicy(parsing: text) } catch {
            throw ClientError.invalid("policy", ["line": "\(error.line)", "what": error.what.rawValue])
        }
        let verdict = try await witnesses(policy)
        guard verdict.isSatisfied else {
            throw ClientError.notWitnessed(log: "workplace", missing: verdict.missing)
        }
        state.witnessPolicy = String(decoding: text, as: UTF8.self)
        try save()
        return verdict
    }

    public func requireNoWitnesses() throws {
        state.witnessPolicy = nil
        try save()
    }
}
