import Petitions
import Templates

/// The choices of a question as words.
package enum Choices {
    /// From choice 0: what people read.
    package static func all(of kind: Manifest.Kind, in texts: Messages = Words.texts) -> [String] {
        let abstain = texts("choice.abstain")
        switch kind {
        case .petition: return [abstain, texts("choice.support"), texts("choice.oppose")]
        case .ratification: return [abstain, texts("choice.accept"), texts("choice.reject")]
        }
    }

    /// From choice 0: what scripts write, in every language.
    package static func facts(of kind: Manifest.Kind) -> [String] {
        switch kind {
        case .petition: ["abstain", "support", "oppose"]
        case .ratification: ["abstain", "accept", "reject"]
        }
    }

    package static func word(_ choice: Int, of kind: Manifest.Kind) -> String {
        let known = all(of: kind)
        return known.indices.contains(choice)
            ? known[choice] : words("choice.numbered", ["number": "\(choice)"])
    }
}
