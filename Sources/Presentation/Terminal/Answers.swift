import Foundation

/// What people type as answers, read alike at every question: with the letters and digits of any input method, and with the marks that
/// menus show behind numbers.
package enum Answers {
    private static let marks = CharacterSet(charactersIn: ".,:;)(]['\"。、，；：）（！!“”").union(.whitespacesAndNewlines)
    private static let yes: Set<String> = ["y", "yes", "是", "是的", "好", "好的", "确定", "确认", "对"]
    private static let no: Set<String> = ["n", "no", "否", "不", "不是", "不要", "取消"]
    private static let leaving: Set<String> = ["q", "quit", "exit", "退出", "离开"]

    /// Full-width forms and capitals become plain ones, and the marks around an answer go.
    package static func folded(_ text: String) -> String {
        text.precomposedStringWithCompatibilityMapping.trimmingCharacters(in: marks).lowercased()
    }

    /// Nil for what is neither a yes nor a no.
    package static func agreement(_ text: String) -> Bool? {
        let answer = folded(text)
        return yes.contains(answer) ? true : no.contains(answer) ? false : nil
    }

    /// Whether it says no, where a question takes other things than a yes.
    package static func refuses(_ text: String) -> Bool { agreement(text) == false }

    /// Whether it leaves a sitting.
    package static func leaves(_ text: String) -> Bool { leaving.contains(folded(text)) }

    /// A whole number that is within the range; nil for everything else.
    package static func number(_ text: String, in range: ClosedRange<Int> = 1...Int(UInt32.max)) -> Int? {
        let answer = folded(text)
        guard !answer.isEmpty, answer.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(answer) else {
            return nil
        }
        return range.contains(number) ? number : nil
    }

    /// What stands between commas of any kind.
    /// - Parameters:
    ///   - atSpaces: whether spaces separate too; names have spaces within.
    ///   - withGaps: whether nothing between two commas is in the list too, where places count.
    package static func list(_ text: String, atSpaces: Bool = false, withGaps: Bool = false) -> [String] {
        text.split(omittingEmptySubsequences: false) { ",，、;；﹐﹑､".contains($0) || atSpaces && $0.isWhitespace }
            .map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }.filter { withGaps || !$0.isEmpty }
    }

    /// Numbers within the range, each once; nil if anything else is among them.
    package static func numbers(_ text: String, in range: ClosedRange<Int>) -> [Int]? {
        var numbers: [Int] = []
        for part in list(text, atSpaces: true) {
            guard let number = number(part, in: range) else { return nil }
            if !numbers.contains(number) { numbers.append(number) }
        }
        return numbers.isEmpty ? nil : numbers
    }
}

/// Questions that are asked until the answer is one of those that they take.
extension Terminal {
    /// A yes or a no, with the answer for Enter in capitals; anything else is asked again.
    /// - Parameters:
    ///   - otherwise: what Enter means.
    ///   - ask: asks and returns what was typed.
    package static func agreement(
        _ question: String, otherwise: Bool = false, ask: (String) throws -> String
    ) rethrows -> Bool {
        let whole = question + " " + (otherwise ? words("ask.yesOrNo") : words("ask.noOrYes")) + " "
        while true {
            // An answer that was typed before there was a question is no answer to it.
            dropTypedAhead()
            let answer = try ask(whole)
            if answer.trimmingCharacters(in: .whitespaces).isEmpty { return otherwise }
            if let agreed = Answers.agreement(answer) { return agreed }
            note(words("ask.yesOrNoAgain"))
        }
    }

    /// A number up to `count`, or one of the letters; anything else is asked again.
    /// - Parameters:
    ///   - letters: each an answer too.
    ///   - otherwise: what Enter means; nil if it is no answer.
    /// - Returns: the place in a list, from 0; nil for a letter.
    package static func choice(
        _ question: String, among count: Int, letters: String = "", otherwise: String? = nil,
        ask: (String) throws -> String
    ) rethrows -> (place: Int?, letter: String) {
        while true {
            // A number means what this list shows: one that was typed before the list was there meant another.
            dropTypedAhead()
            var answer = try ask(question)
            if answer.trimmingCharacters(in: .whitespaces).isEmpty, let otherwise { answer = otherwise }
            let letter = Answers.folded(answer)
            if letter.count == 1, letters.contains(letter) { return (nil, letter) }
            if count > 0, let number = Answers.number(answer, in: 1...count) { return (number - 1, "") }
            note(canAnswer(count, letters: letters))
        }
    }

    private static func canAnswer(_ count: Int, letters: String) -> String {
        let numbers = count > 3 ? ["1–\(count)"] : (0..<count).map { "\($0 + 1)" }
        let all = numbers + letters.map(String.init)
        return words("ask.choiceAgain", ["answers": Words.list(all)])
    }

    /// What was typed on the terminal and nobody has read yet is dropped; a file or a pipe stays as it is.
    package static func dropTypedAhead() {
        guard canAsk else { return }
        tcflush(STDIN_FILENO, TCIFLUSH)
    }
}
