// docs/records.md

import Ristretto
import Sodium
import TransparencyLog

/// A whole negotiation in one file of JSON lines: the petition's bundle, the records' documents, and the ratifications'
/// bundles.
public struct NegotiationHistory: Sendable {
    /// The petition that is negotiated.
    public var petition: PetitionBundle
    /// The documents of Recorded statements, in the order of the log.
    public var records: [[UInt8]]
    /// The bundles of the votes on responses.
    public var ratifications: [PetitionBundle]

    static let format = "roundrobin-history/1"

    /// Checks nothing; `AuditedHistory` does.
    public init(petition: PetitionBundle, records: [[UInt8]], ratifications: [PetitionBundle]) {
        (self.petition, self.records, self.ratifications) = (petition, records, ratifications)
    }

    /// Parses a file's form; `AuditedHistory` checks what is in it.
    /// - Throws: `PetitionBundle.Unreadable` if the form is wrong, or a bundle in it cannot be read.
    public init(parsing bytes: [UInt8]) throws(PetitionBundle.Unreadable) {
        var lines = try BundleLines(bytes)
        guard let header = lines.next()?.value?.members("format", "petition"),
            let format = header["format"]?.text, format.utf8.elementsEqual(Self.format.utf8),
            let id = header["petition"]?.text.flatMap({ ID<Petition>(hex: $0) }),
            let bundle = Self.base64(lines.next(), "bundle")
        else { throw .format }
        petition = try PetitionBundle(parsing: bundle)
        guard petition.petitionID == id else { throw .ids }
        (records, ratifications) = ([], [])
        while let record = Self.base64(lines.current, "record") {
            records.append(record)
            lines.advance()
        }
        while let bundle = Self.base64(lines.current, "ratification") {
            ratifications.append(try PetitionBundle(parsing: bundle))
            lines.advance()
        }
        guard lines.current == nil else { throw .format }
    }

    private static func base64(_ line: BundleLine?, _ name: String) -> [UInt8]? {
        line?.value?.members(name)?[name]?.text.flatMap { Base64.decode($0) }
    }

    /// Whether a file claims this format; its other lines may still be faulty.
    public static func isHistory(_ bytes: [UInt8]) -> Bool {
        bytes.starts(with: Array("{\"format\":\"\(format)\"".utf8))
    }

    /// The file's bytes.
    public var serialized: [UInt8] {
        var text = "{\"format\":\"\(Self.format)\",\"petition\":\"\(petition.petitionID.hex)\"}\n"
        text += "{\"bundle\":\"\(Base64.encode(petition.serialized))\"}\n"
        for record in records { text += "{\"record\":\"\(Base64.encode(record))\"}\n" }
        for bundle in ratifications { text += "{\"ratification\":\"\(Base64.encode(bundle.serialized))\"}\n" }
        return Array(text.utf8)
    }
}

/// A history with everything in it recomputed.
public struct AuditedHistory: Sendable {
    /// The verdict on the petition's bundle.
    public let petition: AuditedPetition
    /// The negotiation, folded from the records.
    public let negotiation: Negotiation
    /// The votes, with their results.
    public let ratifications: [Ratification]
    /// How many records of the log have no document in the file. Their wording is not shown; nothing else depends on
    /// it.
    public let missingRecords: Int
    /// Everything in the file that breaks a rule; empty if it holds.
    public let faults: [Fault]

    /// Recomputes everything in a history.
    /// - Throws: `PetitionBundle.Unreadable`.
    public init(
        auditing history: NegotiationHistory, policy: WitnessPolicy? = nil
    ) throws(PetitionBundle.Unreadable) {
        petition = try AuditedPetition(auditing: history.petition, policy: policy)
        var faults = petition.faults
        let recorded = Set(petition.petition.records.map { $0.record.digest })
        var documents: [Bytes32: [UInt8]] = [:]
        for (line, bytes) in history.records.enumerated() {
            let digest = RecordDocument.digest(of: bytes)
            guard recorded.contains(digest), documents.updateValue(bytes, forKey: digest) == nil else {
                faults.append(Fault(.record(line: line), .recordUnknown))
                continue
            }
        }
        negotiation = Negotiation(petition.petition, document: petition.document, records: documents)
        missingRecords = recorded.subtracting(documents.keys).count
        let responses = negotiation.responses
        var ratifications: [Ratification] = []
        for (line, bundle) in history.ratifications.enumerated() {
            let audited = try AuditedPetition(auditing: bundle, policy: policy)
            faults += audited.faults.map { Fault(.ratification(line: line), .within($0)) }
            guard let about = audited.petition.manifest.about, about.petition == petition.petition.id,
                let response = responses[about.digest],
                let ratification = Ratification(
                    audited.petition, audited.tally, document: audited.document, response: response),
                bundle.workplaceID == history.petition.workplaceID,
                !ratifications.contains(where: { $0.id == ratification.id })
            else {
                faults.append(
                    Fault(.ratification(line: line), .ratificationUnknown))
                continue
            }
            // A workplace has one log: of two copies, the shorter must be a prefix of the longer.
            let (own, other) = (petition.workplace.tree, audited.workplace.tree)
            if own.root(at: min(own.count, other.count)) != other.root(at: min(own.count, other.count)) {
                faults.append(
                    Fault(.ratification(line: line), .ratificationWorkplace))
            }
            if ratification.outcome == .otherWords {
                faults.append(
                    Fault(.ratification(line: line), .ratificationWords))
            }
            ratifications.append(ratification)
        }
        self.ratifications = ratifications
        self.faults = faults
    }

    /// A petition alone, without its negotiation.
    public init(_ petition: AuditedPetition) {
        self.petition = petition
        negotiation = Negotiation(petition.petition, document: petition.document, records: [:])
        ratifications = []
        missingRecords = Set(petition.petition.records.map { $0.record.digest }).count
        faults = petition.faults
    }
}
