import ArgumentParser
import Client
import CoSigning
import Foundation
import Petitions
import Sodium

/// What every command tells: differences between what the service shows and what it showed before, and who watches the logs.
enum Notices {
    static func tell(_ device: Device) throws {
        for alarm in device.alarms { Terminal.warning(line(alarm)) }
        if !device.alarms.isEmpty { Terminal.warning(words("alarm.next")) }
        for note in device.witnessNews { Terminal.note(line(note, in: device.newestRoster)) }
        try device.sawWitnessNews()
    }

    static func line(_ alarm: Alarm) -> String {
        words(
            "alarm.\(alarm.kind)",
            [
                "log": name(alarm.log), "seen": "\(alarm.seen)", "served": "\(alarm.served)",
                "time": Moment.describe(alarm.time), "until": Moment.describe(alarm.seen),
            ])
    }

    static func name(_ log: LogName) -> String {
        switch log {
        case .workplace: words("log.workplace")
        case .petition(let id): words("log.petitionNamed", ["id": String(id.hex.prefix(16))])
        }
    }

    static func line(_ note: Note, in roster: WorkplaceLog?) -> String {
        func person(_ key: Bytes32) -> String { Words.name(roster?.person(key) ?? NamedMember(number: nil, key: key)) }
        func list(_ names: [String]) -> String {
            names.isEmpty ? words("note.nobody") : Terminal.harmless(names.joined(separator: ", "))
        }
        switch note {
        case .signerLeftOffice(let leaf, let signer):
            return words("note.signerLeftOffice", ["leaf": "\(leaf)", "person": person(signer)])
        case .trusteeLeft(let trustee, let key):
            return words("note.trusteeLeft", ["trustee": "\(trustee)", "person": person(key)])
        case .witnessesChanged(let leaf, let by, let came, let went, let threshold):
            return words(
                "note.witnessesChanged",
                [
                    "leaf": "\(leaf)", "person": person(by), "came": list(came), "went": list(went),
                    "threshold": "\(threshold)",
                ])
        }
    }
}

/// Lists alarms, and settles those that the person has looked into.
struct AlarmsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alarms", abstract: words("help.alarms"), discussion: words("help.alarmsMore"))

    @Option(help: help("alarmSettle", "number"))
    var settle: Int?
    @Option(help: help("alarmEvidence", "number"))
    var evidence: Int?
    @Option(name: .shortAndLong, help: help("outputFile", "file"))
    var file = "evidence.rrevidence"
    @OptionGroup var keystore: KeystoreOptions
    @OptionGroup var output: OutputOptions

    private struct Facts: Encodable {
        let number: Int
        let kind: String
        let log: String
        let text: String
        let has_evidence: Bool
    }

    func run() async throws {
        let member = try Member.open(
            keystore.directory, passphrase: try keystore.openingPassphrase(), proxy: keystore.parsedProxy())
        defer { member.close() }
        let alarms = member.device.alarms
        func alarm(_ number: Int) throws -> Alarm {
            guard alarms.indices.contains(number - 1) else { throw ClientError.noSuch(.alarm) }
            return alarms[number - 1]
        }
        if let evidence {
            let bytes = try alarm(evidence).evidence
            guard !bytes.isEmpty else { throw ClientError.noSuch(.alarm) }
            try PageOptions.check(file, false)
            try PageOptions.write(bytes, to: file)
            return Terminal.line(words("alarm.written", ["file": file]))
        }
        if let settle {
            try member.device.settle(alarm(settle))
            return Terminal.line(words("alarm.settled"))
        }
        if output.json {
            return try Terminal.json(
                alarms.enumerated().map { i, alarm in
                    Facts(
                        number: i + 1, kind: "\(alarm.kind)", log: Notices.name(alarm.log), text: Notices.line(alarm),
                        has_evidence: !alarm.evidence.isEmpty)
                })
        }
        if alarms.isEmpty { Terminal.line(words("alarm.none")) }
        for (i, alarm) in alarms.enumerated() { Terminal.line("\(i + 1)  " + Notices.line(alarm)) }
    }
}

extension Note {
    /// Members are told of these once, by whatever they run next.
    var isOfWitnesses: Bool { if case .witnessesChanged = self { true } else { false } }
}
