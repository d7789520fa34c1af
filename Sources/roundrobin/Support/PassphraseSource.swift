import Presentation
import Client
import Foundation
import Sodium

/// A passphrase from a descriptor, a file, or a prompt that shows nothing. Never from an argument or the environment,
/// where other programs see it.
struct PassphraseSource {
    var file: String?
    var descriptor: Int32?

    /// Bytes that a new passphrase has at least.
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
                guard let passphrase = try Terminal.askSecretly(prompt) else {
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
        if new, passphrase.count < Self.shortest {
            throw ClientError.invalid(.passphraseShort, ["least": "\(Self.shortest)"])
        }
        do { return try attempt(passphrase) } catch let error as ClientError {
            // A keystore that was made with a file's line end in its passphrase opens with that file still.
            guard !new, Self.isMistyped(error), whole.count != passphrase.count else { throw error }
            return try attempt(whole)
        }
    }

    private static func checkNew(_ passphrase: borrowing SecretBytes) throws {
        guard passphrase.count >= shortest else {
            throw ClientError.invalid(.passphraseShort, ["least": "\(shortest)"])
        }
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
