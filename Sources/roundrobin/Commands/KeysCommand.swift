import Presentation
import ArgumentParser
import Client
import CoSigning
import Foundation
import Petitions
import Sodium

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: words("help.keys"),
        subcommands: [Backup.self, Restore.self, RotateRing.self, Passphrase.self])

    struct Backup: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.backup"),
            discussion: words("help.backupMore"))

        @Argument(help: help("backupFile"))
        var file: String
        @Option(help: help("backupPassphraseFile", "file"))
        var backupPassphraseFile: String?
        @Flag(help: help("samePassphrase"))
        var samePassphrase = false
        @OptionGroup var keystore: KeystoreOptions

        mutating func validate() throws {
            guard !samePassphrase || backupPassphraseFile == nil else {
                throw ValidationError(words("usage.samePassphrase"))
            }
        }

        func run() async throws {
            // Before a passphrase is asked for.
            guard !FileManager.default.fileExists(atPath: file) else {
                throw ClientError.invalid(.fileExists, ["file": file])
            }
            let opener = try keystore.opener()
            try await keystore.withMember(opener) { member in
                try member.device.backup(
                    to: file,
                    passphrase: samePassphrase
                        ? opener.passphrase.duplicate() : try Self.passphrase(backupPassphraseFile, new: true))
            }
            Terminal.line(words("cli.backedUp", ["file": file]))
        }

        static func passphrase(_ file: String?, new: Bool) throws -> SecretBytes {
            try PassphraseSource(file: file).read(new: new, prompt: words("cli.askBackup"))
        }
    }

    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.restore"))

        @Argument(help: help("restoreFile"))
        var file: String
        @Option(help: help("backupPassphraseFile", "file"))
        var backupPassphraseFile: String?
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            guard !Keystore.exists(in: keystore.directory) else { throw ClientError.keystoreExists(keystore.directory) }
            // Before anything is asked.
            guard access(file, R_OK) == 0 else { throw ClientError.invalid(.noFile, ["file": file]) }
            // The backup first: nobody chooses a new passphrase for a file that does not open.
            let backup = try PassphraseSource(file: backupPassphraseFile).reading(prompt: words("cli.askBackup")) {
                try OpenedBackup(file, passphrase: $0)
            }
            let chosen = try keystore.passphrase(new: true, prompt: words("cli.choosePassphrase"))
            try backup.restore(in: keystore.directory, passphrase: chosen, proxy: keystore.parsedProxy()).close()
            Terminal.line(words("cli.restored"))
        }
    }

    struct RotateRing: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.rotateRing"),
            discussion: words("help.rotateRingMore"))

        @Flag(help: help("eraseAll"))
        var eraseAll = false
        @Flag(help: help("rotateOffline"))
        var offline = false
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        private struct Facts: Encodable {
            let erased_keys: Int
            let forgotten: [String]
            let waiting_for: [String]
            let given_up: [String]
        }

        func run() async throws {
            let report = try await keystore.withMember { member in
                // Without the service nothing is replaced; old keys go as far as this device knows that nothing needs them.
                if offline { return try member.device.eraseKeysOffline(all: eraseAll) }
                // Whether promises were kept is seen before anything is erased.
                _ = try await member.cosigner.look(.everything)
                return try await member.session {
                    try await $0.rotateRingKey(givingUp: eraseAll ? .everything : .nothing)
                }
            }
            if output.json {
                return try Terminal.json(
                    Facts(
                        erased_keys: report.erasedKeys, forgotten: report.forgottenPetitions.map(\.hex),
                        waiting_for: report.waitingFor.map(\.hex), given_up: report.givenUp.map(\.hex)))
            }
            Terminal.line(
                words(
                    "cli.rotatedRing",
                    ["keys": "\(report.erasedKeys)", "petitions": "\(report.forgottenPetitions.count)"])
            )
            for id in report.waitingFor {
                Terminal.line(
                    words("cli.needsOldKey", ["id": String(id.hex.prefix(16))])
                )
            }
            for id in report.givenUp {
                Terminal.line(words("cli.givenUp", ["id": String(id.hex.prefix(16))]))
            }
            Terminal.line(words("cli.oldBackups"))
        }
    }

    struct Passphrase: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.passphrase"))

        @Option(help: help("newPassphraseFile", "file"))
        var newPassphraseFile: String?
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withMember { member in
                let fresh = try PassphraseSource(file: newPassphraseFile).read(
                    new: true, prompt: words("cli.askNewPassphrase"))
                try member.device.changePassphrase(to: fresh)
            }
            Terminal.line(words("cli.passphraseChanged"))
        }
    }
}
