import ArgumentParser
import Client
import Foundation
import Petitions
import Presentation
import Templates

/// `--hide-below`.
struct DisclosureOptions: ParsableArguments {
    @Option(help: help("hideBelow", "ballots"))
    var hideBelow: Int?

    mutating func validate() throws {
        guard hideBelow.map({ (0...1000).contains($0) }) ?? true else {
            throw ValidationError(words("usage.hideBelow"))
        }
    }

    /// What the person chose, else the guarded figures.
    var disclosure: Disclosure { chosen ?? .standard }

    /// Nil where the person has not chosen.
    var chosen: Disclosure? { hideBelow.map(Disclosure.init(minimum:)) }

    /// What is to be written for others to read: both outcomes are shown first, and the person chooses between them where
    /// there is a terminal and no `--hide-below`. Without a terminal it is the guarded one, and that is said.
    /// - Parameter history: whose figures are written.
    func chosen(for history: AuditedHistory) throws -> Disclosure {
        let everybody = Everybody(history.petition).lines(Words.texts)
        if !everybody.isEmpty {
            for line in everybody { Terminal.line(Terminal.bold(line)) }
            Terminal.line(words("choose.everybody"))
            Terminal.line()
        }
        let guarded = Outcome(history, .standard)
        if let chosen { return chosen }
        guard guarded.isHiding else { return .standard }
        Terminal.line(words("choose.head"))
        Terminal.line()
        Terminal.line(Terminal.bold(words("choose.guarded")))
        guarded.show()
        Terminal.line(words("choose.why", ["minimum": "\(Disclosure.standard.minimum)"]))
        Terminal.line()
        Terminal.line(Terminal.bold(words("choose.exact")))
        Outcome(history, .exact).show()
        Terminal.line(words("choose.exactWhy"))
        Terminal.line()
        guard Terminal.canAsk else {
            Terminal.line(words("choose.noTerminal"))
            return .standard
        }
        do {
            return try Terminal.choosePlace(words("choose.ask"), among: 2) == 0 ? .standard : .exact
        } catch is ClientError {
            // The end of the input is no choice, and what goes to the employer is not guessed.
            Terminal.line(words("choose.stopped"))
            throw ExitCode(2)
        }
    }
}
