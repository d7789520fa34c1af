import CoSigning
import Petitions

/// A decision that a person has made but not sent yet. It is stored so that it survives a computer that is shut down
/// meanwhile. It is only in the encrypted keystore, and in no backup. It is removed when it is sent, forgotten or
/// replaced.
public struct Intention: Codable, Equatable, Sendable {
    /// One entry per question: 0 to abstain, or a choice from 1.
    public var choices: [UInt8]
    /// The remark; may be empty.
    public var remark: String
    /// The name to show; nil for none.
    public var name: String?
    /// The count at which the name opens.
    public var when: UInt32?
    /// The time before which it is not sent, in seconds since 1970.
    public var notBefore: UInt64

    /// Checks nothing; `PetitionView.clear` does, before it is sent.
    public init(choices: [UInt8], remark: String, name: ConditionalName?, notBefore: UInt64) {
        (self.choices, self.remark, self.notBefore) = (choices, remark, notBefore)
        (self.name, when) = (name?.text, name?.count)
    }

    /// The name and its count; nil for none.
    public var conditionalName: ConditionalName? {
        guard let name, let when else { return nil }
        return ConditionalName(name, when: when)
    }
}

extension Device {
    /// Everything that waits to be sent, by petition.
    public var intentions: [ID<Petition>: Intention] { state.intentions ?? [:] }

    /// Stores the decision for a petition; nil removes it.
    public func intend(_ intention: Intention?, in petition: ID<Petition>) throws {
        guard intentions[petition] != intention else { return }
        state.intentions = intentions.filter { $0.key != petition }
        if let intention { state.intentions?[petition] = intention }
        try save()
    }
}
