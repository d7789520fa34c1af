import Presentation
import ArgumentParser
import Client
import CoSigning
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

    /// Differences that the looks have found.
    private struct Found {
        /// Told since the start, as long as they are there.
        var told: [Alarm] = []
        /// Not in the keystore yet. A look writes nothing, and another command may hold the keystore.
        var unkept: [Alarm] = []
    }

    func run() async throws {
        // Asked for once. Looking takes no lock and writes nothing: other commands go on, and whether one runs does not show in when
        // this one asks.
        let opener = try keystore.opener()
        var found = Found()
        var last = try await look(opener, &found)
        if !output.json { StatusText.show(last) }
        fflush(nil)
        while true {
            try await Task.sleep(for: .seconds(Int(every)))
            do {
                let now = try await look(opener, &found)
                for event in now.events(since: last) { try tell(event, now) }
                last = now
            } catch let error as ClientError where error.code != .wrongPassphrase {
                // Told, and looked again: to stop asking would tell the service what this device has seen.
                Terminal.warning(Terminal.harmless(error.what + " " + error.nextStep))
            }
        }
    }

    private func look(_ opener: KeystoreOpener, _ found: inout Found) async throws -> MemberStatus {
        let member = try Member.look(keystore.directory, with: opener, proxy: keystore.parsedProxy())
        defer { member.close() }
        Words.naming(by: member.device.directoryNames)
        let kept = member.device.alarms
        let status: MemberStatus
        do { status = try await member.status() } catch {
            // A look that fails may have found why.
            try take(member.device.alarms, kept: kept, opener, &found)
            throw error
        }
        try take(status.alarms, kept: kept, opener, &found)
        return status
    }

    /// Tells what was found, and has it kept with its evidence: the service may show something else the next time.
    private func take(
        _ alarms: [Alarm], kept: [Alarm], _ opener: KeystoreOpener, _ found: inout Found
    ) throws {
        func lacks(_ list: [Alarm]) -> (Alarm) -> Bool { { alarm in !list.contains { $0.repeats(alarm) } } }
        found.unkept = (found.unkept + alarms.filter(lacks(found.unkept))).filter(lacks(kept))
        let all = alarms + found.unkept.filter(lacks(alarms))
        // Before it is told: whoever hears of it may end this program.
        if !found.unkept.isEmpty,
            try Member.keep(found.unkept, in: keystore.directory, with: opener)
        {
            found.unkept = []
        }
        let news = all.filter(lacks(found.told))
        for alarm in news {
            let text = Notices.line(alarm)
            try tell(.alarm(alarm), text) { Terminal.warning(text) }
        }
        if !news.isEmpty, !output.json { Terminal.warning(words("alarm.next")) }
        found.told = all
    }

    private func tell(_ event: WatchEvent, _ status: MemberStatus) throws {
        let text = StatusText.line(event, status)
        try tell(event, text) {
            let time = Date().formatted(.iso8601.time(includingFractionalSeconds: false))
            Terminal.line(Terminal.faint(time) + "  " + text)
        }
    }

    /// - Parameter show: for people.
    private func tell(_ event: WatchEvent, _ text: String, show: () -> Void) throws {
        if output.json {
            try Terminal.json(["event": event.word, "petition": event.petition?.hex ?? "", "text": text])
        } else {
            show()
        }
        fflush(nil)
        guard let exec else { return }
        try EventHook.run(
            exec, ["ROUNDROBIN_EVENT": event.word, "ROUNDROBIN_PETITION": event.petition?.hex ?? ""])
    }
}
