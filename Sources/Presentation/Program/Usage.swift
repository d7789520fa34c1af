import ArgumentParser
import Foundation
import Templates

/// Help and wrong usage in the person's language. The parser speaks English: what it says of a mistake is recognised, and said in our words;
/// what nobody recognises is shown as the parser says it.
package enum Usage {
    /// Prints what the parser has to say, and where it belongs; an exit code that a command chose says nothing.
    /// - Parameter arguments: those that were given.
    package static func tell(_ error: any Error, of root: any ParsableCommand.Type, _ arguments: [String]) {
        // Unwrapped: a phrase that is recognised must not be broken. The lines are made here.
        let full = wide { root.fullMessage(for: error, columns: 100_000) }
        let code = exitCode(for: error, of: root)
        guard code != .success else {
            guard full != CommandLineProgram.version else { return Terminal.raw(CommandLineProgram.versionLines()) }
            if !full.isEmpty { Terminal.raw(help(full)) }
            return
        }
        guard code == .validationFailure else { return }
        Terminal.error(said(error, of: root), "")
        let (command, path) = CommandNames(root).command(in: arguments)
        Terminal.note(words("usage.usage") + usage(of: command, root))
        let more = ([root._commandName] + path + ["--help"]).joined(separator: String(Wrapping.glue))
        Terminal.note("  " + words("usage.more", ["command": more]))
    }

    /// What the parser takes the error for.
    package static func exitCode(for error: any Error, of root: any ParsableCommand.Type) -> ExitCode {
        wide { root.exitCode(for: error) }
    }

    /// What it says of the error, in the person's language.
    package static func said(_ error: any Error, of root: any ParsableCommand.Type) -> String {
        say(wide { root.message(for: error) })
    }

    /// The help of a program.
    package static func help(of root: any ParsableCommand.Type) -> String { help(root.helpMessage(columns: 100_000)) }

    /// The parser lays out its help on the way to whatever it is asked about an error, and traps where the terminal has fewer columns than
    /// its indent. There it is told of a wide one.
    private static func wide<R>(_ body: () -> R) -> R {
        let before = ProcessInfo.processInfo.environment["COLUMNS"]
        guard (before.flatMap { Int($0) } ?? Columns.width) < 40 else { return body() }
        setenv("COLUMNS", "80", 1)
        defer { if let before { setenv("COLUMNS", before, 1) } else { unsetenv("COLUMNS") } }
        return body()
    }

    private static func usage(of command: any ParsableCommand.Type, _ root: any ParsableCommand.Type) -> String {
        // The command that the bare program runs has a name of its own, which nobody types.
        if command == root, let bare = root.configuration.defaultSubcommand {
            return root.usageString(for: bare).replacing(" " + bare._commandName, with: "")
        }
        return root.usageString(for: command)
    }

    // MARK: Mistakes

    private static let dashes = Set<Character>("—–―−‐‑‒－﹣﹘⸺")

    /// What to say of an option that begins with a dash: input methods and mail programs make one of two hyphens. Nil if there is none.
    /// - Parameter arguments: a value may begin with a dash.
    package static func dash(in arguments: [String]) -> String? {
        let known = arguments.prefix { $0 != "--" }
        return known.indices.lazy.compactMap { place in
            let isValue = place > 0 && known[place - 1].hasPrefix("--") && !known[place - 1].contains("=")
            return isValue ? nil : dash(known[place])
        }.first
    }

    private static func dash(_ argument: String) -> String? {
        let start = argument.prefix { $0 == "-" || dashes.contains($0) }
        let rest = argument.dropFirst(start.count)
        let name = rest.prefix { $0 != "=" }
        guard start.contains(where: dashes.contains), let first = name.first, first.isASCII, first.isLetter,
            name.allSatisfy({ $0.isASCII && ($0.isLetter || $0 == "-") })
        else { return nil }
        return words("usage.dash", ["option": argument, "right": "--" + rest])
    }

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
            if let dash = dash(String(match.1)) { return dash }
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

    /// The parser's help: its headings and phrases in the person's language, and then lines that fit the terminal.
    private static func help(_ text: String) -> String {
        guard text.contains("USAGE: ") else { return text }
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { translated(String($0)) }
            .flatMap(lines).joined(separator: "\n")
    }

    /// Cells of a terminal in which a second column has no room for sentences: there a description stands below its name.
    private static let narrow = 60

    private static func lines(of line: String) -> [String] {
        guard let (name, description) = columns(of: line) else {
            return Wrapping(width: Columns.width, hangs: true).lines(of: line)
        }
        guard Columns.width < narrow else {
            let indent = Columns.cells(String(line[..<description.startIndex]))
            return Wrapping(width: Columns.width, hangs: true, indent: indent).lines(of: line)
        }
        let below = Wrapping(width: Columns.width, hangs: true, indent: 6).lines(of: "      " + description)
        return (name.isEmpty ? [] : [String(name)]) + below
    }

    /// A name, empty where the line goes on with what is above, and its description; nil for a line without columns.
    private static func columns(of line: String) -> (name: Substring, description: Substring)? {
        let before = line.prefix { $0 == " " }.count
        if before >= 20 { return ("", line.dropFirst(before)) }
        guard before >= 2 else { return nil }
        // The parser's second column begins behind 26 cells. A name that fills the first has one space behind it.
        let first = line.prefix(26)
        if line.hasPrefix("  -") || line.hasPrefix("  <"), first.count == 26, first.last == " ",
            first.dropLast().last != " ", line.dropFirst(26).first.map({ $0 != " " }) ?? false
        {
            return (first.dropLast(), line.dropFirst(26))
        }
        guard let gap = line.dropFirst(before).firstRange(of: /[^ ]\s\s+[^ ]/) else { return nil }
        let start = line.index(before: gap.upperBound)
        guard Columns.cells(String(line[..<start])) <= 30 else { return nil }
        return (line[...gap.lowerBound], line[start...])
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
        return values(
            of: line.replacing(/Show help information\.$/, with: words("usage.showHelp"))
                .replacing(/Show the version\.$/, with: words("usage.showVersion")))
    }

    /// What an option can be, or is by default, which the parser puts in brackets at the end.
    private static func values(of line: String) -> String {
        guard let match = line.wholeMatch(of: /(.*)\((?:values: (.+?))?(?:; )?(?:default: (.+))?\)/),
            match.2 != nil || match.3 != nil
        else { return line }
        let parts = [
            match.2.map { words("usage.values", ["values": String($0)]) },
            match.3.map { words("usage.default", ["value": String($0)]) },
        ]
        // The space before the bracket is the language's.
        return match.1.dropLast(match.1.hasSuffix(" ") ? 1 : 0)
            + words("usage.brackets", ["text": Words.clauses(parts.compactMap { $0 })])
    }
}
