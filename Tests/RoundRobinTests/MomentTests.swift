import Client
import Foundation
import Testing

@testable import Presentation
@testable import roundrobin

@Suite("Deadlines as people write them, and times as they read them", .ownThreads)
struct MomentTests {
    private let utc = TimeZone(secondsFromGMT: 0)!
    private let shanghai = TimeZone(identifier: "Asia/Shanghai")!
    private let newYork = TimeZone(identifier: "America/New_York")!
    private let kolkata = TimeZone(identifier: "Asia/Kolkata")!

    /// 2026-12-01T17:00Z.
    private let five: UInt64 = 1_796_144_400

    @Test("A zone says which moment; without one it is the time where the writer is")
    func times() {
        for text in [
            "2026-12-01T17:00Z", "2026-12-01 17:00Z", "2026-12-01t17:00z", "2026-12-01T17:00:00Z",
            "2026-12-01 17:00 UTC",
            "2026-12-02T01:00+08:00", "2026-12-02 01:00 +0800", "2026-12-02 01:00+8", "2026-12-02 01:00 UTC+8",
            "2026-12-01 12:00-05:00", "2026-12-01 12:00 −05:00", "2026-12-01 22:30+05:30", "2026/12/01 17:00Z",
            "2026.12.1 17:00Z", " 2026-12-01 17:00Z ", "２０２６－１２－０１　１７：００Ｚ", "2026年12月1日 17:00Z",
        ] {
            for zone in [utc, shanghai, newYork] { #expect(Moment.read(text, in: zone) == .moment(five), "\(text)") }
        }
        #expect(Moment.read("2026-12-01 17:00", in: utc) == .moment(five))
        #expect(Moment.read("2026-12-02 01:00", in: shanghai) == .moment(five))
        #expect(Moment.read("2026-12-01T12:00", in: newYork) == .moment(five))
        #expect(Moment.read("2026-12-02 24:00", in: shanghai) == Moment.read("2026-12-03 00:00", in: shanghai))
    }

    @Test("A date alone lasts until its end, never shorter")
    func dates() {
        #expect(Moment.read("2026-12-01", in: utc) == .moment(five + 7 * 3600))
        #expect(Moment.read("2026-12-01", in: shanghai) == .moment(five - 3600))
        #expect(Moment.read("2026-12-01", in: newYork) == .moment(five + 12 * 3600))
        // 24:00 there is 18:30 in UTC.
        #expect(Moment.read("2026-12-01", in: kolkata) == .moment(five + 2 * 3600))
        #expect(Moment.read("2026年12月1日", in: utc) == Moment.read("2026-12-01", in: utc))
        // A day of 25 hours.
        #expect(Moment.read("2026-11-01", in: newYork) == Moment.read("2026-11-02 05:00Z", in: newYork))
    }

    @Test("Of an hour that comes twice the later one is meant")
    func clockSetBack() {
        #expect(Moment.read("2026-11-01 01:00", in: newYork) == Moment.read("2026-11-01 06:00Z", in: utc))
    }

    @Test("What is no whole hour in UTC is told the two nearest, and what is no date is no date")
    func refused() {
        #expect(Moment.read("2026-12-01 17:30Z") == .between(five, five + 3600))
        #expect(Moment.read("2026-12-01 17:00", in: kolkata) == .between(five - 6 * 3600, five - 5 * 3600))
        #expect(Moment.read("2026-12-01T17:00:01Z") == .between(five, five + 3600))
        for text in [
            "", "soon", "2026-13-01", "2026-02-30", "2026-12-01 25:00Z", "2026-12-01 24:01Z", "2026-12-01 17Z",
            "2026-12-01 17:00 CET", "2026-12-01 17:00+99:00", "2026-12-01T17:00Z+08:00", "01-12-2026", "12/01/2026",
            "2026-12-0117:00", "1796144400", "99999-01-01", "2026-12-01 5:00 pm", "1950-01-01", "2026-12/01",
        ] {
            #expect(Moment.read(text, in: utc) == .unreadable, "\(text)")
        }
        do {
            _ = try Moment.deadline("2026-12-01 17:30Z")
            Issue.record("not refused")
        } catch ClientError.invalid(.deadlineHour, let values) {
            #expect(values["before"] == Moment.describe(five) && values["after"] == Moment.describe(five + 3600))
        } catch { Issue.record("\(error)") }
    }

    @Test("A moment is shown where the reader is, and in UTC beside it")
    func shown() {
        #expect(Moment.describe(five, in: utc) == "2026-12-01 17:00 UTC")
        #expect(Moment.describe(five, in: shanghai) == "2026-12-02 01:00 +08:00 (2026-12-01 17:00 UTC)")
        #expect(Moment.describe(five, in: newYork) == "2026-12-01 12:00 -05:00 (2026-12-01 17:00 UTC)")
        #expect(Moment.describe(five + 61, in: kolkata) == "2026-12-01 22:31:01 +05:30 (2026-12-01 17:01:01 UTC)")
        #expect(Moment.describe(.max, in: utc).hasPrefix("9999"))
        #expect(Moment.day(five) == "2026-12-01")
        // In the form that `deadline` reads again.
        #expect(Moment.read("2026-12-02 01:00 +08:00") == .moment(five))
    }
}
