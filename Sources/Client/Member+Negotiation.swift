// docs/protocol.md, sections 4 and 7; docs/records.md

import Foundation
import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// A petition, what was negotiated about it, and the votes on what was offered.
public struct NegotiationView: Sendable {
    public let view: PetitionView
    public let negotiation: Negotiation
    /// In order of announcement.
    public let ratifications: [Ratification]
}

extension Member {
    /// As an organiser: stores a record's document, encrypted, and then puts its digest into the petition's log.
    public func record(_ document: RecordDocument, in id: ID<Petition>) async throws {
        let (roster, log) = try await petition(id)
        guard roster.isOrganiser(signKey) else { throw ClientError.notOrganiser }
        guard log.closure != nil else { throw ClientError.notClosed }
        guard document.demands.allSatisfy({ $0.number <= log.manifest.options.count }) else {
            throw ClientError.noSuch("demand")
        }
        // An answer to what was never handed over, or an agreement on what was never answered, is a slip of the hand.
        guard document.what == .delivered || !log.records.isEmpty else { throw ClientError.invalid("notDelivered") }
        try await syncGroupKeys(roster)
        // First, so that no log names a document that was lost.
        try await put(document.bytes, kind: .record, id: ID(document.digest), after: nil, in: roster)
        try await organise(id, when: {}) { (log, roster, sequence) throws(RuleViolation) in
            try PetitionStatement.record(
                .init(
                    what: document.what, digest: document.digest,
                    roster: .init(size: UInt64(roster.size), root: roster.tree.root)), in: id, sequence: sequence,
                by: identity.seed.signingKey())
        }
    }

    /// The documents behind a log's records, as far as they can be read here.
    func records(of log: PetitionLog, in roster: WorkplaceLog) async throws -> [Bytes32: [UInt8]] {
        var documents: [Bytes32: [UInt8]] = [:]
        for digest in Set(log.records.map(\.record.digest)) {
            // The first revision is what was recorded; whatever somebody adds to it later is not.
            do {
                let bytes = try await object(ID(digest), revision: 1, in: roster).plaintext
                if RecordDocument.digest(of: bytes) == digest { documents[digest] = bytes }
            } catch ClientError.noSuch, ClientError.noGroupKey, ClientError.objectForged, ClientError.rule { continue }
        }
        return documents
    }

    /// The negotiation of a petition as it stands.
    public func negotiation(_ id: ID<Petition>) async throws -> NegotiationView {
        let view = try await view(id)
        let roster = try await roster()
        try await syncGroupKeys(roster)
        let documents = try await records(of: view.petition, in: roster)
        let negotiation = Negotiation(view.petition, document: view.document, records: documents)
        return NegotiationView(
            view: view, negotiation: negotiation,
            ratifications: try await ratifications(of: id, on: negotiation.responses, in: roster).map(\.ratification))
    }

    /// - Parameter responses: of the petition's log, with their documents where they can be read.
    private func ratifications(
        of id: ID<Petition>, on responses: [Bytes32: RecordDocument?], in roster: WorkplaceLog
    ) async throws -> [(ratification: Ratification, view: PetitionView)] {
        var found: [(Ratification, PetitionView)] = []
        let announced = roster.announcements.map { ($0.key, $0.value.map(\.leaf).min() ?? 0) }.sorted { $0.1 < $1.1 }
        for (candidate, _) in announced where candidate != id {
            let view: PetitionView
            do { view = try await self.view(candidate) } catch let error as ClientError where error.isNotOpened {
                continue
            }
            // A vote on what was never answered is nobody's.
            guard let about = view.petition.manifest.about, about.petition == id, responses.keys.contains(about.digest),
                let ratification = Ratification(
                    view.petition, view.petition.tally(in: view.workplace), document: view.document,
                    response: responses[about.digest] ?? nil)
            else { continue }
            found.append((ratification, view))
        }
        return found
    }

    /// The whole history as one file.
    public func history(_ id: ID<Petition>) async throws -> NegotiationHistory {
        let bundle = try await bundle(id)
        let (roster, log) = try await petition(id)
        try await syncGroupKeys(roster)
        let documents = try await records(of: log, in: roster)
        var written: Set<Bytes32> = []
        return NegotiationHistory(
            petition: bundle,
            records: log.records.compactMap {
                written.insert($0.record.digest).inserted ? documents[$0.record.digest] : nil
            },
            ratifications: try await ratifications(
                of: id, on: Negotiation(log, document: nil, records: documents).responses, in: roster
            ).map(\.view.bundle))
    }

    // MARK: Ratifications

    /// What a vote on a response asks: the employer's wording of each demand that they countered.
    public struct RatificationDraft: Sendable {
        public let terms: RatificationTerms
        public let language: String
        public let title: String
        public let demands: [PetitionDocument.Demand]

        public init(
            terms: RatificationTerms, language: String, title: String, demands: [PetitionDocument.Demand]
        ) { (self.terms, self.language, self.title, self.demands) = (terms, language, title, demands) }
    }

    /// A vote on the newest response of a petition.
    /// - Throws: `ClientError.invalid` when it counters nothing, or an agreement has followed it.
    public func ratificationDraft(of id: ID<Petition>, majority: Majority) async throws -> RatificationDraft {
        let current = try await negotiation(id)
        guard let entry = current.negotiation.entries.last(where: { $0.record.what == .response }) else {
            throw ClientError.invalid("noResponse")
        }
        guard let response = entry.document else { throw ClientError.invalid("responseUnreadable") }
        let countered = Negotiation.countered(by: response)
        guard !countered.isEmpty else { throw ClientError.invalid("nothingCountered") }
        let threads = current.negotiation.threads
        return RatificationDraft(
            terms: RatificationTerms(
                petition: id, response: response.digest, demands: countered.map(\.number), majority: majority),
            language: current.view.document?.language ?? response.language,
            title: current.view.document?.title ?? "",
            demands: countered.map { .init(title: threads[$0.number - 1].title, text: $0.text) })
    }

    /// That a vote asks about a response which the petition's log has, in the response's own words.
    func check(_ manifest: Manifest, _ document: PetitionDocument) async throws {
        guard let about = manifest.about else { return }
        guard let terms = RatificationTerms(document, of: manifest) else { throw ClientError.invalid("voteTerms") }
        let (roster, log) = try await petition(about.petition)
        guard log.records.contains(where: { $0.record.what == .response && $0.record.digest == about.digest }),
            let bytes = try await records(of: log, in: roster)[about.digest],
            let response = try? RecordDocument(parsing: bytes)
        else { throw ClientError.invalid("voteResponse") }
        if let number = terms.differs(from: response, document) {
            throw ClientError.invalid("voteWording", ["number": "\(number)"])
        }
    }
}
