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

    /// - Parameter new: whether it is being chosen: then it is asked for twice, and may not be short.
    func read(new: Bool, prompt: String) throws -> SecretBytes {
        let passphrase = try readOnce(prompt)
        guard new else { return passphrase }
        guard passphrase.count >= Self.shortest else {
            throw ClientError.invalid(.passphraseShort, ["least": "\(Self.shortest)"])
        }
        if descriptor == nil, file == nil {
            guard let second = try Terminal.askSecretly(words("ask.passphraseAgain")),
                SecretBytes.equal(passphrase, second)
            else {
                throw ClientError.invalid(.passphrasesDiffer)
            }
        }
        return passphrase
    }

    private func readOnce(_ prompt: String) throws -> SecretBytes {
        if let descriptor {
            if let secret = Terminal.readLine(from: descriptor) { return secret }
            throw ClientError.invalid(.descriptor, ["number": "\(descriptor)"])
        }
        if let file { return try Self.firstLine(ofFile: file) }
        if let secret = try Terminal.askSecretly(prompt) { return secret }
        throw ClientError.invalid(.noTerminalForPassphrase)
    }

    static func firstLine(ofFile path: String) throws -> SecretBytes {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw ClientError.invalid(.noFile, ["file": path]) }
        defer { close(file) }
        if let secret = Terminal.readLine(from: file) { return secret }
        throw ClientError.invalid(.emptyFile, ["file": path])
    }
}
