// docs/protocol.md, section 6, "Names on a condition"

import CoSigning
import Foundation
import Petitions
import Sodium

/// Names on a condition of one petition: what waits, and what is open.
public struct ConditionalNames: Sendable {
    public struct Level: Sendable, Hashable {
        /// Names open once so many co-signatures stand.
        public let count: UInt32
        /// Standing co-signatures with a name at this level.
        public let names: Int
        /// Trustees who have released their key of it.
        public let released: Int
        public let isOpen: Bool
    }

    /// A claim by a member: the proof says which member, not that the name is theirs.
    public struct Claim: Sendable, Hashable {
        public let person: NamedMember
        public let name: String
        /// What the organisers' directory has for this member, when it is another name. Nil for members who cannot read it.
        public let listedAs: String?
    }

    public let levels: [Level]
    /// In the order of the ring.
    public let claims: [Claim]
    public let threshold: UInt8
}

extension ConditionalNames {
    public init(_ audited: AuditedPetition) { self.init(audited, people: nil, directory: [:]) }

    init(_ audited: AuditedPetition, people: People?, directory: [Bytes32: String]) {
        let (log, workplace) = (audited.petition, audited.workplace)
        threshold = log.manifest.threshold
        levels = log.manifest.levels.enumerated().map { i, level in
            Level(
                count: level.count,
                names: log.tags.values.count { $0.action == .sign && Int($0.level) == i + 1 },
                released: log.released[i + 1].count, isOpen: log.isReleased(i + 1))
        }
        let seats = log.seats(in: workplace)
        claims = audited.names.compactMap { (name) -> Claim? in
            guard seats.indices.contains(name.member) else { return nil }
            let key = seats[name.member]
            let listed = directory[key].flatMap { Likeness.plain($0) == Likeness.plain(name.name) ? nil : $0 }
            return Claim(person: people?.person(key) ?? workplace.person(key), name: name.name, listedAs: listed)
        }
    }
}

extension Member {
    /// The names of a petition, from its log as it is now, read anonymously before the directory is asked for.
    /// - Throws: `ClientError.coSigning(.serviceFaults)` when anything in it does not hold.
    public func names(_ id: ID<Petition>) async throws -> ConditionalNames {
        try await names(try await cosigner.view(id))
    }

    /// The same for a petition that was just read.
    public func names(_ view: PetitionView) async throws -> ConditionalNames {
        let audited = try CoSigner.audited(view.bundle)
        return try await session { session in
            let people = try await session.people()
            // Organisers, who may read the directory, see where a claim and the directory differ.
            let directory = session.isOrganiser ? try await session.directory().names : [:]
            return ConditionalNames(audited, people: people, directory: directory)
        }
    }
}
