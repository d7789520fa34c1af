import ScalarClasses
import Testing

@Suite("Classes of Unicode scalars")
struct ScalarClassesTests {
    @Test("Each class is the standard library's, for every scalar")
    func all() {
        var differing: [String] = []
        for value in UInt32(0)...0x10ffff {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let known = scalar.properties
            let category = known.generalCategory
            for (name, isOurs, isTheirs) in [
                ("control", scalar.isControl, category == .control),
                ("format", scalar.isFormat, category == .format),
                ("space", scalar.isSpaceSeparator, category == .spaceSeparator),
                (
                    "separator", scalar.isLineOrParagraphSeparator,
                    category == .lineSeparator || category == .paragraphSeparator
                ),
                ("private use", scalar.isPrivateUse, category == .privateUse),
                ("white space", scalar.isWhiteSpace, known.isWhitespace),
                ("ignorable", scalar.isDefaultIgnorable, known.isDefaultIgnorableCodePoint),
                ("variation", scalar.isVariationSelector, known.isVariationSelector),
            ] where isOurs != isTheirs {
                differing.append("\(name) U+\(String(value, radix: 16))")
            }
        }
        #expect(differing.isEmpty, "\(differing.prefix(20))")
    }
}
