// docs/protocol.md, sections 4 and 7; docs/records.md

import CoSigning
import Foundation
import Petitions
import Sodium

/// A petition, its negotiation, and the votes on the employer's offers.
public struct NegotiationView: Sendable {
    /// The petition as an anonymous reading shows it.
    public let view: PetitionView
    /// Folded from the petition's records.
    public let negotiation: Negotiation
    /// The votes, in order of announcement.
    public let ratifications: [Ratification]
    /// Things to know, such as that somebody who recorded something has lost the office since.
    public let notes: [Note]
}

/// The questions of a vote on a response: the employer's wording of each demand that they countered.
public struct RatificationDraft: Sendable {
    /// The subject of the vote, and the majority.
    public let terms: RatificationTerms
    /// The language tag: the petition's or, without its document, the response's.
    public let language: String
    /// The petition's title.
    public let title: String
    /// The countered demands, in the employer's words.
    public let demands: [PetitionDocument.Demand]

    /// Checks nothing.
    public init(
        terms: RatificationTerms, language: String, title: String, demands: [PetitionDocument.Demand]
    ) { (self.terms, self.language, self.title, self.demands) = (terms, language, title, demands) }
}

extension Session {
    /// The documents behind a log's records, as far as they can be read.
    func records(of log: PetitionLog) async throws -> [Bytes32: [UInt8]] {
        var documents: [Bytes32: [UInt8]] = [:]
        for digest in Set(log.records.map(\.record.digest)) {
            // The first revision is the one that was recorded; whatever somebody adds later is not.
            do {
                let bytes = try await text(.init(.record, ID(digest)), revision: 1).plaintext
                if RecordDocument.digest(of: bytes) == digest { documents[digest] = bytes }
            } catch ClientError.noSuch, ClientError.noGroupKey, ClientError.objectForged, ClientError.rule { continue }
        }
        return documents
    }

    /// Checks that a vote is about a response in the petition's log, and uses the response's own words.
    func check(_ manifest: Manifest, _ document: PetitionDocument) async throws {
        guard let about = manifest.about else { return }
        guard let terms = RatificationTerms(document, of: manifest) else { throw ClientError.invalid(.voteTerms) }
        let log = try await petition(about.petition).log
        guard log.records.contains(where: { $0.record.what == .response && $0.record.digest == about.digest }),
            let bytes = try await records(of: log)[about.digest],
            let response = try? RecordDocument(parsing: bytes)
        else { throw ClientError.invalid(.voteResponse) }
        if let number = terms.differs(from: response, document) {
            throw ClientError.invalid(.voteWording, ["number": "\(number)"])
        }
    }
}

/// What a petition's negotiation is made of: the petition and the votes about it, which were read anonymously, and then
/// the records' documents, which were requested under the member's name.
struct NegotiationReading {
    private let view: PetitionView
    private let votes: [PetitionView]
    private let documents: [Bytes32: [UInt8]]

    /// Reads every petition anonymously first; requests under the member's name come afterwards.
    init(of id: ID<Petition>, by member: Member) async throws {
        let cosigner = member.cosigner
        let reading = try await cosigner.look(.everything)
        let view = try cosigner.view(of: id, in: reading)
        votes = reading.announced.filter { $0 != id }.compactMap { try? cosigner.view(of: $0, in: reading) }
            .filter { $0.petition.manifest.about?.petition == id }
        documents = try await member.session { try await $0.records(of: view.petition) }
        self.view = view
    }

    /// The current state of the negotiation.
    var current: NegotiationView {
        let negotiation = Negotiation(view.petition, document: view.document, records: documents)
        return NegotiationView(
            view: view, negotiation: negotiation,
            ratifications: ratifications(on: negotiation.responses).map(\.ratification),
            notes: view.petition.notes(in: view.workplace))
    }

    /// - Parameter responses: those in the petition's log, with their documents if they can be read.
    private func ratifications(
        on responses: [Bytes32: RecordDocument?]
    ) -> [(ratification: Ratification, view: PetitionView)] {
        votes.compactMap { view in
            // A vote about a response that was never recorded is ignored.
            guard let about = view.petition.manifest.about, responses.keys.contains(about.digest),
                let ratification = Ratification(
                    view.petition, view.petition.tally(in: view.workplace), document: view.document,
                    response: responses[about.digest] ?? nil)
            else { return nil }
            return (ratification, view)
        }
    }

    /// The whole history as one file.
    var history: NegotiationHistory {
        var written: Set<Bytes32> = []
        let responses = Negotiation(view.petition, document: nil, records: documents).responses
        return NegotiationHistory(
            petition: view.bundle,
            records: view.petition.records.compactMap {
                written.insert($0.record.digest).inserted ? documents[$0.record.digest] : nil
            },
            ratifications: ratifications(on: responses).map(\.view.bundle))
    }
}

extension NegotiationView {
    /// Drafts a vote on the newest response.
    /// - Throws: `ClientError.invalid` if there is no response, or it counters nothing.
    public func ratificationDraft(majority: Majority) throws -> RatificationDraft {
        guard let entry = negotiation.entries.last(where: { $0.record.what == .response }) else {
            throw ClientError.invalid(.noResponse)
        }
        guard let response = entry.document else { throw ClientError.invalid(.responseUnreadable) }
        let countered = Negotiation.countered(by: response)
        guard !countered.isEmpty else { throw ClientError.invalid(.nothingCountered) }
        let threads = negotiation.threads
        return RatificationDraft(
            terms: RatificationTerms(
                petition: view.petition.manifest.id, response: response.digest, demands: countered.map(\.number),
                majority: majority),
            language: view.document?.language ?? response.language,
            title: view.document?.title ?? "",
            demands: countered.map { .init(title: threads[$0.number - 1].title, text: $0.text) })
    }
}
