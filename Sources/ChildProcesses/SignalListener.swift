import CProcess
import Foundation

/// A signal asked this program to end while something had to be put back first: a terminal's echo, a file with plaintext. It is thrown so
/// that everything on the way puts itself back, and taken at the very end with `take()`.
public struct Interrupted: Error, Sendable, Equatable {
    public let signal: Int32

    public init(signal: Int32) { self.signal = signal }

    /// Ends the program as the signal would have, so that a shell sees why.
    public func take() { SignalListener.take(signal) }
}

/// Hears signals through a descriptor, for code that has to put something back before the program ends or stops.
///
/// A handler may do next to nothing, and it runs on whichever thread the system takes; so it only writes the number, and whoever
/// waits reads it. There is one listener at a time, for a terminal has one foreground.
public final class SignalListener {
    /// Signals that end a program whose terminal is gone or whose user has had enough.
    public static let ending: [Int32] = [SIGINT, SIGQUIT, SIGTERM, SIGHUP]

    private let descriptor: Int32
    private var isOpen = true

    /// - Parameter signals: without effect from now on, but for being told. Those that this program was started to ignore are not told.
    public init(_ signals: [Int32]) {
        descriptor = roundrobin_hear_signals(signals, Int32(signals.count))
        _ = pending()
    }

    deinit { close() }

    /// Gives the signals their effect back.
    /// - Returns: those that were told and not taken yet, in their order.
    @discardableResult
    public func close() -> [Int32] {
        guard isOpen else { return [] }
        isOpen = false
        roundrobin_hear_no_more()
        return pending()
    }

    /// Waits until a signal is told, or `file` has something to read.
    /// - Parameters:
    ///   - file: none when negative.
    ///   - milliseconds: for ever when negative.
    /// - Returns: the signals, in their order, and whether the file can be read or has ended.
    public func wait(file: Int32 = -1, milliseconds: Int32 = -1) -> (signals: [Int32], isReadable: Bool) {
        var wanted = [
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: file, events: Int16(POLLIN), revents: 0),
        ]
        // Without a pipe nothing is told; whoever waits for a child then looks for it now and then.
        guard poll(&wanted, 2, descriptor < 0 && milliseconds < 0 ? 50 : milliseconds) > 0 else { return ([], false) }
        return (pending(), wanted[1].revents != 0)
    }

    private func pending() -> [Int32] {
        guard descriptor >= 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 0 ? bytes.prefix(count).map(Int32.init) : []
    }

    /// Lets a signal have its usual effect: the program ends, or stops and goes on later.
    public static func take(_ signal: Int32) { roundrobin_take_signal(signal) }
}
