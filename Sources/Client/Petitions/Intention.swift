import CoSigning
import Petitions

/// What a person has decided to send and what has not been sent: a computer that is shut meanwhile does not lose it. It stands in the
/// encrypted keystore only, in no backup, and goes when it is sent, forgotten or replaced.
public struct Intention: Codable, Equatable, Sendable {
    public var choices: [UInt8]
    public var remark: String
    /// The name to show, and the count at which it opens.
    public var name: String?
    public var when: UInt32?
    /// Unix seconds before which it is not sent.
    public var notBefore: UInt64

    public init(choices: [UInt8], remark: String, name: ConditionalName?, notBefore: UInt64) {
        (self.choices, self.remark, self.notBefore) = (choices, remark, notBefore)
        (self.name, when) = (name?.text, name?.count)
    }

    public var conditionalName: ConditionalName? {
        guard let name, let when else { return nil }
        return ConditionalName(name, when: when)
    }
}

extension Device {
    /// What waits to be sent, by petition.
    public var intentions: [ID<Petition>: Intention] { state.intentions ?? [:] }

    /// Keeps what is to be sent to a petition; nil when nothing is.
    public func intend(_ intention: Intention?, in petition: ID<Petition>) throws {
        guard intentions[petition] != intention else { return }
        state.intentions = intentions.filter { $0.key != petition }
        if let intention { state.intentions?[petition] = intention }
        try save()
    }
}
