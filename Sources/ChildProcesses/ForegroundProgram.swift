import Foundation

/// A program that has the terminal while it runs: an editor, a pager. It is in this program's process group, which is the one in the
/// foreground, so that it may read and draw, and so that Ctrl-Z stops both and `fg` brings both back.
public enum ForegroundProgram {
    /// Milliseconds that it has to end in, once this program has been asked to.
    private static let patience: Int32 = 2000

    /// Runs a program to its end, and holds the thread.
    ///
    /// Ctrl-C and Ctrl-\ are the program's own meanwhile, as with system(3). When this program is told to end, or loses its terminal, the
    /// other is told too, and ended if it does not end by itself.
    /// - Parameter feed: runs once it has been started; writes what it reads. Its errors end nothing: a pager may be left early.
    /// - Throws: `ChildProcess.NotStarted`; `Interrupted`, once it has ended.
    public static func run(
        _ command: [String], environment: [String: String]? = nil, input: ChildProcess.Stream = .inherited,
        output: ChildProcess.Stream = .inherited, feed: () throws -> Void = {}
    ) throws -> ChildProcess.End {
        // What was said before it comes before what it says.
        fflush(nil)
        let listener = SignalListener(SignalListener.ending + [SIGCHLD, SIGPIPE])
        let child = try ChildProcess(command, environment: environment, input: input, output: output)
        try? feed()
        var asked: Int32?
        while true {
            if let end = child.end {
                asked = asked ?? listener.close().first { $0 == SIGTERM || $0 == SIGHUP }
                if let asked { throw Interrupted(signal: asked) }
                return end
            }
            let (signals, _) = listener.wait(milliseconds: asked == nil ? -1 : patience)
            if signals.isEmpty, asked != nil { child.send(SIGKILL) }
            for signal in signals where signal == SIGTERM || signal == SIGHUP {
                asked = asked ?? signal
                child.send(signal)
            }
        }
    }
}
