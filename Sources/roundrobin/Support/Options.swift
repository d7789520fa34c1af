import Presentation
import ArgumentParser
import ChildProcesses
import Client
import CoSigning
import Foundation
import Petitions
import Sodium

/// Options of every command that opens a keystore.
struct KeystoreOptions: ParsableArguments {
    @Option(help: help("home", "dir"))
    var home: String?

    @Option(help: help("passphraseFile", "file"))
    var passphraseFile: String?

    @Option(help: help("passphraseFd", "n"))
    var passphraseFd: Int32?

    @Option(help: help("proxy", "host:port"))
    var proxy: String?

    static func dataDirectory() -> String {
        let environment = ProcessInfo.processInfo.environment
        if let home = environment["ROUNDROBIN_HOME"], !home.isEmpty { return home }
        if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") { return data + "/roundrobin" }
        // HOME before the account's entry: whoever sets it does not want keys on the other disk.
        let home = environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? NSHomeDirectory()
        return home + "/.local/share/roundrobin"
    }

    var directory: String { home ?? Self.dataDirectory() }

    func parsedProxy() throws -> Proxy? {
        guard let proxy else { return nil }
        guard let parsed = Proxy(proxy) else { throw ValidationError(words("usage.proxy")) }
        return parsed
    }

    /// - Parameter new: whether a passphrase is being chosen, so that it is asked for twice.
    func passphrase(new: Bool = false, prompt: String = words("ask.passphrase")) throws -> SecretBytes {
        let passphrase = try chosenPassphrase(new: new, prompt: prompt)
        Unlocked.hold(KeystoreOpener(passphrase), for: directory)
        return passphrase
    }

    private func chosenPassphrase(new: Bool, prompt: String) throws -> SecretBytes {
        let source = PassphraseSource(file: passphraseFile, descriptor: passphraseFd)
        guard new, Unlocked.isSitting, passphraseFile == nil, passphraseFd == nil,
            try Terminal.confirms(words("sitting.makePassphrase"), otherwise: true)
        else { return try source.read(new: new, prompt: prompt) }
        // Typed once, as a proof that it was written down.
        var bytes = Array(GeneratedPassphrase.make().utf8)
        Terminal.line("\n    " + Terminal.bold(String(decoding: bytes, as: UTF8.self)) + "\n")
        let made = SecretBytes(moving: &bytes)
        for _ in 0..<5 {
            let typed = try source.read(new: false, prompt: words("sitting.typePassphrase"))
            if SecretBytes.equal(typed, made) { return made }
            Terminal.note(words("sitting.typedDiffers"))
        }
        throw ClientError.invalid(.passphrasesDiffer)
    }

    /// Opens the keystore for one command.
    func withMember<R>(_ body: (Member) async throws -> R) async throws -> R {
        try await withMember(try opener(), body)
    }

    /// What opens the keystore. The passphrase is asked for only where there is something to open.
    func opener() throws -> KeystoreOpener {
        guard Keystore.exists(in: directory) else { throw ClientError.noKeystore(directory) }
        if let held = Unlocked.opener(for: directory) { return held }
        let source = PassphraseSource(file: passphraseFile, descriptor: passphraseFd)
        // Tried at once: whoever mistypes is asked again here, and not after what a command does first.
        let opener: KeystoreOpener
        do {
            opener = try source.reading(prompt: words("ask.passphrase")) { passphrase in
                let opener = KeystoreOpener(passphrase)
                try Member.look(directory, with: opener).close()
                return opener
            }
        } catch let interrupted as Interrupted {
            // Every command asks before it sends anything; a sitting that was locked may have sent something.
            if !Unlocked.isSitting { Terminal.note(words("cosign.nothingSent")) }
            throw interrupted
        }
        Unlocked.hold(opener, for: directory)
        return opener
    }

    /// The same, for a command that opens it more than once.
    func withMember<R>(_ opener: KeystoreOpener, _ body: (Member) async throws -> R) async throws -> R {
        let member = try Member.open(directory, with: opener, proxy: parsedProxy())
        Words.naming(by: member.device.directoryNames)
        member.beforeConnecting = Self.agreesToConnect
        // Also when the command fails: what does not fit what was seen before is told every time.
        defer {
            try? Notices.tell(member.device, again: Unlocked.isSitting)
            member.close()
        }
        return try await body(member)
    }

    /// A sitting asks by itself, where it can do something else instead.
    private static func agreesToConnect() throws {
        guard !Unlocked.isSitting else { return }
        guard Terminal.canAsk else { return Terminal.warning(words("sitting.connects")) }
        guard try Terminal.confirms(words("sitting.connectAsk")) else { throw ExitCode(2) }
    }

    /// Opens the keystore and reads the roster, for what is done under the member's name.
    func withSession<R>(_ body: (Session) async throws -> R) async throws -> R {
        try await withMember { member in
            try await member.session { session in
                session.onWaiting = { seconds in
                    let text = words("invite.waiting", count: Int(seconds))
                    if Terminal.showsProgress { Terminal.progress(text) } else { Terminal.note(text) }
                }
                // A new organiser's device learns whom it names. Later it keeps up with whatever reads the directory.
                if session.isOrganiser, !session.device.knowsDirectory { _ = try? await session.directory() }
                return try await body(session)
            }
        }
    }
}
