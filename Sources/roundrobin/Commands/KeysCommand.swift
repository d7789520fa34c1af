import ArgumentParser
import Client
import Foundation
import Petitions
import Sodium

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Back up, restore and renew your keys.",
        subcommands: [Backup.self, Restore.self, RotateRing.self, Passphrase.self])

    struct Backup: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write your keys to a file under a passphrase of its own.",
            discussion: "What you signed is not in it. After keys rotate-ring make a new one and destroy the old.")

        @Argument(help: "The file to write; it must not exist.")
        var file: String
        @Option(help: ArgumentHelp("Read the backup's passphrase from this file.", valueName: "file"))
        var backupPassphraseFile: String?
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withMember { member in
                try member.backup(to: file, passphrase: try Self.passphrase(backupPassphraseFile, new: true))
            }
            Terminal.line("Wrote \(file). Keep it where nobody looks, and its passphrase elsewhere.")
        }

        static func passphrase(_ file: String?, new: Bool) throws -> SecretBytes {
            try PassphraseSource(file: file).read(new: new, prompt: "The backup's passphrase: ")
        }
    }

    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a keystore from a backup.")

        @Argument(help: "The backup.")
        var file: String
        @Option(help: ArgumentHelp("Read the backup's passphrase from this file.", valueName: "file"))
        var backupPassphraseFile: String?
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            guard !Keystore.exists(in: keystore.directory) else { throw ClientError.keystoreExists(keystore.directory) }
            let member = try Member.restore(
                from: file, backupPassphrase: try Backup.passphrase(backupPassphraseFile, new: false),
                in: keystore.directory, passphrase: try keystore.passphrase(new: true, prompt: "Choose a passphrase: "),
                proxy: keystore.parsedProxy())
            await member.close()
            Terminal.line("Restored. Use one device at a time: two that sign at once get in each other's way.")
        }
    }

    struct RotateRing: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Replace your ring key and erase the old one, so that this device no longer shows what you signed.",
            discussion: "Old keys that a petition still needs stay until it is closed; run it again then.")

        @Flag(help: "Also erase keys that a petition may need which is announced and not open yet.")
        var eraseAll = false
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        private struct Facts: Encodable {
            let erased_keys: Int
            let forgotten: [String]
            let waiting_for: [String]
        }

        func run() async throws {
            let report = try await keystore.withMember { try await $0.rotateRingKey(eraseAll: eraseAll) }
            if output.json {
                return try Terminal.json(
                    Facts(
                        erased_keys: report.erasedKeys, forgotten: report.forgottenPetitions.map(\.hex),
                        waiting_for: report.waitingFor.map(\.hex)))
            }
            Terminal.line(
                "Rotated. Erased \(Terminal.count(report.erasedKeys, "old key")), and what this device kept of \(Terminal.count(report.forgottenPetitions.count, "petition"))."
            )
            for id in report.waitingFor {
                Terminal.line(
                    "Petition \(id.hex.prefix(16)) still needs an old key, or may: run this again when it is closed."
                )
            }
            Terminal.line("Backups still hold the old key: make a new one with keys backup, and destroy the old.")
        }
    }

    struct Passphrase: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Change the keystore's passphrase.")

        @Option(help: ArgumentHelp("Read the new passphrase from this file.", valueName: "file"))
        var newPassphraseFile: String?
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withMember { member in
                let fresh = try PassphraseSource(file: newPassphraseFile).read(
                    new: true, prompt: "The new passphrase: ")
                try member.changePassphrase(to: fresh)
            }
            Terminal.line("Changed. Old copies of the keystore still open with the old passphrase.")
        }
    }
}
