import Sodium

/// A person as errors and lists refer to them; the caller words it.
public struct NamedMember: Sendable, Hashable {
    /// Their place in the order of admission, from 1; nil for somebody who is not in the roster.
    public let number: Int?
    /// The sign key.
    public let key: Bytes32
    /// Their pseudonym in the workplace.
    public let pseudonym: String?
    /// Whether the pseudonym could be mistaken for somebody else's.
    public let isConfusable: Bool
    /// The key of the invite that admitted them, by which the organisers' directory may know them.
    public let invite: Bytes32?

    /// Checks nothing.
    public init(
        number: Int?, key: Bytes32, pseudonym: String? = nil, isConfusable: Bool = false, invite: Bytes32? = nil
    ) {
        (self.number, self.key, self.pseudonym, self.isConfusable) = (number, key, pseudonym, isConfusable)
        self.invite = invite
    }
}

extension WorkplaceLog {
    /// A member by number and key.
    public func person(_ key: Bytes32, pseudonym: String? = nil, isConfusable: Bool = false) -> NamedMember {
        NamedMember(
            number: number(of: key), key: key, pseudonym: pseudonym, isConfusable: isConfusable,
            invite: member(key)?.inviteKey)
    }
}
