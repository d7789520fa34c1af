import Foundation

/// Whether people could mistake two names for one another: the same, or alike. A person decides what that means.
public enum Likeness: String, Sendable {
    /// Equal except for case, width, spaces and the order of the parts.
    case same
    /// Equal except for accents, tones and other marks, or for one letter, or for letters of another script that look
    /// the same. In many languages these are different names, so this is only a hint and stops nobody.
    case alike

    /// Two names that are the same or alike.
    public struct Pair: Sendable, Equatable {
        /// The index of the first name.
        public let first: Int
        /// The index of the second name.
        public let second: Int
        /// How similar they are.
        public let likeness: Likeness
    }

    /// All such pairs among the names, by index.
    public static func pairs(_ names: [String]) -> [Pair] {
        let exact = names.map(exact)
        let plain = names.map(plain)
        let skeletons = plain.map(skeleton)
        var pairs: [Pair] = []
        var seen: Set<[Int]> = []
        func note(_ a: Int, _ b: Int, _ likeness: Likeness) {
            let key = [min(a, b), max(a, b)]
            if a != b, seen.insert(key).inserted {
                pairs.append(Pair(first: key[0], second: key[1], likeness: likeness))
            }
        }
        for group in groups(exact.map { [$0] }) { each(group) { note($0, $1, .same) } }
        for group in groups(plain.map { [$0] }) { each(group) { note($0, $1, .alike) } }
        for group in groups(skeletons.map { [$0] }) { each(group) { note($0, $1, .alike) } }
        // Two words that differ in one letter share a form with one letter left out.
        let shortened = skeletons.map { name in
            guard name.count >= 5 else { return [String]() }
            return [name]
                + name.indices.map { place in
                    var left = name
                    left.remove(at: place)
                    return left
                }
        }
        for group in groups(shortened) {
            each(group) { a, b in
                if isOneApart(Array(skeletons[a]), Array(skeletons[b])) { note(a, b, .alike) }
            }
        }
        return pairs.sorted { ($0.first, $0.second) < ($1.first, $1.second) }
    }

    private static func groups(_ forms: [[String]]) -> [[Int]] {
        var places: [String: [Int]] = [:]
        for (i, forms) in forms.enumerated() {
            for form in Set(forms) where !form.isEmpty { places[form, default: []].append(i) }
        }
        return places.values.filter { $0.count > 1 }
    }

    private static func each(_ group: [Int], _ body: (Int, Int) -> Void) {
        for (i, a) in group.enumerated() { for b in group[(i + 1)...] { body(a, b) } }
    }

    private static func isOneApart(_ a: [Character], _ b: [Character]) -> Bool {
        guard abs(a.count - b.count) <= 1 else { return false }
        let head = zip(a, b).prefix { $0 == $1 }.count
        let tail = zip(a.dropFirst(head).reversed(), b.dropFirst(head).reversed()).prefix { $0 == $1 }.count
        let (left, right) = (a.count - head - tail, b.count - head - tail)
        if left == 2, right == 2 { return a[head] == b[head + 1] && a[head + 1] == b[head] }
        return max(left, right) <= 1
    }

    /// The form that two names have in common if they are the same: compatibility characters (full width, ligatures)
    /// normalised, lower case, without white space and characters that do not show, and with the parts in alphabetical
    /// order.
    public static func exact(_ name: String) -> String {
        let folded = name.precomposedStringWithCompatibilityMapping.lowercased().replacing("ß", with: "ss")
            .replacing("ς", with: "σ")
        let seen = folded.unicodeScalars.filter { !$0.properties.isDefaultIgnorableCodePoint }
        let parts = String(String.UnicodeScalarView(seen)).split { $0.isWhitespace }.map(String.init)
        // Where names are written without spaces, a space between characters does not make a different order.
        let isHan = parts.joined().unicodeScalars.allSatisfy(\.properties.isIdeographic)
        return (isHan ? parts : parts.sorted()).joined()
    }

    /// Lower case, without accents, with the parts in alphabetical order and without the separators between them.
    static func plain(_ name: String) -> String {
        let folded = name.decomposedStringWithCompatibilityMapping.lowercased().unicodeScalars
            .filter { $0.properties.generalCategory != .nonspacingMark }
        return String(String.UnicodeScalarView(folded)).split { !$0.isLetter && !$0.isNumber }.map(String.init).sorted()
            .joined()
    }

    /// Replaces letters that look like Latin ones by those (the common ones of Unicode Technical Standard 39).
    private static func skeleton(_ plain: String) -> String { String(plain.map { lookAlikes[$0] ?? $0 }) }

    private static let lookAlikes: [Character: Character] = [
        "а": "a", "е": "e", "о": "o", "р": "p", "с": "c", "у": "y", "х": "x", "і": "i", "ј": "j", "ѕ": "s", "һ": "h",
        "к": "k", "м": "m", "т": "t", "в": "b", "н": "h", "ԁ": "d", "ο": "o", "α": "a", "ν": "v", "ρ": "p", "ι": "i",
        "κ": "k", "τ": "t", "υ": "u", "χ": "x", "0": "o", "1": "l", "ı": "i", "ø": "o", "ł": "l", "đ": "d",
    ]
}
