// docs/protocol.md, section 6, "Names on a condition"

import Sodium

/// The conditional names of one petition: those that wait, and those that are open.
public struct ConditionalNames: Sendable {
    /// The names that open at one count.
    public struct Level: Sendable, Hashable {
        /// The number of co-signatures at which the names open.
        public let count: UInt32
        /// How many standing co-signatures have a name at this level.
        public let names: Int
        /// How many trustees have released their key of it.
        public let released: Int
        /// Whether enough trustees have released their keys.
        public let isOpen: Bool
    }

    /// A claim by a member. The proof shows which member made it, not that the name is theirs.
    public struct Claim: Sendable, Hashable {
        /// The member who made the claim.
        public let person: NamedMember
        /// The claimed name.
        public let name: String
        /// The member's name in the organisers' directory, if it differs. Nil for members who cannot read the
        /// directory.
        public let listedAs: String?
    }

    /// In the order of the manifest.
    public let levels: [Level]
    /// The open names, in the order of the ring.
    public let claims: [Claim]
    /// How many trustees must release their keys.
    public let threshold: UInt8
}

extension ConditionalNames {
    /// The names of an audited petition, without the directory.
    public init(_ audited: AuditedPetition) {
        self.init(audited, person: { audited.workplace.person($0) }, listed: { _, _ in nil })
    }

    /// The names of an audited petition.
    /// - Parameters:
    ///   - person: whom a key belongs to.
    ///   - listed: what the directory calls the owner of a key, if that is not the name that they gave.
    public init(
        _ audited: AuditedPetition, person: (Bytes32) -> NamedMember, listed: (Bytes32, _ given: String) -> String?
    ) {
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
            return Claim(person: person(key), name: name.name, listedAs: listed(key, name.name))
        }
    }
}
