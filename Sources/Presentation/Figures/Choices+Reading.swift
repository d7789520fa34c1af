import Petitions
import Templates

extension Choices {
    private static let languages = Language.allCases.compactMap {
        try? Messages($0, directory: TemplateLibrary.standardDirectory())
    }

    /// The choice that a word means, in any of the languages, or by number.
    package static func choice(_ text: String, of kind: Manifest.Kind) -> UInt8? {
        let text = Answers.folded(text)
        for list in [facts(of: kind), ["0", "1", "2"]] + languages.map({ all(of: kind, in: $0) }) {
            if let place = list.firstIndex(of: text) { return UInt8(place) }
        }
        return nil
    }
}
