import Presentation
import Client
import Foundation
import Sodium

/// A passphrase from a descriptor, a file, or a prompt that shows nothing. Never from an argument or the environment,
/// where other programs see it.
struct PassphraseSource {
    var file: String?
    var descriptor: Int32?

    /// Characters that a new passphrase has at least, as `length` counts them.
    static let shortest = 12
    /// How often somebody is asked who mistypes.
    private static let attempts = 5

    /// - Parameter new: whether it is being chosen: then it is asked for twice, and may not be short.
    func read(new: Bool, prompt: String) throws -> SecretBytes {
        try reading(new: new, prompt: prompt) { $0.duplicate() }
    }

    /// Gives the passphrase to what opens something with it. Whoever sits at a terminal is told what was wrong, and asked again in place:
    /// an empty passphrase, a short one, two that differ, and one that opens nothing. A file says the same every time and is tried once.
    /// - Parameters:
    ///   - new: whether it is being chosen: then it is asked for twice, and may not be short.
    ///   - attempt: throws `ClientError.wrongPassphrase` for one that does not open what it should.
    func reading<R: ~Copyable>(
        new: Bool = false, prompt: String, _ attempt: (borrowing SecretBytes) throws -> R
    ) throws -> R {
        guard descriptor == nil, file == nil else { return try reading(new: new, attempt) }
        for left in (0..<Self.attempts).reversed() {
            do {
                let question = new && left == Self.attempts - 1 ? Self.rule + "\n" + prompt : prompt
                guard let passphrase = try Terminal.askSecretly(question) else {
                    throw ClientError.invalid(.noTerminalForPassphrase)
                }
                if new { try Self.checkNew(passphrase) }
                return try attempt(passphrase)
            } catch let error as ClientError where left > 0 && Self.isMistyped(error) {
                Terminal.note(error.what)
            }
        }
        throw ClientError.wrongPassphrase
    }

    private func reading<R: ~Copyable>(new: Bool, _ attempt: (borrowing SecretBytes) throws -> R) throws -> R {
        let whole = try readWithoutTerminal()
        let passphrase = descriptor == nil ? Self.typed(whole) : whole.duplicate()
        if new { try Self.checkLength(passphrase) }
        do { return try attempt(passphrase) } catch let error as ClientError {
            // A keystore that was made with a file's line end in its passphrase opens with that file still.
            guard !new, Self.isMistyped(error), whole.count != passphrase.count else { throw error }
            return try attempt(whole)
        }
    }

    /// What a new passphrase must be; said before one is chosen, and if it is too short.
    private static var rule: String { words("ask.passphraseRule", ["least": "\(shortest)"]) }

    private static func checkLength(_ passphrase: borrowing SecretBytes) throws {
        guard length(passphrase) >= shortest else { throw ClientError.invalid(.passphraseShort, ["rule": rule]) }
    }

    /// Unicode characters, and three for each of Chinese, Japanese and Korean writing, where a word has one or two.
    static func length(_ passphrase: borrowing SecretBytes) -> Int {
        passphrase.withUnsafeBytes { bytes in
            var parser = Unicode.UTF8.ForwardParser()
            var rest = bytes.makeIterator()
            var length = 0
            while true {
                switch parser.parseScalar(from: &rest) {
                case .valid(let scalar): length += isEastAsian(Unicode.UTF8.decode(scalar)) ? 3 : 1
                case .error: length += 1
                case .emptyInput: return length
                }
            }
        }
    }

    /// Whether it is a Han character, kana, bopomofo or hangul.
    private static func isEastAsian(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x1100...0x11ff, 0x2e80...0x2fdf, 0x3005...0x3007, 0x3041...0x318f, 0x31a0...0x31bf, 0x31f0...0x31ff,
            0x3400...0x4dbf, 0x4e00...0x9fff, 0xa960...0xa97f, 0xac00...0xd7ff, 0xf900...0xfaff, 0xff66...0xffdc,
            0x2_0000...0x3_ffff:
            true
        default: false
        }
    }

    private static func checkNew(_ passphrase: borrowing SecretBytes) throws {
        try checkLength(passphrase)
        guard let second = try Terminal.askSecretly(words("ask.passphraseAgain")),
            SecretBytes.equal(passphrase, second)
        else { throw ClientError.invalid(.passphrasesDiffer) }
    }

    private static func isMistyped(_ error: ClientError) -> Bool {
        switch error {
        case .wrongPassphrase, .invalid(.passphraseEmpty, _), .invalid(.passphraseShort, _),
            .invalid(.passphrasesDiffer, _), .invalid(.backupPassphrase, _):
            true
        default: false
        }
    }

    private func readWithoutTerminal() throws -> SecretBytes {
        guard let descriptor else { return try Self.wholeLine(ofFile: file ?? "") }
        if let secret = Terminal.readLine(from: descriptor) { return secret }
        throw ClientError.invalid(.descriptor, ["number": "\(descriptor)"])
    }

    /// The first line of a file, as somebody would have typed it.
    static func firstLine(ofFile path: String) throws -> SecretBytes { typed(try wholeLine(ofFile: path)) }

    private static func wholeLine(ofFile path: String) throws -> SecretBytes {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw ClientError.invalid(.noFile, ["file": path]) }
        defer { close(file) }
        if let secret = Terminal.readLine(from: file) { return secret }
        throw ClientError.invalid(.emptyFile, ["file": path])
    }

    /// Without what an editor adds and nobody types: a byte order mark, and the carriage return of a line end.
    private static func typed(_ line: borrowing SecretBytes) -> SecretBytes {
        line.withUnsafeBytes { bytes in
            var range = 0..<bytes.count
            if bytes.starts(with: [0xef, 0xbb, 0xbf]) { range = 3..<range.upperBound }
            if range.count > 1, bytes[range.upperBound - 1] == 0x0d { range = range.lowerBound..<range.upperBound - 1 }
            return SecretBytes(copying: UnsafeRawBufferPointer(rebasing: bytes[range]))
        }
    }
}
