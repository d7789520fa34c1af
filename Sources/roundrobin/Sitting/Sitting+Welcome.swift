import Presentation
import Client
import Foundation
import Petitions

extension Sitting {
    /// Somebody without a keystore: joins, founds a workplace, or restores a backup.
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
                let eligible = try await askNumber(words("sitting.askEligible"), in: 1...Int(UInt32.max))
                if try await perform(["workplace", "found", address, "--eligible", "\(eligible)"]) {
                    try await nameFounder()
                }
            default: try await perform(["keys", "restore", try ask(words("sitting.askRestore"))])
            }
        }
    }

    /// Nobody invited the founder, so nobody has written their name into the directory.
    private func nameFounder() async throws {
        try await asking(words("sitting.askOwnName")) { name in
            guard !name.isEmpty else { return () }
            return try await perform(["members", "describe", "1"] + Self.option("--name", name)) ? () : nil
        }
    }

    /// What a new member is asked, until they have answered it: a first sitting that was interrupted asks again.
    func settleIn() async throws {
        // What is signed could be connected with something that was just sent.
        let isDue = try await keystore.withMember { !$0.device.isSettledIn && !$0.device.hasSentLately }
        guard isDue else { return }
        if Unlocked.opener(for: keystore.directory) != nil { try await backUp() }
        if try agrees(words("sitting.trusteeAsk")) { try await perform(["petition", "offer", "--ahead"]) }
        try await keystore.withMember { try $0.device.settleIn() }
    }

    /// The address of a service that answers.
    private func askService() async throws -> String {
        try await asking(words("sitting.askService")) { answer in
            try await Enrolment.checkService(at: answer, proxy: keystore.parsedProxy())
            return answer
        }
    }

    func backUp() async throws {
        Terminal.line(words("sitting.backup"))
        while true {
            let path = try ask(words("sitting.askBackup"), otherwise: "roundrobin-backup")
            if Answers.refuses(path) { return }
            if try await perform(["keys", "backup", path, "--same-passphrase"]) { return }
        }
    }
}
