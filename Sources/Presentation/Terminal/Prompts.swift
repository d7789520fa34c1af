import ChildProcesses
import Client
import Foundation
import Sodium
import Synchronization

/// What is asked on a terminal.
extension Terminal {
    private static let asked = Mutex(false)

    /// Whether somebody sits there who can be asked.
    package static var canAsk: Bool { isatty(STDIN_FILENO) == 1 }

    /// The person leaves a sitting, at whatever question.
    package struct Left: Error {
        package init() {}
    }

    private static let leavable = Mutex(false)

    /// From here on a q at any question leaves, and so does the end of the input: `Left` is thrown.
    package static func leavesByLetter(_ leaves: Bool) { leavable.withLock { $0 = leaves } }

    /// Asks on the terminal. Nil when there is none.
    /// - Throws: `ClientError.invalid(.inputEnded)` for Ctrl-D; `Left` in a sitting, for that and for a q; `Interrupted`.
    package static func answer(_ question: String) throws -> String? {
        guard canAsk else { return nil }
        show(question)
        let leaves = leavable.withLock { $0 }
        if let line = try typedLine() {
            if leaves, Answers.leaves(line) { throw Left() }
            return line
        }
        write("\n")
        if leaves { throw Left() }
        throw ClientError.invalid(.inputEnded)
    }

    /// The next line that is typed; nil at the end of the input. A signal that ends the program is thrown, so that
    /// whoever asked keeps what was decided and says what was sent.
    private static func typedLine() throws -> String? {
        let listener = SignalListener(SignalListener.ending)
        defer { listener.close() }
        var bytes: [UInt8] = []
        while true {
            let (signals, isReadable) = listener.wait(file: STDIN_FILENO)
            if let signal = signals.first {
                write("\n")
                throw Interrupted(signal: signal)
            }
            guard isReadable else { continue }
            var byte: UInt8 = 0
            guard read(STDIN_FILENO, &byte, 1) == 1 else {
                return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
            }
            if byte == 0x0a { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
    }

    /// Writes a question, with the cursor behind it.
    package static func show(_ question: String) {
        Pager.show()
        asked.withLock { $0 = true }
        write(prompt(question, columns: Columns.width(of: STDERR_FILENO)))
    }

    /// A question in lines that fit the terminal, like other text; the spaces at its end stay.
    package static func prompt(_ question: String, columns: Int) -> String {
        var text = Substring(question)
        while text.last == " " { text.removeLast() }
        let end = String(repeating: " ", count: question.count - text.count)
        return Wrapping(width: columns, hangs: true).lines(of: String(text)).joined(separator: "\n") + end
    }

    /// The same for who takes an end of the input as no answer.
    /// - Throws: `Left` and `Interrupted` alone.
    package static func ask(_ question: String) throws -> String? {
        do { return try answer(question) } catch is ClientError { return nil }
    }

    /// Asks where somebody must answer.
    private static func required(_ question: String) throws -> String {
        guard let answer = try answer(question) else { throw ClientError.invalid(.noTerminalToAsk) }
        return answer
    }

    /// What cannot be taken back is asked about, where there is somebody to ask.
    /// - Parameter otherwise: what an empty answer means.
    /// - Throws: what `answer` throws: neither the end of the input nor leaving is an answer.
    package static func confirms(_ question: String, otherwise: Bool = false) throws -> Bool {
        guard canAsk else { return true }
        if try agreement(question, otherwise: otherwise, ask: required) { return true }
        if !otherwise { line(words("cosign.stopped")) }
        return false
    }

    /// One of the numbers up to `count`, where somebody can be asked.
    /// - Returns: its place, from 0.
    package static func choosePlace(_ question: String, among count: Int) throws -> Int {
        try choice(question, among: count, ask: required).place ?? 0
    }

    /// Asks for a passphrase without showing it, on the terminal that the program was started from, wherever its streams lead.
    ///
    /// However the question ends, the terminal shows again what is typed: a signal is heard, the terminal is put back, and only then the
    /// program ends or stops. After it was stopped the question is asked anew.
    /// - Returns: nil when there is no terminal.
    /// - Throws: `ClientError.invalid(.passphraseEmpty)`, `.inputEnded` for Ctrl-D; `Interrupted`.
    package static func askSecretly(_ question: String) throws -> SecretBytes? {
        let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC)
        guard terminal >= 0 else { return nil }
        defer { close(terminal) }
        var before = termios()
        guard tcgetattr(terminal, &before) == 0 else { return nil }
        Pager.show()
        asked.withLock { $0 = true }
        fflush(nil)
        let listener = SignalListener(SignalListener.ending + [SIGTSTP])
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        func ask() {
            tcsetattr(terminal, TCSAFLUSH, &silent)
            let text = Array(prompt(question, columns: Columns.width(of: terminal)).utf8)
            _ = Foundation.write(terminal, text, text.count)
        }
        func putBack() {
            // With TCSAFLUSH: what else was typed or pasted is dropped, so that no shell runs it.
            tcsetattr(terminal, TCSAFLUSH, &before)
            _ = Foundation.write(terminal, "\n", 1)
        }
        ask()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(longestSecret)
        func wipe() { if !bytes.isEmpty { _ = SecretBytes(moving: &bytes) } }
        do {
            while try takeByte(of: terminal, listener, into: &bytes, putBack: putBack, again: ask) {}
        } catch {
            wipe()
            putBack()
            listener.close()
            throw error
        }
        putBack()
        if let signal = listener.close().first(where: { $0 != SIGTSTP }) {
            wipe()
            throw Interrupted(signal: signal)
        }
        guard !bytes.isEmpty else { throw ClientError.invalid(.passphraseEmpty) }
        return SecretBytes(moving: &bytes)
    }

    /// - Returns: whether the line goes on.
    private static func takeByte(
        of terminal: Int32, _ listener: SignalListener, into bytes: inout [UInt8], putBack: () -> Void,
        again: () -> Void
    ) throws -> Bool {
        let (signals, isReadable) = listener.wait(file: terminal)
        for signal in signals {
            guard signal == SIGTSTP else { throw Interrupted(signal: signal) }
            putBack()
            if !bytes.isEmpty { _ = SecretBytes(moving: &bytes) }
            SignalListener.take(signal)
            again()
            return true
        }
        guard isReadable else { return true }
        var byte: UInt8 = 0
        guard read(terminal, &byte, 1) == 1 else { throw ClientError.invalid(.inputEnded) }
        if byte == 0x0a { return false }
        if bytes.count < longestSecret { bytes.append(byte) }
        return true
    }

    /// What was typed or pasted behind a question that an error ended is nobody's command: a shell would run it, and keep it in its
    /// history.
    package static func dropWhatWasTyped() {
        guard asked.withLock({ $0 }), canAsk else { return }
        tcflush(STDIN_FILENO, TCIFLUSH)
        // A paste arrives in pieces.
        usleep(50_000)
        tcflush(STDIN_FILENO, TCIFLUSH)
    }

    /// Bytes of a passphrase.
    package static let longestSecret = 4096

    /// The first line of a descriptor, without its line feed, at most 4096 bytes.
    package static func readLine(from descriptor: Int32) -> SecretBytes? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(longestSecret)
        var byte: UInt8 = 0
        while bytes.count < longestSecret, read(descriptor, &byte, 1) == 1, byte != 0x0a { bytes.append(byte) }
        return bytes.isEmpty ? nil : SecretBytes(moving: &bytes)
    }
}
