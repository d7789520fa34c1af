import Client
import Foundation
import Sodium
import TextDiff

/// What is printed, and how. Colour and progress only on a terminal, and not with NO_COLOR.
enum Terminal {
    private static let isTerminal = isatty(STDOUT_FILENO) == 1
    private static let hasColour =
        isTerminal && ProcessInfo.processInfo.environment["NO_COLOR", default: ""].isEmpty
        && ProcessInfo.processInfo.environment["TERM"] != "dumb"

    static func line(_ text: String = "") { print(text) }

    /// Something that changed or is going on; not part of a command's answer.
    static func note(_ text: String) { standardError(text) }

    static func warning(_ text: String) { standardError(paint(words("warning.mark"), "33") + text) }

    static func error(_ what: String, _ next: String) {
        // Some of it are a service's words.
        standardError(paint(words("warning.error"), "31") + harmless(what))
        if !next.isEmpty { standardError("       " + harmless(next)) }
    }

    private static func standardError(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    static func bold(_ text: String) -> String { paint(text, "1") }
    static func faint(_ text: String) -> String { paint(text, "2") }
    static func green(_ text: String) -> String { paint(text, "32") }
    static func red(_ text: String) -> String { paint(text, "31") }

    /// A stretch of a word-level difference. The signs stay with the colours, for who does not see them.
    static func changed(_ segment: WordDiff.Segment) -> String {
        switch segment.change {
        case .same: segment.text
        case .removed: "[-\(segment.text)-]"
        case .added: "{+\(segment.text)+}"
        }
    }

    /// A difference as a block: each line indented, each change in its colour.
    static func block(_ segments: [WordDiff.Segment]) -> String {
        segments.map { painted(.init($0.change, harmlessLines($0.text))) }.joined().components(separatedBy: "\n")
            .map { "  " + $0 }.joined(separator: "\n")
    }

    private static func painted(_ segment: WordDiff.Segment) -> String {
        switch segment.change {
        case .same: changed(segment)
        case .removed: red(changed(segment))
        case .added: green(changed(segment))
        }
    }

    private static func paint(_ text: String, _ code: String) -> String {
        hasColour ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
    }

    /// `1 key`, `2 keys`.
    static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    /// A bar of `width` cells for `part` of `whole`.
    static func bar(_ part: Int, of whole: Int, width: Int = 24) -> String {
        let filled = whole > 0 ? min(width, (part * width + whole / 2) / whole) : 0
        return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    }

    /// What was written by others, on one line and without anything that moves the cursor or changes the direction: a name
    /// or a title must not be able to print a line of its own.
    static func harmless(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { isHarmless($0) ? $0 : "\u{fffd}" }))
    }

    /// A longer text of others, each line harmless and indented, so that none can pass for a line of ours.
    static func block(_ text: String) -> String {
        text.split(omittingEmptySubsequences: false) { $0.isNewline }.map { "  " + harmless(String($0)) }
            .joined(separator: "\n")
    }

    /// The same without the indent, for who sets the lines himself.
    static func harmlessLines(_ text: String) -> String {
        text.split(omittingEmptySubsequences: false) { $0.isNewline }.map { harmless(String($0)) }
            .joined(separator: "\n")
    }

    private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: false
        // Joiners shape letters and emoji; every other format character (bidi among them) only deceives.
        case .format: scalar.value == 0x200c || scalar.value == 0x200d
        default: true
        }
    }

    /// JSON on one line per call, keys sorted.
    static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// Asks on the terminal. Nil when there is none.
    static func ask(_ question: String) -> String? {
        guard isatty(STDIN_FILENO) == 1 else { return nil }
        FileHandle.standardError.write(Data(question.utf8))
        return Swift.readLine()
    }

    /// Whether somebody sits there who can be asked.
    static var canAsk: Bool { isatty(STDIN_FILENO) == 1 }

    /// What cannot be taken back is asked about, where there is somebody to ask; anything but a yes is a no.
    /// - Parameter otherwise: what an empty answer means.
    static func confirms(_ question: String, otherwise: Bool = false) -> Bool {
        guard canAsk else { return true }
        let answer = ask(question + (otherwise ? " [Y/n] " : " [y/N] "))?.trimmingCharacters(in: .whitespaces)
            .lowercased()
        if ["y", "yes", "是"].contains(answer) || otherwise && answer == "" { return true }
        if otherwise { return false }
        line(words("cosign.stopped"))
        return false
    }

    /// Asks for a passphrase without showing it.
    /// Nil when there is no terminal.
    static func askSecretly(_ question: String) throws -> SecretBytes? {
        let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC)
        guard terminal >= 0 else { return nil }
        defer { close(terminal) }
        var before = termios()
        guard tcgetattr(terminal, &before) == 0 else { return nil }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(terminal, TCSAFLUSH, &silent)
        defer {
            tcsetattr(terminal, TCSAFLUSH, &before)
            _ = write(terminal, "\n", 1)
        }
        _ = question.withCString { write(terminal, $0, strlen($0)) }
        if let secret = readLine(from: terminal) { return secret }
        throw ClientError.invalid(.passphraseEmpty)
    }

    /// The first line of a descriptor, without its line feed, at most 4096 bytes.
    static func readLine(from descriptor: Int32) -> SecretBytes? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4096)
        var byte: UInt8 = 0
        while bytes.count < 4096, read(descriptor, &byte, 1) == 1, byte != 0x0a { bytes.append(byte) }
        return bytes.isEmpty ? nil : SecretBytes(moving: &bytes)
    }
}
