import CoSigning
import Foundation
import Petitions
import TestSupport
import Testing

@testable import Client

@Suite("Co-signing again from a restored keystore, while a name stands in the log", .ownThreads, .serialized)
struct NameAfterRestoreTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static let dropped = "Your earlier co-signature carried a name."
    private static let out = "Your name on this petition is open already."

    @Test("The log tells what the device no longer knows: the name is dropped, or is out already")
    func warned() async throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        let coworkers = try await Coworkers(12, at: service.url, in: directory)
        let id = try await coworkers.petition(levels: [3])
        func restore(_ member: Int, to number: Int) throws {
            let backup = directory("backup-\(member)")
            let made = try coworkers.run(
                member, "keys", "backup", backup, "--backup-passphrase-file", directory("pass"))
            #expect(made.status == 0, "\(made.error)")
            let restored = try coworkers.run(
                number, "keys", "restore", backup, "--backup-passphrase-file", directory("pass"))
            #expect(restored.status == 0, "\(restored.error)")
        }
        for (member, name) in [(3, "Ana"), (4, "Bo"), (5, "Li Wei")] {
            let signed = try coworkers.run(
                member, "cosign", id.hex, "--all", "support", "--name", name, "--when", "3")
            #expect(signed.status == 0, "\(signed.error)")
        }
        try await coworkers.cosign(6, id, [1])
        for member in [3, 4, 6] { try restore(member, to: member + 20) }
        for number in [23, 24, 26] {
            #expect(try await coworkers.with(number) { $0.device.ownStatus(id) } == .nothing, "it knows of nothing")
        }

        // Closed still: the next co-signature drops it, and says so before it is sent.
        let drops = try coworkers.run(23, "cosign", id.hex, "--all", "support")
        #expect(drops.status == 0 && drops.error.contains(Self.dropped), "\(drops)")
        #expect(!drops.error.contains(Self.out))
        let claims = { try await coworkers.with(1) { try await $0.names(id) } }
        #expect(try await claims().levels.map { $0.names } == [2])
        // Nobody who gave no name hears of one.
        let plain = try coworkers.run(26, "cosign", id.hex, "--all", "support")
        #expect(plain.status == 0, "\(plain.error)")

        // Open: whatever follows under this tag is known to be theirs.
        try await coworkers.act(1) { try await $0.release(id, level: 3) }
        #expect(try await claims().claims.map { $0.name }.sorted() == ["Bo", "Li Wei"])
        let isOut = try coworkers.run(24, "cosign", id.hex, "--all", "support")
        #expect(isOut.status == 0 && isOut.error.contains(Self.out), "\(isOut)")
        #expect(!isOut.error.contains(Self.dropped))
        let still = try coworkers.run(26, "cosign", id.hex, "--all", "support")
        for said in [plain.error, still.error] {
            #expect(!said.contains(Self.dropped) && !said.contains(Self.out))
        }
        #expect(try await claims().claims.map { $0.name } == ["Li Wei"], "one that was out is taken back")
    }
}
