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
                let address = try ask(words("sitting.askService"))
                let eligible = try ask(words("sitting.askEligible"))
                try await perform(["workplace", "found", address, "--eligible", eligible])
            default: try await perform(["keys", "restore", try ask(words("sitting.askRestore"))])
            }
        }
        if Unlocked.opener(for: keystore.directory) != nil { try await backUp() }
        if try agrees(words("sitting.trusteeAsk")) { try await perform(["petition", "offer", "--ahead"]) }
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
