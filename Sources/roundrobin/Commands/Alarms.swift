import ArgumentParser
import Client
import CoSigning
import Foundation
import Petitions
import Presentation

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
            keystore.directory, with: try keystore.opener(), proxy: keystore.parsedProxy())
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
