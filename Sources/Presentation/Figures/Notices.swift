import Client
import CoSigning
import Foundation
import Petitions
import Sodium
import Synchronization

/// What every command tells: differences between what the service shows and what it showed before, and who watches the logs.
package enum Notices {
    private static let told = Mutex<[Alarm]>([])

    /// - Parameter again: also what this process has told already; a command may open the keystore several times.
    package static func tell(_ device: Device, again: Bool) throws {
        let alarms = device.alarms
        let isNew = told.withLock { told in
            defer { told = alarms }
            return told != alarms
        }
        if again || isNew, !alarms.isEmpty {
            for alarm in alarms { Terminal.warning(line(alarm)) }
            Terminal.warning(words("alarm.next"))
        }
        for note in device.witnessNews { Terminal.note(NoteText.line(note, in: device.newestRoster)) }
        try device.sawWitnessNews()
    }

    package static func line(_ alarm: Alarm) -> String {
        words(
            "alarm.\(alarm.kind)",
            [
                "log": name(alarm.log), "seen": "\(alarm.seen)", "served": "\(alarm.served)",
                "time": Moment.describe(alarm.time), "until": Moment.describe(alarm.seen),
            ])
    }

    package static func name(_ log: LogName) -> String {
        switch log {
        case .workplace: words("log.workplace")
        case .petition(let id): words("log.petitionNamed", ["id": String(id.hex.prefix(16))])
        }
    }
}

extension Note {
    /// Members are told of these once, by whatever they run next.
    package var isOfWitnesses: Bool { if case .witnessesChanged = self { true } else { false } }
}
