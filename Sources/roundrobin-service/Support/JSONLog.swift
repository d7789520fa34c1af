import Foundation
import Logging

/// A log line as a JSON object: `time`, `level`, `message`, and what belongs to the message.
struct JSONLog: LogHandler {
    var logLevel = Logger.Level.info
    var metadata = Logger.Metadata()

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = ["time": Date().ISO8601Format(), "level": "\(event.level)", "message": "\(event.message)"]
        for (key, value) in metadata.merging(event.metadata ?? [:], uniquingKeysWith: { $1 }) where fields[key] == nil {
            fields[key] = "\(value)"
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let line = try? encoder.encode(fields) else { return }
        // A full disk loses log lines, and stops no service.
        try? FileHandle.standardError.write(contentsOf: line + Data("\n".utf8))
    }
}
