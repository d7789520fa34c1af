import Presentation
import ArgumentParser
import Client
import Foundation
import Petitions
import Sodium

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: words("help.status"), discussion: words("help.statusMore"))

    @OptionGroup var keystore: KeystoreOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let status = try await keystore.withMember { try await $0.status() }
        if output.json { return try Terminal.json(StatusText.Facts(status)) }
        StatusText.show(status)
    }
}

struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: words("help.watch"), discussion: words("help.watchMore"))

    @Option(help: help("watchEvery", "seconds"))
    var every: UInt32 = 60
    @Option(help: help("watchExec", "command"))
    var exec: String?
    @OptionGroup var keystore: KeystoreOptions
    @OptionGroup var output: OutputOptions

    mutating func validate() throws {
        guard (1...86_400).contains(every) else { throw ValidationError(words("usage.every")) }
    }

    func run() async throws {
        // Asked for once. Looking takes no lock and writes nothing: other commands go on, and whether one runs does not show in when
        // this one asks.
        let passphrase = try keystore.openingPassphrase()
        var last = try await look(passphrase)
        if !output.json { StatusText.show(last) }
        fflush(nil)
        while true {
            try await Task.sleep(for: .seconds(Int(every)))
            do {
                let now = try await look(passphrase)
                for event in now.events(since: last) { try tell(event, now) }
                last = now
            } catch let error as ClientError where error.code != .wrongPassphrase {
                // Told, and looked again: to stop asking would tell the service what this device has seen.
                Terminal.warning(Terminal.harmless(error.what + " " + error.nextStep))
            }
        }
    }

    private func look(_ passphrase: borrowing SecretBytes) async throws -> MemberStatus {
        let member = try Member.look(keystore.directory, passphrase: passphrase, proxy: keystore.parsedProxy())
        defer { member.close() }
        return try await member.status()
    }

    private func tell(_ event: WatchEvent, _ status: MemberStatus) throws {
        let text = StatusText.line(event, status)
        if output.json {
            try Terminal.json(["event": event.word, "petition": event.petition?.hex ?? "", "text": text])
        } else {
            let time = Date().formatted(.iso8601.time(includingFractionalSeconds: false))
            Terminal.line(Terminal.faint(time) + "  " + text)
        }
        fflush(nil)
        guard let exec else { return }
        try EventHook.run(
            exec, ["ROUNDROBIN_EVENT": event.word, "ROUNDROBIN_PETITION": event.petition?.hex ?? ""])
    }
}
