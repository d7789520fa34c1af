import Presentation
import Client
import Foundation
import Petitions

extension Sitting {
    /// Somebody without a keystore: joins, founds a workplace, or restores a backup; then makes a backup before anything else.
    func welcome() async throws {
        Terminal.line(words("sitting.welcome"))
        while !Keystore.exists(in: keystore.directory) {
            for (i, key) in [words("sitting.join"), words("sitting.found"), words("sitting.restore")].enumerated() {
                Terminal.line("  \(i + 1)  \(key)")
            }
            switch try choose(words("sitting.choose", ["count": "3"]), among: 3).place {
            case 0: try await perform(["join"])
            case 1:
                let address = try await askService()
                try await perform(["workplace", "found", address, "--eligible", "\(try askEligible())"])
            default: try await perform(["keys", "restore", try ask(words("sitting.askRestore"))])
            }
        }
        if Unlocked.opener(for: keystore.directory) != nil { try await backUp() }
        if try agrees(words("sitting.trusteeAsk")) { try await perform(["petition", "offer", "--ahead"]) }
    }

    /// The address of a service that answers.
    private func askService() async throws -> String {
        while true {
            let address = try ask(words("sitting.askService"))
            guard !address.isEmpty else { continue }
            do {
                try await Member.checkService(at: address, proxy: keystore.parsedProxy())
                return address
            } catch { Failure(error).show() }
        }
    }

    private func askEligible() throws -> UInt32 {
        while true {
            if let number = UInt32(try ask(words("sitting.askEligible"))), number > 0 { return number }
            Terminal.note(words("sitting.aNumber"))
        }
    }

    func backUp() async throws {
        Terminal.line(words("sitting.backup"))
        while true {
            let path = try ask(words("sitting.askBackup"), otherwise: "roundrobin-backup")
            if ["n", "no", "否"].contains(path.lowercased()) { return }
            if try await perform(["keys", "backup", path, "--same-passphrase"]) { return }
        }
    }
}
