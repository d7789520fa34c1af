import Presentation
import ArgumentParser
import Client
import CoSigning
import Foundation
import Petitions

/// Which petition a command is about, as people name it: by an id in any form that they paste, by the beginning of one, by words of its
/// title; or not at all, where only one fits.
struct PetitionArgument: ParsableArguments {
    @Argument(help: help("petitionID"))
    var petition: String?

    /// What a name can mean.
    enum Meaning: Equatable {
        case id(ID<Petition>)
        /// At least four hexadecimal digits; as a title where no id begins so.
        case beginning(String)
        case title(String)
    }

    /// What mail programs, messengers and terminals leave around an id, and the page that shows a petition, are taken away.
    static func meaning(_ name: String) -> Meaning? {
        let ignored = CharacterSet.whitespacesAndNewlines.union(
            .init(charactersIn: "\"'“”„‘’«»<>()[]…,;\u{200b}\u{feff}"))
        var bare = name.trimmingCharacters(in: ignored)
        let digits = GivenID.clean(bare).filter { $0 != "-" }
        if !digits.isEmpty, digits.utf8.count <= 64, digits.utf8.allSatisfy({ Character(.init($0)).isHexDigit }) {
            if let id = ID<Petition>(hex: digits) { return .id(id) }
            if digits.count >= 4 { return .beginning(digits) }
        }
        while bare.hasSuffix(".") { bare.removeLast() }
        return bare.isEmpty ? nil : .title(bare)
    }

    private static func known(_ name: String?) throws -> Meaning? {
        guard let name else { return nil }
        try reject(name)
        guard let meaning = meaning(name) else { throw ClientError.noSuch(.petition) }
        return meaning
    }

    /// What is read before it is known which petition is meant. The beginning of an id may be the word of a title.
    static func scope(_ name: String?) throws -> Run.Scope {
        guard case .id(let id)? = try known(name) else { return .everything }
        return .petition(id)
    }

    /// The choice among what was read.
    /// - Parameters:
    ///   - none: why none fits; nil where that is where each petition stands.
    ///   - fits: what a command can do something with; without a name only those are offered.
    static func choosing(
        _ name: String?, _ cosigner: CoSigner, none: ClientError.Invalid? = nil,
        fits: @escaping (PetitionSummary) -> Bool
    ) throws -> CoSigner.Choosing {
        let meaning = try known(name)
        return { reading in
            if case .petition = reading.scope { return try CoSigner.wanted(reading) }
            return try choose(meaning, among: cosigner.summaries(in: reading), none: none, fits: fits)
        }
    }

    /// Says why none fits.
    private static func noneFits(_ summaries: [PetitionSummary], _ none: ClientError.Invalid?) -> ClientError {
        guard !summaries.isEmpty else { return .invalid(.noPetitionYet) }
        if let none { return .invalid(none) }
        let states = summaries.suffix(3).map { summary -> String in
            let state = summary.log.map { $0.closure == nil ? words("petition.open") : words("petition.closed") }
            return words(
                "ask.stateOf",
                ["title": PetitionText.title(summary), "state": state ?? words("petition.announced")])
        }
        return .invalid(.noPetitionFits, ["states": Words.clauses(states)])
    }

    /// Anybody can verify a file, without a keystore and without the service.
    func rejectFile() throws { try petition.map(Self.reject) }

    private static func reject(_ name: String) throws {
        guard BundleFile.isOurs(name) else { return }
        throw ClientError.invalid(.verifyFile, ["file": ShellQuoting.file(name)])
    }

    func scope() throws -> Run.Scope { try Self.scope(petition) }

    func choosing(
        _ cosigner: CoSigner, none: ClientError.Invalid? = nil,
        fits: @escaping (PetitionSummary) -> Bool = { $0.view != nil }
    ) throws -> CoSigner.Choosing {
        try Self.choosing(petition, cosigner, none: none, fits: fits)
    }

    /// The same for what is done under the member's name. What is read for it comes before the session, which signs requests.
    func find(_ member: Member, fits: @escaping (PetitionSummary) -> Bool = { $0.view != nil }) async throws
        -> ID<Petition>
    {
        if case .id(let id)? = try Self.known(petition) { return id }
        return try choosing(member.cosigner, fits: fits)(try await member.cosigner.look(.everything))
    }

    static func choose(
        _ meaning: Meaning?, among summaries: [PetitionSummary], none: ClientError.Invalid? = nil,
        fits: (PetitionSummary) -> Bool
    ) throws -> ID<Petition> {
        func nameable(_ summaries: [PetitionSummary]) -> [Nameable<ID<Petition>>] {
            summaries.map {
                Nameable(ids: [$0.id.hex], title: $0.view?.document?.title ?? words("tally.noWording"), value: $0.id)
            }
        }
        let all = nameable(summaries)
        switch meaning {
        case .id(let id): return id
        case .beginning(let digits):
            let beginning = all.filter { $0.ids.contains { $0.hasPrefix(digits) } }
            return try Naming.which(beginning.isEmpty ? Naming.titled(digits, all) : beginning, .petition)
        case .title(let text): return try Naming.which(Naming.titled(text, all), .petition)
        case nil:
            let fitting = summaries.filter(fits)
            if fitting.isEmpty { throw noneFits(summaries, none) }
            return try Naming.which(nameable(fitting), .petition)
        }
    }
}
