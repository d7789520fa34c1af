import Client

/// Names that could be taken for one another. In a list of thousands there are thousands of such pairs, and nobody reads all of them.
package enum LikenessText {
    package static let most = 20

    /// - Parameter tell: given a sentence at a time: names that are alike, then those that are the same.
    package static func show(
        _ pairs: [(first: String, second: String, likeness: Likeness)], _ tell: (String) -> Void
    ) {
        for (likeness, key) in [(Likeness.alike, Words.key("invite.alike")), (.same, Words.key("invite.same"))] {
            let found = pairs.filter { $0.likeness == likeness }
            for pair in found.prefix(most) {
                tell(words(key, ["first": Terminal.harmless(pair.first), "second": Terminal.harmless(pair.second)]))
            }
            guard found.count > most else { continue }
            let more = likeness == .same ? Words.key("invite.sameMore") : Words.key("invite.alikeMore")
            tell(words(more, count: found.count - most))
        }
    }
}
