import Presentation
import ArgumentParser
import Client
import Foundation
import Petitions

/// Something that a command is about.
struct Nameable<Value> {
    /// In hexadecimal. A petition has two: one while it is prepared, and its own.
    let ids: [String]
    let title: String
    let value: Value
}

/// Names of things as people give them: a number from a list, the first characters of an id, or words of a title; or no
/// name at all, where only one thing fits.
enum Naming {
    /// - Parameters:
    ///   - all: in the order in which lists number them.
    ///   - fits: what a command can do something with. Without a name only those are offered, unless there are none.
    /// - Throws: `ClientError.noSuch`; `.ambiguous` where several fit and nobody can be asked.
    static func choose<Value>(
        _ name: String?, among all: [Nameable<Value>], _ what: ClientError.Noun, fits: (Value) -> Bool = { _ in true }
    ) throws -> Value {
        guard let name = name?.trimmingCharacters(in: .whitespacesAndNewlines), !name.isEmpty else {
            let fitting = all.filter { fits($0.value) }
            return try which(fitting.isEmpty ? all : fitting, what)
        }
        if let number = Answers.number(name), name.count < 8, all.indices.contains(number - 1) {
            return all[number - 1].value
        }
        let digits = name.lowercased()
        let isBeginning = digits.count >= 4 && digits.allSatisfy { $0.isASCII && $0.isHexDigit }
        let begun = isBeginning ? all.filter { $0.ids.contains { $0.hasPrefix(digits) } } : []
        return try which(begun.isEmpty ? titled(name, all) : begun, what)
    }

    /// What has exactly this title, or else has these words in it.
    static func titled<Value>(_ text: String, _ all: [Nameable<Value>]) -> [Nameable<Value>] {
        let exact = all.filter { $0.title.compare(text, options: [.caseInsensitive]) == .orderedSame }
        return exact.isEmpty ? all.filter { $0.title.range(of: text, options: [.caseInsensitive]) != nil } : exact
    }

    /// The only one; of several the one that the person chooses by its title.
    static func which<Value>(_ named: [Nameable<Value>], _ what: ClientError.Noun) throws -> Value {
        guard let first = named.first else { throw ClientError.noSuch(what) }
        guard named.count > 1 else { return first.value }
        for (i, one) in named.enumerated() {
            let id = String((one.ids.last ?? "").prefix(8))
            Terminal.note("\(i + 1)  \(Terminal.harmless(one.title))  \(Terminal.faint(id))")
        }
        guard Terminal.canAsk else { throw ClientError.ambiguous(what) }
        return named[try Terminal.choosePlace(words("ask.which", ["count": "\(named.count)"]), among: named.count)]
            .value
    }
}

/// `--yes`: what cannot be taken back is asked about on a terminal, and must be agreed to beforehand where there is none.
struct Consent: ParsableArguments {
    @Flag(help: help("yes"))
    var yes = false

    /// Before anything is read, or waited for.
    /// - Throws: `ClientError.invalid(.consentMissing)`.
    func requireSomebody() throws {
        guard yes || Terminal.canAsk else { throw ClientError.invalid(.consentMissing) }
    }

    /// Whether the person agrees, here or by `--yes`.
    func given(_ question: String) throws -> Bool {
        try requireSomebody()
        return try yes || Terminal.confirms(question)
    }
}
