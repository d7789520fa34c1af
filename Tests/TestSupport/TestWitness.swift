import Sodium
import TransparencyLog

/// A witness whose key the test holds.
public struct TestWitness: Sendable {
    public let verifier: WitnessVerifier
    private let seed: Bytes32

    public init(_ name: String = "witness.example") {
        seed = Random.bytes32()
        verifier = WitnessVerifier(name: name, key: SigningKey(seed: SecretBytes(seed)).publicKey)
    }

    /// Adds this witness's line to a log's note.
    public func sign(_ note: String, at time: UInt64) throws -> String {
        let parsed = try SignedNote(parsing: note)
        let line = try Checkpoint(parsing: parsed.text)
            .witnessed(at: time, as: verifier.name, by: SigningKey(seed: SecretBytes(seed)))
        return parsed.adding([line]).serialized
    }
}
