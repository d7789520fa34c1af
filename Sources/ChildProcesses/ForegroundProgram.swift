import Foundation

/// A program that has the terminal while it runs: an editor, a pager. It runs in this program's process group, which is
/// the foreground one, so that it may read and draw, and so that Ctrl-Z stops both and `fg` resumes both.
public enum ForegroundProgram {
    /// How many milliseconds it has in which to end, once this program has been asked to end.
    private static let patience: Int32 = 2000

    /// Runs a program to its end, and blocks the thread.
    ///
    /// Meanwhile, Ctrl-C and Ctrl-\ are handled by the program alone, as with system(3). When this program is asked to
    /// end, or loses its terminal, it asks the other to end too, and kills it if it does not.
    /// - Parameter feed: called once the program has started, to write its input. Errors that it throws are ignored,
    ///   because a pager may be left early.
    /// - Throws: `ChildProcess.NotStarted`; `Interrupted`, after the program has ended.
    public static func run(
        _ command: [String], environment: [String: String]? = nil, input: ChildProcess.Stream = .inherited,
        output: ChildProcess.Stream = .inherited, feed: () throws -> Void = {}
    ) throws -> ChildProcess.End {
        // Output of this program must appear before the other's.
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
