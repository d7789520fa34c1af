// docs/protocol.md, section 6

import MembershipProofs
import Sodium

/// A co-signer's answer to each demand, and a remark.
public struct Ballot: Hashable, Sendable {
    /// One entry per question: 0 to abstain, or a choice from 1.
    public let choices: [UInt8]
    /// At most 4,000 bytes of UTF-8.
    public let remark: String

    static let context: StaticString = "rrballot"
    static let remarkLengths = 0...4000

    /// A ballot that fits the manifest.
    /// - Throws: `RuleViolation.options` if the choices do not fit the manifest, `.ballotLength` if the remark does not
    ///   fit.
    public init(choices: [UInt8], remark: String = "", for manifest: Manifest) throws(RuleViolation) {
        guard choices.count == manifest.options.count, zip(choices, manifest.options).allSatisfy({ $0 <= $1 }) else {
            throw .options
        }
        guard Self.remarkLengths.contains(remark.utf8.count) else { throw .ballotLength }
        (self.choices, self.remark) = (choices, remark)
        guard encoding.count < Int(manifest.ballotLength) else { throw .ballotLength }
    }

    /// Whether the ballot counts: a petition's ballot must support at least one demand, or it is spoiled. A
    /// ratification takes any answer.
    public func supportsSomething(of manifest: Manifest) -> Bool { Self.supportsSomething(choices, of: manifest) }

    /// The same for choices that are not yet a ballot.
    public static func supportsSomething(_ choices: [UInt8], of manifest: Manifest) -> Bool {
        manifest.kind == .ratification || choices.contains(support)
    }

    /// The choice that supports a demand, or accepts an answer to it.
    public static let support: UInt8 = 1

    private var encoding: [UInt8] {
        var writer = ByteWriter()
        writer.append(UInt8(1))
        writer.vector8(choices)
        writer.vector16(Array(remark.utf8))
        return writer.bytes
    }

    private init?(decoding bytes: [UInt8], for manifest: Manifest) {
        var reader = ByteReader(bytes)
        guard let version = try? reader.uint8(), version == 1,
            let choices = try? reader.vector8(1...Manifest.maximalQuestions),
            let remark = try? reader.vector16(Self.remarkLengths), reader.isAtEnd,
            let text = String(validating: remark, as: UTF8.self),
            let ballot = try? Ballot(choices: choices, remark: text, for: manifest),
            ballot.supportsSomething(of: manifest)
        else { return nil }
        self = ballot
    }

    /// petition_id || tag || uint32 sequence.
    static func associatedData(_ petition: ID<Petition>, _ tag: LinkingTag, _ sequence: UInt32) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(petition)
        writer.append(tag.encoding)
        writer.append(sequence)
        return writer.bytes
    }

    /// Seals the ballot to the trustees under a fresh key. The result has 80n + ballot_length + 16 bytes for n
    /// trustees, whatever was chosen.
    public func seal(
        for petition: ID<Petition>, _ manifest: Manifest, tag: LinkingTag, sequence: UInt32
    ) throws(RuleViolation) -> [UInt8] {
        guard let padded = Padding.pad(encoding, to: Int(manifest.ballotLength)) else { throw .ballotLength }
        do {
            return try SealedPayload.seal(
                padded, seed: .random(32), to: manifest.trustees, threshold: manifest.threshold,
                associatedData: Self.associatedData(petition, tag, sequence), context: Self.context)
        } catch { throw .trustees }
    }

    /// Decodes an opened ballot; nil if it is spoiled.
    /// - Parameter padded: the plaintext; nil if the payload did not open.
    package init?(padded: [UInt8]?, for manifest: Manifest) {
        guard let plaintext = padded.flatMap(Padding.unpad) else { return nil }
        self.init(decoding: plaintext, for: manifest)
    }
}
