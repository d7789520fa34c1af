import Foundation
import Sodium
import TestSupport
import Testing

@testable import Client

@Suite("The keystore")
struct KeystoreTests {
    let directory: TemporaryDirectory
    private var home: String { directory("home") }
    private static let cost = PasswordHash(passes: 1, memory: 8192, salt: [UInt8](repeating: 1, count: 16))!

    init() throws { directory = try TemporaryDirectory() }

    private func secret(_ text: String) -> SecretBytes {
        var bytes = Array(text.utf8)
        return SecretBytes(moving: &bytes)
    }

    private func make() throws {
        let keystore = try Keystore.create(in: home, passphrase: secret("right"), cost: Self.cost)
        try keystore.write(.identity, secret("the identity"))
        try keystore.write(.state, secret("the state"))
    }

    private func error(_ body: () throws -> Void) -> ClientError? {
        do {
            try body()
            return nil
        } catch { return error as? ClientError }
    }

    private func open(_ passphrase: String = "right") throws -> (identity: [UInt8]?, state: [UInt8]?) {
        let keystore = try Keystore.open(home, passphrase: secret(passphrase))
        let identity = try keystore.required(.identity).reveal()
        let state = try keystore.required(.state).reveal()
        return (identity, state)
    }

    @Test("What is written is read again, in files of mode 0600, and not in the clear")
    func roundTrip() throws {
        try make()
        let opened = try open()
        #expect(opened.identity == Array("the identity".utf8) && opened.state == Array("the state".utf8))
        for file in try FileManager.default.contentsOfDirectory(atPath: home) {
            let path = home + "/" + file
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(file)")
            #expect(try Data(contentsOf: URL(filePath: path)).range(of: Data("the ".utf8)) == nil, "\(file)")
        }
    }

    @Test("Opened again with the same opener it costs no second Argon2id; a changed passphrase is noticed")
    func derivedOnce() throws {
        try make()
        let opener = KeystoreOpener(secret("right"))
        for _ in 0..<3 {
            let keystore = try Keystore.open(home, with: opener, onlyReading: true)
            #expect(try keystore.required(.state).reveal() == Array("the state".utf8))
        }
        #expect(opener.derivations == 1)
        // The same passphrase under another salt, as another command leaves it.
        try Keystore.open(home, passphrase: secret("right")).changePassphrase(to: secret("right"))
        _ = try Keystore.open(home, with: opener, onlyReading: true)
        #expect(opener.derivations == 2)
        try Keystore.open(home, with: opener).changePassphrase(to: secret("other"))
        guard case .wrongPassphrase = error({ _ = try Keystore.open(home, with: opener) }) else {
            return #expect(Bool(false), "wrong")
        }
        #expect(opener.derivations == 2)
    }

    @Test("A wrong passphrase and a damaged file are told apart")
    func errors() throws {
        guard case .noKeystore = error({ _ = try open() }) else { return #expect(Bool(false), "no keystore yet") }
        try make()
        guard case .wrongPassphrase = error({ _ = try open("wrong") }) else { return #expect(Bool(false), "wrong") }
        guard case .keystoreExists = error({ try make() }) else { return #expect(Bool(false), "exists") }
        for file in ["keystore", "identity.sealed", "state.sealed"] {
            let path = home + "/" + file
            let good = try Data(contentsOf: URL(filePath: path))
            for place in [0, good.count / 2, good.count - 1] {
                var bad = good
                bad[place] ^= 1
                try bad.write(to: URL(filePath: path))
                guard case .keystoreDamaged = error({ _ = try open() }) else {
                    Issue.record("\(file), byte \(place)")
                    continue
                }
            }
            try good.prefix(10).write(to: URL(filePath: path))
            guard case .keystoreDamaged = error({ _ = try open() }) else { return #expect(Bool(false), "\(file) cut") }
            try good.write(to: URL(filePath: path))
        }
        #expect(try open().state != nil)
    }

    @Test("Records cannot be exchanged for one another")
    func swapped() throws {
        try make()
        let (a, b) = (home + "/identity.sealed", home + "/state.sealed")
        try FileManager.default.removeItem(atPath: b)
        try FileManager.default.copyItem(atPath: a, toPath: b)
        guard case .keystoreDamaged("state") = error({ _ = try open() }) else { return #expect(Bool(false)) }
    }

    @Test("Two processes cannot have it at once")
    func locking() throws {
        let keystore = try Keystore.create(in: home, passphrase: secret("right"), cost: Self.cost)
        guard case .keystoreLocked = error({ _ = try open() }) else { return #expect(Bool(false)) }
        try keystore.write(.identity, secret("x"))
    }

    @Test("Changing the passphrase keeps everything; cut off anywhere, one of the two opens it whole")
    func passphrases() throws {
        try make()
        let old = try FileManager.default.contentsOfDirectory(atPath: home)
        var before: [String: Data] = [:]
        for file in old { before[file] = try Data(contentsOf: URL(filePath: home + "/" + file)) }
        do {
            let keystore = try Keystore.open(home, passphrase: secret("right"))
            try keystore.changePassphrase(to: secret("new"))
            try keystore.write(.state, secret("later"))
        }
        guard case .wrongPassphrase = error({ _ = try open() }) else { return #expect(Bool(false)) }
        #expect(try open("new").state == Array("later".utf8))
        #expect(try open("new").identity == Array("the identity".utf8))
        var after: [String: Data] = [:]
        for file in ["keystore", "identity.sealed", "state.sealed"] {
            after[file] = try Data(contentsOf: URL(filePath: home + "/" + file))
        }
        // A crash before the new header was written: the old passphrase still opens it, and the leftovers are ignored.
        func put(_ files: [String: Data?]) throws {
            for (name, data) in files { try data?.write(to: URL(filePath: home + "/" + name)) }
        }
        try put(before.mapValues { $0 })
        try put(["identity.sealed.next": after["identity.sealed"], "state.sealed.next": after["state.sealed"]])
        #expect(try open().identity == Array("the identity".utf8))
        // A crash between the header and the renames: the new passphrase opens it.
        try put(["keystore": after["keystore"]])
        #expect(try open("new").state == Array("later".utf8))
        #expect(!FileManager.default.fileExists(atPath: home + "/state.sealed.next"))
    }

    @Test("One passphrase however a keyboard composes it; what was sealed under the bytes as they came opens still")
    func composed() throws {
        let (composed, apart) = ("Zo\u{eb} 가 caf\u{e9}", "Zoe\u{308} \u{1100}\u{1161} cafe\u{301}")
        let magic = Array("test\n".utf8)
        for text in [composed, apart] {
            let sealed = try PassphraseBox.seal(
                secret("inside"), magic: magic, passphrase: secret(text), cost: Self.cost)
            for typed in [composed, apart] {
                let opened = try PassphraseBox.open(sealed, magic: magic, passphrase: secret(typed), name: "test")
                #expect(opened.reveal() == Array("inside".utf8))
            }
            #expect(
                error { _ = try PassphraseBox.open(sealed, magic: magic, passphrase: secret("Zoe"), name: "test") }
                    != nil)
        }
        // As earlier programs wrote it.
        var old = magic + [UInt8](repeating: 0, count: 7) + [1] + [0, 0, 0, 0, 0, 0, 0x20, 0] + Self.cost.salt
        let nonce = [UInt8](repeating: 7, count: AEAD.nonceLength)
        old += nonce
        let data = old
        let key = try Self.cost.key(for: secret(apart))
        old += secret("inside").withUnsafeBytes { AEAD.seal($0, key: key, nonce: nonce, associatedData: data) }
        old += SHA256.hash(old).bytes
        let opened = try PassphraseBox.open(old, magic: magic, passphrase: secret(apart), name: "test")
        #expect(opened.reveal() == Array("inside".utf8))
    }
}
