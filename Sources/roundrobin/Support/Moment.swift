import Foundation

/// Dates as people give and read them: UTC.
enum Moment {
    /// Unix seconds of `2026-12-01T17:00Z`, `2026-12-01 17:00` or `2026-12-01`; nil for anything else or not a whole hour.
    static func parse(_ text: String) -> UInt64? {
        let bare = text.replacingOccurrences(of: "Z", with: "").replacingOccurrences(of: " ", with: "T")
        let full = bare.contains("T") ? bare + ":00Z" : bare + "T00:00:00Z"
        guard let date = try? Date(full, strategy: .iso8601) else { return nil }
        let seconds = date.timeIntervalSince1970
        guard seconds > 0, seconds < 1e11, UInt64(seconds) % 3600 == 0 else { return nil }
        return UInt64(seconds)
    }

    /// The day of a moment, in UTC.
    static func day(_ seconds: UInt64) -> String {
        Date(timeIntervalSince1970: Double(min(seconds, 253_402_300_799))).formatted(.iso8601.year().month().day())
    }

    /// `2026-12-08`, in UTC.
    static func today() -> String { Date().formatted(.iso8601.year().month().day()) }

    static func describe(_ seconds: UInt64) -> String {
        Date(timeIntervalSince1970: Double(min(seconds, 253_402_300_799))).formatted(
            .iso8601.year().month().day().time(includingFractionalSeconds: false).dateTimeSeparator(.space)) + " UTC"
    }
}
