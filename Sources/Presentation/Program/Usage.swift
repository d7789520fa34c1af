import ArgumentParser
import Foundation
import Templates

/// Help and wrong usage in the person's language. The parser speaks English: what it says of a mistake is recognised, and said in our words;
/// what nobody recognises is shown as the parser says it.
package enum Usage {
    /// Prints what the parser has to say, and where it belongs; an exit code that a command chose says nothing.
    /// - Parameter arguments: those that were given.
    package static func tell(_ error: any Error, of root: any ParsableCommand.Type, _ arguments: [String]) {
        let full = root.fullMessage(for: error, columns: columns)
        guard root.exitCode(for: error) != .success else {
            if !full.isEmpty { Terminal.raw(help(full)) }
            return
        }
        guard root.exitCode(for: error) == .validationFailure else { return }
        let names = CommandNames(root)
        if let unknown = names.unknown(in: arguments) { return Terminal.error(unknown, "") }
        Terminal.error(say(root.message(for: error)), "")
        let (command, path) = names.command(in: arguments)
        Terminal.note(words("usage.usage") + usage(of: command, root))
        let more = ([root._commandName] + path + ["--help"]).joined(separator: String(Wrapping.glue))
        Terminal.note("  " + words("usage.more", ["command": more]))
    }

    private static func usage(of command: any ParsableCommand.Type, _ root: any ParsableCommand.Type) -> String {
        // The command that the bare program runs has a name of its own, which nobody types.
        if command == root, let bare = root.configuration.defaultSubcommand {
            return root.usageString(for: bare).replacing(" " + bare._commandName, with: "")
        }
        return root.usageString(for: command)
    }

    /// Of the terminal. Wide characters take two cells, which the parser does not know; lines that are too long are broken again.
    private static var columns: Int? { isatty(STDOUT_FILENO) == 1 ? Columns.width : nil }

    // MARK: Mistakes

    /// What the parser says of a mistake, in the person's language.
    package static func say(_ message: String) -> String {
        let first = message.split(separator: "\n", maxSplits: 1).first.map(String.init) ?? ""
        return option(first) ?? argument(first) ?? message
    }

    private static func option(_ text: String) -> String? {
        if let match = text.wholeMatch(of: /Unknown option '(.+?)'(?:\. Did you mean '(.+?)'\?)?/) {
            let option = String(match.1)
            guard let like = match.2 else { return words("usage.unknownOption", ["option": option]) }
            return words("usage.unknownOptionLike", ["option": option, "like": String(like)])
        }
        if let match = text.wholeMatch(of: /Missing value for '(.+)'/) {
            return words("usage.missingValue", ["option": String(match.1)])
        }
        if let match = text.wholeMatch(of: /The option '(.+?)' does not take any value, but '(.*)' was specified\./) {
            return words("usage.noValue", ["option": String(match.1), "value": String(match.2)])
        }
        if let match = text.wholeMatch(of: /Value to be set with (.+) had already been set with (.+)/) {
            return words("usage.twice", ["first": String(match.2), "second": String(match.1)])
        }
        return nil
    }

    private static func argument(_ text: String) -> String? {
        if let match = text.wholeMatch(of: /Missing expected argument '(.+)'/) {
            return words("usage.missing", ["what": String(match.1)])
        }
        if let match = text.wholeMatch(of: /Missing one of: '(.+)'/) {
            return words("usage.missingOne", ["what": String(match.1).replacing("', '", with: ", ")])
        }
        if let match = text.wholeMatch(of: /Unexpected argument '(.*)'/) {
            return words("usage.unexpected", ["what": String(match.1)])
        }
        if let match = text.wholeMatch(of: /\d+ unexpected arguments: '(.*)'/) {
            return words("usage.unexpected", ["what": String(match.1).replacing("', '", with: " ")])
        }
        if text == Self.subcommand { return words("usage.subcommand") }
        let invalid = /^The value '(.*?)' is invalid for '(.+?)'(?:\. Please provide one of (.+)\.)?/
        if let match = text.firstMatch(of: invalid) {
            let values = ["value": String(match.1), "option": String(match.2)]
            guard let allowed = match.3 else { return words("usage.invalid", values) }
            let list = allowed.replacing("'", with: "").replacing(" and ", with: ", ").replacing(" or ", with: ", ")
            return words("usage.invalidOf", values.merging(["allowed": String(list)]) { $1 })
        }
        return nil
    }

    private static let subcommand = ["Missing", "required", "subcommand."].joined(separator: " ")

    // MARK: Help

    /// The parser's help: its headings in the person's language, and lines that fit the terminal.
    private static func help(_ text: String) -> String {
        guard text.contains("USAGE: ") else { return text }
        var lines: [String] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map({ translated(String($0)) }) {
            guard let columns else {
                lines.append(line)
                continue
            }
            let wrapping = Wrapping(width: columns, hangs: true, indent: descriptionStart(of: line))
            lines += wrapping.lines(of: line)
        }
        return lines.joined(separator: "\n")
    }

    /// Where the second column begins, or goes on.
    private static func descriptionStart(of line: String) -> Int? {
        let before = line.prefix { $0 == " " }.count
        if before >= 20 { return before }
        guard before >= 2, let gap = line.dropFirst(before).firstRange(of: /[^ ]\s\s+[^ ]/) else { return nil }
        let start = Columns.cells(String(line[..<line.index(before: gap.upperBound)]))
        return start <= 30 ? start : nil
    }

    private static func translated(_ line: String) -> String {
        if line.hasPrefix("USAGE: ") { return words("usage.usage") + line.dropFirst(7) }
        if line.hasPrefix("OVERVIEW: ") { return String(line.dropFirst(10)) }
        if line == "ARGUMENTS:" { return words("usage.arguments") }
        if line == "OPTIONS:" { return words("usage.options") }
        if line == "SUBCOMMANDS:" { return words("usage.subcommands") }
        if let match = line.wholeMatch(of: /(.+) SUBCOMMANDS:/) {
            return words("usage.group", ["name": String(match.1)])
        }
        if let match = line.wholeMatch(of: /\s*See '(.+)' for detailed help\./) {
            return "  " + words("usage.detail", ["command": String(match.1)])
        }
        return line.replacing(/Show help information\.$/, with: words("usage.showHelp"))
            .replacing(/Show the version\.$/, with: words("usage.showVersion"))
            .replacing("(default: ", with: "(" + words("usage.default"))
            .replacing("(values: ", with: "(" + words("usage.values"))
            .replacing("; default: ", with: "; " + words("usage.default"))
    }
}
