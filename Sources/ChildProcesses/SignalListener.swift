import CProcess
import Foundation

/// A signal asked this program to end while something had to be put back first: a terminal's echo, a file with
/// plaintext. It is thrown, so that every caller on the way puts things back, and the outermost one calls `take()`.
public struct Interrupted: Error, Sendable, Equatable {
    /// The signal's number.
    public let signal: Int32

    /// An interruption by this signal.
    public init(signal: Int32) { self.signal = signal }

    /// Ends the program as the signal would have, so that a shell can tell why.
    public func take() { SignalListener.take(signal) }
}

/// Receives signals through a descriptor, for code that has to put something back before the program ends or stops.
///
/// A signal handler may do next to nothing, and runs on any thread. So it only writes the signal's number, and the
/// waiting code reads it. There is one listener at a time, because a terminal has one foreground.
public final class SignalListener {
    /// Signals that end a program when its terminal is gone, or when its user wants it to end.
    public static let ending: [Int32] = [SIGINT, SIGQUIT, SIGTERM, SIGHUP]

    private let descriptor: Int32
    private var isOpen = true

    /// Starts to listen.
    /// - Parameter signals: from now on they are only reported, and have no other effect. Those that this program was
    ///   started to ignore are not reported.
    public init(_ signals: [Int32]) {
        descriptor = roundrobin_hear_signals(signals, Int32(signals.count))
        _ = pending()
    }

    deinit { close() }

    /// Restores the signals' effects.
    /// - Returns: the signals that were reported but not read yet, in order.
    @discardableResult
    public func close() -> [Int32] {
        guard isOpen else { return [] }
        isOpen = false
        roundrobin_hear_no_more()
        return pending()
    }

    /// Waits until a signal is reported, or `file` can be read.
    /// - Parameters:
    ///   - file: negative for none.
    ///   - milliseconds: negative to wait for ever.
    /// - Returns: the signals, in order, and whether the file can be read or has ended.
    public func wait(file: Int32 = -1, milliseconds: Int32 = -1) -> (signals: [Int32], isReadable: Bool) {
        var wanted = [
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: file, events: Int16(POLLIN), revents: 0),
        ]
        // Without a pipe no signal is reported, so a caller that waits for a child has to look for it now and then.
        guard poll(&wanted, 2, descriptor < 0 && milliseconds < 0 ? 50 : milliseconds) > 0 else { return ([], false) }
        return (pending(), wanted[1].revents != 0)
    }

    private func pending() -> [Int32] {
        guard descriptor >= 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 0 ? bytes.prefix(count).map(Int32.init) : []
    }

    /// Lets a signal have its default effect: the program ends, or it stops and goes on later.
    public static func take(_ signal: Int32) { roundrobin_take_signal(signal) }
}
