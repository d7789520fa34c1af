import Client
import Foundation

/// Dates and times as people give and read them: in the time of where they are (TZ), which is always shown beside UTC.
/// The protocol knows whole hours of UTC.
package enum Moment {
    /// What somebody wrote for a moment.
    package enum Reading: Equatable {
        /// Unix seconds, a whole hour in UTC.
        case moment(UInt64)
        /// A time between two whole hours in UTC, which are these.
        case between(UInt64, UInt64)
        case unreadable
    }

    /// The moment that a person means by `--deadline`.
    /// - Throws: `ClientError.invalid(.deadlineForm)`, or `.deadlineHour` with the two nearest hours.
    package static func deadline(_ text: String) throws -> UInt64 {
        switch read(text) {
        case .moment(let moment): return moment
        case .between(let before, let after):
            throw ClientError.invalid(.deadlineHour, ["before": describe(before), "after": describe(after)])
        case .unreadable: throw ClientError.invalid(.deadlineForm, ["text": text])
        }
    }

    /// The same, nil for what is no whole hour.
    package static func parse(_ text: String) -> UInt64? {
        if case .moment(let moment) = read(text) { moment } else { nil }
    }

    /// Reads `2026-12-01T17:00Z`, `2026-12-01 17:00`, the same with an offset (`+08:00`, `+0800`, `UTC`), and
    /// `2026-12-01`.
    ///
    /// Nobody should find a petition closed earlier than they read the deadline. So a time without a zone is a time of
    /// where the writer is, the later one if the clock is set back over it. A date alone lasts until its end there,
    /// rounded up to UTC's next whole hour.
    package static func read(_ text: String, in zone: TimeZone = .current) -> Reading {
        let plain = text.precomposedStringWithCompatibilityMapping.uppercased()
            .replacing(#/[年月](?=\d)/#, with: "-").replacing("日", with: " ")
            .trimmingCharacters(in: .whitespacesAndNewlines)
        guard
            let match = plain.wholeMatch(
                of: #/(\d{4})([-\/.])(\d{1,2})\2(\d{1,2})(?:[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(.*))?/#),
            let year = Int(match.1), let month = Int(match.3), let day = Int(match.4), year >= 1971
        else { return .unreadable }
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = zone
        guard let hours = match.5, let minutes = match.6 else {
            guard let start = date(year, month, day, calendar),
                let end = calendar.date(byAdding: .day, value: 1, to: start)
            else { return .unreadable }
            return .moment((seconds(end) + 3599) / 3600 * 3600)
        }
        guard let hour = Int(hours), let minute = Int(minutes), let second = Int(match.7 ?? "0"),
            (0...23).contains(hour) && (0...59).contains(minute) && (0...59).contains(second)
                || (hour, minute, second) == (24, 0, 0)
        else { return .unreadable }
        let suffix = String(match.8 ?? "")
        if !suffix.isEmpty {
            guard let offset = Self.offset(suffix), let utc = TimeZone(secondsFromGMT: 0) else { return .unreadable }
            calendar.timeZone = utc
            guard let start = date(year, month, day, calendar) else { return .unreadable }
            return whole(Int(seconds(start)) + hour * 3600 + minute * 60 + second - offset)
        }
        guard let start = date(year, month, day, calendar) else { return .unreadable }
        guard hour < 24 else {
            return calendar.date(byAdding: .day, value: 1, to: start).map { whole(Int(seconds($0))) } ?? .unreadable
        }
        guard
            let moment = calendar.date(
                bySettingHour: hour, minute: minute, second: second, of: start, matchingPolicy: .nextTime,
                repeatedTimePolicy: .last)
        else { return .unreadable }
        return whole(Int(seconds(moment)))
    }

    /// The beginning of a day that is in the calendar.
    private static func date(_ year: Int, _ month: Int, _ day: Int, _ calendar: Calendar) -> Date? {
        let parts = DateComponents(year: year, month: month, day: day)
        guard let date = calendar.date(from: parts),
            calendar.dateComponents([.year, .month, .day], from: date) == parts
        else { return nil }
        return calendar.startOfDay(for: date)
    }

    private static func seconds(_ date: Date) -> UInt64 { UInt64(max(0, date.timeIntervalSince1970)) }

    /// Seconds east of Greenwich of `Z`, `UTC`, `+08:00`, `+0800`, `+8` or `UTC+8`.
    private static func offset(_ text: String) -> Int? {
        var rest = Substring(text)
        for name in ["UTC", "GMT", "Z"] where rest.hasPrefix(name) {
            rest = rest.dropFirst(name.count)
            if rest.isEmpty { return 0 }
            if name == "Z" { return nil }
            break
        }
        guard let match = rest.wholeMatch(of: #/([+−-])(\d{1,2})(?::?(\d{2}))?/#), let hours = Int(match.2),
            let minutes = Int(match.3 ?? "0"), hours <= 14, minutes < 60
        else { return nil }
        return (match.1 == "+" ? 1 : -1) * (hours * 3600 + minutes * 60)
    }

    private static func whole(_ seconds: Int) -> Reading {
        guard seconds > 0, seconds < 100_000_000_000 else { return .unreadable }
        let before = seconds / 3600 * 3600
        return before == seconds ? .moment(UInt64(seconds)) : .between(UInt64(before), UInt64(before + 3600))
    }

    // MARK: Shown

    /// The last second of the year 9999: what comes after has no date.
    private static let last: UInt64 = 253_402_300_799

    private static func date(_ seconds: UInt64) -> Date { Date(timeIntervalSince1970: Double(min(seconds, last))) }

    /// The day of a moment, in UTC.
    package static func day(_ seconds: UInt64) -> String { date(seconds).formatted(.iso8601.year().month().day()) }

    /// `2026-12-08`, where the person is.
    package static func today() -> String {
        Date().formatted(Date.ISO8601FormatStyle(timeZone: .current).year().month().day())
    }

    /// `2026-12-02 01:00 +08:00 (2026-12-01 17:00 UTC)`; where the time is UTC's, that alone.
    package static func describe(_ seconds: UInt64, in zone: TimeZone = .current) -> String {
        let moment = date(seconds)
        let offset = zone.secondsFromGMT(for: moment)
        let utc = clock(moment, TimeZone(secondsFromGMT: 0) ?? zone) + " UTC"
        guard offset != 0 else { return utc }
        let minutes = abs(offset) / 60
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let shown = (offset < 0 ? "-" : "+") + two(minutes / 60) + ":" + two(minutes % 60)
        return words("moment.both", ["local": "\(clock(moment, zone)) \(shown)", "utc": utc])
    }

    /// To the minute, with the seconds if there are any.
    private static func clock(_ date: Date, _ zone: TimeZone) -> String {
        let text = date.formatted(
            Date.ISO8601FormatStyle(timeZone: zone).year().month().day().dateTimeSeparator(.space)
                .time(includingFractionalSeconds: false))
        return text.hasSuffix(":00") ? String(text.dropLast(3)) : text
    }
}
