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

    /// Names that share a form with one letter left out are compared with so many that follow; more only makes a hint longer.
    private static let mostNeighbours = 32

    /// Pairs among the names, by index. Every name that has a like one is in a pair, and the first name is paired with all that are like
    /// it. Of others that are all the same, each is paired with the first of them: the work and the pairs do not grow with the square of
    /// the names.
    public static func pairs(_ names: [String]) -> [Pair] {
        let plain = names.map(plain)
        let skeletons = plain.map(skeleton)
        var pairs: [Pair] = []
        var seen: Set<Int> = []
        func note(_ a: Int, _ b: Int, _ likeness: Likeness) {
            let (first, second) = (min(a, b), max(a, b))
            if a != b, seen.insert(first * names.count + second).inserted {
                pairs.append(Pair(first: first, second: second, likeness: likeness))
            }
        }
        for (forms, likeness) in [(names.map(exact), Likeness.same), (plain, .alike), (skeletons, .alike)] {
            for group in groups(forms.map { [$0] }) {
                for other in group.dropFirst() { note(group[0], other, likeness) }
            }
        }
        // Two words one letter apart share a form with one letter left out.
        var known: Set<String> = []
        let shortened = skeletons.map { name in
            // Of those that are the same, one stands for all.
            guard name.count >= 5, known.insert(name).inserted else { return [String]() }
            return [name]
                + name.indices.map { place in
                    var left = name
                    left.remove(at: place)
                    return left
                }
        }
        for group in groups(shortened) {
            let letters = group.map { Array(skeletons[$0]) }
            for (i, a) in group.enumerated() {
                let end = i == 0 ? group.count : min(group.count, i + 1 + mostNeighbours)
                for j in (i + 1)..<max(end, i + 1) where isOneApart(letters[i], letters[j]) {
                    note(a, group[j], .alike)
                }
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
