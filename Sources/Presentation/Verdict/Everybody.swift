import Petitions
import Templates

/// What anonymity cannot hide: if everybody who could sign did, each of them is known to have; and if all of them chose
/// the same, how each answered is known too.
package struct Everybody {
    /// Whether everybody who could sign did.
    package let isComplete: Bool
    /// The demands on which all of them chose the same, from 1.
    package let unanimous: [Int]
    private let ring: Int

    package init(_ audited: AuditedPetition) { self.init(audited.tally) }

    package init(_ tally: Tally) {
        self.init(ring: tally.ring, cosignatures: tally.cosignatures, questions: tally.questions ?? [])
    }

    /// - Parameter questions: ballots for each choice of each demand, abstaining first; none while they are sealed.
    package init(ring: Int, cosignatures: Int, questions: [[Int]]) {
        self.ring = ring
        isComplete = ring > 0 && cosignatures >= ring
        unanimous = (isComplete ? questions : []).enumerated()
            // A spoiled ballot may have been anybody's.
            .filter { Disclosure.isUnanimous($0.element) && $0.element.reduce(0, +) >= ring }.map {
                $0.offset + 1
            }
    }

    /// Nothing unless everybody signed.
    package func lines(_ texts: Messages) -> [String] {
        guard isComplete else { return [] }
        let signed = texts("everybody.signed", count: ring)
        guard !unanimous.isEmpty else { return [signed] }
        let numbers = texts.list(unanimous.map { "\($0)" })
        return [signed, texts("everybody.answers", ["numbers": numbers], count: unanimous.count)]
    }
}
