import ArgumentParser
import ChildProcesses
import Client
import Foundation
import Sodium
import TestSupport
import Testing

@testable import Presentation
@testable import roundrobin

/// The built program in a real terminal, with the editors, pagers and shells that people have.
@Suite("In a terminal", .ownThreads, .serialized)
struct TerminalProgramTests {
    let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(atPath: directory("tmp"), withIntermediateDirectories: false)
        try Data("a passphrase\n".utf8).write(to: URL(filePath: directory("pass")))
    }

    /// Nothing in the environment of the person who runs the tests has an effect.
    private func surroundings(_ more: [String: String] = [:]) -> [String: String] {
        [
            "TMPDIR": directory("tmp"), "XDG_RUNTIME_DIR": "", "VISUAL": "", "EDITOR": "", "PAGER": "",
            "HOME": directory("tmp"),
        ].merging(more) { $1 }
    }

    private func terminal(
        _ arguments: [String], _ environment: [String: String] = [:], columns: Int = 80, rows: Int = 24
    ) throws -> PseudoTerminal {
        try PseudoTerminal(
            [Program.path] + arguments, environment: surroundings(environment), columns: columns, rows: rows)
    }

    private var keystore: [String] { ["--home", directory("m1"), "--passphrase-file", directory("pass")] }

    /// Plaintext files that a command left behind.
    private var leftovers: [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: directory("tmp")))?.filter { $0.hasPrefix("roundrobin-") }
            ?? []
    }

    private func workplace() throws -> ServiceProcess {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        let found = try Program.run(["workplace", "found", service.url, "--eligible", "9"] + keystore)
        #expect(found.status == 0, "\(found.error)")
        let made = try Program.run(["draft", "new", "--template", "informed-consent"] + keystore)
        #expect(made.status == 0, "\(made.error)")
        return service
    }

    private var draft: String {
        get throws { try Program.run(["draft", "show", "1", "--raw"] + keystore).output }
    }

    // MARK: Editors

    @Test("vi and nano appear, take what is typed, and the draft has it; nothing stays on the disk")
    func editors() throws {
        let service = try workplace()
        defer { service.kill() }
        let first = try #require(try draft.split(separator: "\n").first.map { String($0.prefix(20)) })
        for (editor, keys) in [
            ("vi", "ggOTyped in vi\u{1b}:wq\r"), ("nano", "Typed in nano\r\u{18}y\r"),
        ] {
            let terminal = try terminal(["draft", "edit", "1"] + keystore, ["EDITOR": editor])
            try terminal.see(editor == "vi" ? first : "Typed in vi")
            terminal.type(keys)
            #expect(try terminal.end() == .exited(0), "\(editor): \(terminal.screen)")
            #expect(try draft.hasPrefix("Typed in \(editor)\n"))
            #expect(leftovers.isEmpty)
        }
        // A new demand from nothing.
        let terminal = try terminal(["draft", "new"] + keystore, ["EDITOR": "nano"])
        try terminal.see("The demand in one line:")
        terminal.type("Longer breaks\r")
        try terminal.see("draft.md")
        terminal.type("Half an hour\r\u{18}y\r")
        #expect(try terminal.end() == .exited(0), "\(terminal.screen)")
        let made = try Program.run(["draft", "show", "breaks", "--raw"] + keystore).output
        #expect(made == "Longer breaks\n\nHalf an hour\n", "\(made)")
        #expect(leftovers.isEmpty)
    }

    @Test("An editor that is set to keep swap files, backups and undone changes elsewhere keeps none of a draft")
    func copies() throws {
        let service = try workplace()
        defer { service.kill() }
        for name in ["swap", "backup", "undo"] { #expect(mkdir(directory(name), 0o700) == 0) }
        let settings = """
            set nocompatible swapfile updatecount=1 directory=\(directory("swap"))// undofile undodir=\(directory("undo"))
            set backup writebackup backupdir=\(directory("backup")) viminfo='100,<50,n\(directory("tmp"))/.viminfo
            """
        try Data((settings + "\n").utf8).write(to: URL(filePath: directory("tmp/.vimrc")))
        try Data("set backup\nset backupdir \"\(directory("backup"))\"\n".utf8)
            .write(to: URL(filePath: directory("tmp/.nanorc")))
        /// Everything in this test's directory, at any depth, that has the text.
        func copies() throws -> [String] {
            let all = FileManager.default.enumerator(atPath: directory(""))
            return (all?.allObjects as? [String] ?? []).filter { name in
                !name.contains("/roundrobin-") && name != "told"
                    && FileManager.default.contents(atPath: directory(name))?.range(of: Data("secretly".utf8)) != nil
            }
        }
        // The settings do what they say: the editor by itself keeps copies.
        try Data("Some words.\n".utf8).write(to: URL(filePath: directory("plain")))
        let alone = try PseudoTerminal(["vi", directory("plain")], environment: surroundings())
        try alone.see("Some words.")
        alone.type("ggOkept secretly\u{1b}:w\rx")
        try alone.wait("a swap file") { (try? copies().contains { $0.hasPrefix("swap/") }) == true }
        alone.type(":wq\r")
        #expect(try alone.end() == .exited(0))
        let kept = try copies()
        #expect(kept.contains { $0.hasPrefix("undo/") || $0.hasPrefix("tmp/.viminfo") }, "\(kept)")
        for name in ["plain", "swap", "backup", "undo", "tmp/.viminfo"] {
            try? FileManager.default.removeItem(atPath: directory(name))
        }
        for name in ["swap", "backup", "undo"] { #expect(mkdir(directory(name), 0o700) == 0) }

        for (editor, keys) in [
            ("vi", "ggOkept secretly\u{1b}yy:w\rx"), ("vim -N", "ggOkept secretly\u{1b}yy:w\rx"),
            ("nano", "kept secretly \u{13}more"),
        ] {
            let before = try draft
            let terminal = try terminal(["draft", "edit", "1"] + keystore, ["EDITOR": editor])
            try terminal.wait("\(editor) is up") { terminal.text.contains(before.prefix(12)) }
            #expect(!terminal.text.contains("does not know your editor"))
            terminal.type(keys)
            try terminal.wait("it is written") { leftovers.contains { holds("tmp/" + $0 + "/draft.md", "secretly") } }
            #expect(try copies() == [], "\(editor)")
            terminal.type(editor == "nano" ? "\u{18}y\r" : ":wq\r")
            #expect(try terminal.end() == .exited(0), "\(editor): \(terminal.screen)")
            #expect(try copies() == [], "\(editor)")
            #expect(try draft.contains("kept secret") && leftovers.isEmpty)
        }
        // Where nothing is known of an editor, the person is told where the text lies.
        let unknown = try terminal(["draft", "edit", "1"] + keystore, ["EDITOR": "sh -c 'echo >> \"$0\"'"])
        #expect(try unknown.end() == .exited(0) && unknown.text.contains("does not know your editor"))
        #expect(unknown.text.contains("/draft.md, which is"))
    }

    private func holds(_ name: String, _ text: String) -> Bool {
        FileManager.default.contents(atPath: directory(name))?.range(of: Data(text.utf8)) != nil
    }

    @Test("Ctrl-Z stops the editor together with the program, and fg brings both back")
    func stopped() throws {
        let service = try workplace()
        defer { service.kill() }
        let shell = try PseudoTerminal(
            ["bash", "--norc", "--noprofile", "-i"], environment: surroundings(["EDITOR": "vi", "PS1": "ready> "]))
        try shell.see("ready> ")
        shell.type(ShellQuoting.command([Program.path, "draft", "edit", "1"] + keystore) + "\r")
        try shell.see("draft.md")
        shell.type("\u{1a}")
        try shell.see("Stopped")
        let drawn = shell.screen.utf8.count
        shell.type("fg\r")
        try shell.wait("vi comes back") { shell.screen.utf8.count > drawn + 300 }
        shell.type("ggOBack again\u{1b}:wq\r")
        try shell.wait("the draft is saved") { leftovers.isEmpty }
        shell.type("exit\r")
        _ = try shell.end()
        #expect(try draft.hasPrefix("Back again\n"))
    }

    @Test("A signal to the program, or the end of its terminal, ends the editor too and leaves no plaintext")
    func hungUp() throws {
        let service = try workplace()
        defer { service.kill() }
        let before = try draft
        for (editor, signal) in [
            ("vi", SIGHUP), ("nano", SIGTERM), ("sh -c 'trap \"\" HUP TERM; echo up; sleep 600'", SIGHUP),
        ] {
            let terminal = try terminal(["draft", "edit", "1"] + keystore, ["EDITOR": editor])
            try terminal.wait("\(editor) is up") { terminal.text.count > 2 && !leftovers.isEmpty }
            terminal.program.send(signal)
            #expect(try terminal.end() == .killed(signal), "\(editor): \(terminal.screen)")
            #expect(leftovers.isEmpty)
        }
        #expect(try draft == before)
    }

    @Test("Ctrl-C is the editor's; what was written when an editor fails is kept, for this user alone")
    func failing() throws {
        let service = try workplace()
        defer { service.kill() }
        let script = "sh -c 'trap \"exit 3\" INT; echo Half a thought > \"$0\"; echo up!; while :; do sleep 0.1; done'"
        let terminal = try terminal(["draft", "edit", "1"] + keystore, ["EDITOR": script])
        try terminal.see("up!")
        terminal.type("\u{3}")
        #expect(try terminal.end() == .exited(2))
        let kept = try #require(leftovers.first { $0.hasPrefix("roundrobin-unsaved-") })
        #expect(leftovers.count == 1)
        #expect(try String(contentsOfFile: directory("tmp/" + kept), encoding: .utf8) == "Half a thought\n")
        let mode = try FileManager.default.attributesOfItem(atPath: directory("tmp/" + kept))[.posixPermissions]
        #expect((mode as? NSNumber)?.intValue == 0o600)
    }

    @Test("What an editor saved is read whatever it put around the text; what is no text is kept and explained")
    func encodings() throws {
        let service = try workplace()
        defer { service.kill() }
        func edit(_ bytes: [UInt8]) throws -> PseudoTerminal {
            try Data(bytes).write(to: URL(filePath: directory("saved")))
            return try terminal(
                ["draft", "edit", "1"] + keystore, ["EDITOR": ShellQuoting.command(["cp", directory("saved")])])
        }
        for (i, prefix) in ["\u{feff}", ""].enumerated() {
            let saved = try edit(Array("\(prefix)Title \(i)\r\n\r\nOne.\r\nTwo.\r\n".utf8))
            #expect(try saved.end() == .exited(0), "\(saved.screen)")
            #expect(try draft == "Title \(i)\n\nOne.\nTwo.\n")
        }
        let wide = "\u{feff}Weit\r\n\r\nÄpfel.\r\n".utf16.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
        let saved = try edit(wide)
        #expect(try saved.end() == .exited(0), "\(saved.screen)")
        #expect(try draft == "Weit\n\nÄpfel.\n")
        // Latin-1, and a control character.
        for (bytes, told) in [
            (Array("Caf".utf8) + [0xe9, 0x0a, 0x0a, 0x61, 0x0a], "UTF-8"), (Array("T\n\na\u{1}b\n".utf8), "U+0001"),
        ] {
            let refused = try edit(bytes)
            #expect(try refused.end() == .exited(2), "\(refused.screen)")
            let kept = try #require(leftovers.first { $0.hasPrefix("roundrobin-unsaved-") })
            #expect(refused.text.contains(told) && leftovers.count == 1)
            #expect(FileManager.default.contents(atPath: directory("tmp/" + kept)) == Data(bytes))
            try FileManager.default.removeItem(atPath: directory("tmp/" + kept))
        }
        #expect(try draft == "Weit\n\nÄpfel.\n")
    }

    @Test(
        "The plaintext goes where nobody else can enter, or where temporary files go; an editor is found where none is named"
    )
    func places() throws {
        let runtime = directory("run")
        #expect(mkdir(runtime, 0o755) == 0)
        #expect(Editor.place(["XDG_RUNTIME_DIR": runtime, "TMPDIR": directory("tmp")]).path == directory("tmp"))
        #expect(chmod(runtime, 0o700) == 0)
        #expect(Editor.place(["XDG_RUNTIME_DIR": runtime, "TMPDIR": directory("tmp")]).path == runtime)
        #expect(Editor.place(["XDG_RUNTIME_DIR": directory("absent"), "TMPDIR": directory("absent")]).path == "/tmp")
        #expect(symlink(runtime, directory("link")) == 0)
        #expect(Editor.place(["XDG_RUNTIME_DIR": directory("link")]).path == "/tmp")
        #expect(try Editor.command(["VISUAL": "", "EDITOR": "ed -s"]) == "ed -s")
        #expect(try Editor.command(["VISUAL": "emacs", "EDITOR": "ed"]) == "emacs")
    }

    // MARK: Passphrases

    private func list(_ home: String) -> [String] { ["petition", "list", "--home", home] }

    @Test("However the question for the passphrase ends, the terminal shows again what is typed")
    func echo() throws {
        let service = try workplace()
        defer { service.kill() }
        let command = list(directory("m1"))
        for signal in [SIGINT, SIGQUIT, SIGTERM, SIGHUP] {
            let terminal = try terminal(command)
            try terminal.see("Passphrase")
            try terminal.wait("nothing is shown") { !terminal.isEchoing }
            if signal == SIGINT { terminal.type("secret words\u{3}") } else { terminal.program.send(signal) }
            #expect(try terminal.end() == .killed(signal))
            #expect(terminal.isEchoing && !terminal.text.contains("secret"))
            #expect(terminal.text.contains("Nothing was sent"), "\(terminal.screen)")
        }
        let terminal = try terminal(command)
        try terminal.see("Passphrase")
        try terminal.wait("nothing is shown") { !terminal.isEchoing }
        terminal.type("\u{4}")
        #expect(try terminal.end() == .exited(2))
        #expect(terminal.isEchoing && terminal.text.contains("Nothing was sent"))
    }

    @Test("Ctrl-Z at the question gives the shell a terminal that echoes, and fg asks again")
    func stoppedPrompt() throws {
        let service = try workplace()
        defer { service.kill() }
        let command = ShellQuoting.command([Program.path] + list(directory("m1")))
        // A shell that does not restore the terminal itself.
        let shell = try PseudoTerminal(
            ["bash", "--norc", "-c", "set -m; \(command); stty -a; echo [ready]; fg"], environment: surroundings())
        try shell.see("Passphrase")
        shell.type("half\u{1a}")
        try shell.see("[ready]")
        #expect(shell.text.contains(" echo ") && !shell.text.contains("-echo "))
        try shell.see("Passphrase", count: 2)
        shell.type("a passphrase\r")
        #expect(try shell.end() == .exited(0), "\(shell.screen)")
    }

    @Test("What was typed behind a question that an error ended never reaches the shell")
    func dropped() throws {
        let service = try workplace()
        defer { service.kill() }
        let command = ShellQuoting.command([Program.path] + list(directory("m1")))
        let shell = try PseudoTerminal(
            ["bash", "--norc", "-c", "\(command); read -t 2 rest; echo \"rest<$rest>\""], environment: surroundings())
        try shell.see("Passphrase")
        shell.type("\u{4}the second line\rthe third line\r")
        _ = try shell.end()
        #expect(shell.text.contains("rest<>"), "\(shell.screen)")
    }

    @Test("A new passphrase that is empty, short, or typed differently is asked for again in place")
    func again() throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        let terminal = try terminal(
            ["workplace", "found", service.url, "--eligible", "9", "--home", directory("m1")])
        func answer(_ text: String) throws {
            let before = terminal.text.count
            terminal.type(text + "\r")
            try terminal.wait("the next question") { terminal.text.count > before + 10 && !terminal.isEchoing }
            usleep(200_000)
        }
        try terminal.wait("the question") { !terminal.isEchoing && terminal.text.contains("passphrase") }
        try answer("")
        try answer("short")
        try answer("four random words here")
        try answer("four random words there")
        try answer("four random words here")
        terminal.type("four random words here\r")
        #expect(try terminal.end() == .exited(0), "\(terminal.screen)")
        for told in ["empty", "too short", "differ"] { #expect(terminal.text.contains(told)) }
        // Said before the first is chosen, and once more to whoever chose a short one.
        #expect(terminal.screen.components(separatedBy: "at least 12 characters").count == 3, "\(terminal.screen)")
    }

    @Test("A new passphrase has twelve characters at least, and a Han character, a kana or a hangul is three of them")
    func lengths() throws {
        let lengths = [
            "twelve chars": 12, "正确的马": 12, "正确的": 9, "かな漢字": 12, "비밀번호": 12, "ﾊﾟｽ": 9, "pass 口令": 11,
            "пароль": 6, "é": 1, "，。": 2, "\u{20000}": 3,
        ]
        for (text, length) in lengths {
            var bytes = Array(text.utf8)
            #expect(PassphraseSource.length(SecretBytes(moving: &bytes)) == length, "\(text)")
        }
        for (text, fits) in [("正确的马", true), ("正确的", false), ("eleven char", false)] {
            try Data(text.utf8).write(to: URL(filePath: directory("new")))
            let read = { try PassphraseSource(file: directory("new")).read(new: true, prompt: "").count }
            if fits { #expect(try read() == text.utf8.count) } else { #expect(throws: ClientError.self) { try read() } }
        }
    }

    @Test("A mistyped passphrase of a backup is asked for again, and Ctrl-D at any question says that nothing was sent")
    func restoring() throws {
        let service = try workplace()
        defer { service.kill() }
        let backup = directory("backup")
        let made = try Program.run(
            ["keys", "backup", backup, "--backup-passphrase-file", directory("pass")] + keystore)
        #expect(made.status == 0, "\(made.error)")
        let terminal = try terminal(["keys", "restore", backup, "--home", directory("m2")])
        try terminal.see("backup's passphrase:")
        terminal.type("another passphrase\r")
        try terminal.see("is wrong")
        try terminal.see("backup's passphrase:", count: 2)
        // Nobody chooses a passphrase for a backup that does not open.
        #expect(!terminal.text.contains("Choose a passphrase"))
        terminal.type("a passphrase\r")
        try terminal.see("Choose a passphrase")
        for count in 1...2 {
            try terminal.wait("question \(count)") { !terminal.isEchoing }
            usleep(200_000)
            terminal.type("another passphrase\r")
        }
        #expect(try terminal.end() == .exited(0), "\(terminal.screen)")
        let asked = try self.terminal(["join", "--home", directory("m3"), "--passphrase-file", directory("pass")])
        try asked.see(":")
        asked.type("\u{4}")
        #expect(try asked.end() == .exited(2) && asked.text.contains("Nothing was sent"))
    }

    @Test("A passphrase file may end its line as Windows does, and begin with a byte order mark")
    func files() throws {
        for (i, text) in ["a passphrase", "a passphrase\r\n", "\u{feff}a passphrase\n", "\u{feff}a passphrase\r"]
            .enumerated()
        {
            let path = directory("pass\(i)")
            try Data(text.utf8).write(to: URL(filePath: path))
            #expect(try PassphraseSource(file: path).read(new: true, prompt: "").reveal() == Array("a passphrase".utf8))
        }
        // A file that was made with a passphrase including its line end is opened with that.
        let opened = try PassphraseSource(file: directory("pass1")).reading(prompt: "") { passphrase in
            guard passphrase.count == 13 else { throw ClientError.wrongPassphrase }
            return passphrase.count
        }
        #expect(opened == 13)
    }

    @Test("A command derives the keystore's key once, though it tries the passphrase before it opens the keystore")
    func derivedOnce() async throws {
        let service = try workplace()
        defer { service.kill() }
        let options = try KeystoreOptions.parse(keystore)
        let opener = try options.opener()
        for _ in 0..<3 { try await options.withMember(opener) { _ in } }
        #expect(opener.derivations == 1)
    }

    @Test("A file that is not there is told before the passphrase is asked for")
    func missingFiles() throws {
        let service = try workplace()
        defer { service.kill() }
        let plan = ["--title", "Title", "--draft", "1", "--trustee", "1", "--threshold", "1", "--quorum", "5"]
        for command in [
            ["draft", "edit", "1", "--file"], ["draft", "new", "--file"],
            ["petition", "prepare"] + plan + ["--preamble-file"],
        ] {
            let terminal = try terminal(command + [directory("absent"), "--home", directory("m1")], columns: 200)
            #expect(try terminal.end() == .exited(2), "\(terminal.screen)")
            #expect(terminal.text.contains("There is no file") && !terminal.text.contains("Passphrase"))
        }
    }

    // MARK: Output

    @Test("Where errors cannot be written, a command ends with its own exit status")
    func fullDisk() throws {
        let command = ShellQuoting.command([Program.path, "letter", directory("absent.rrbundle")])
        let shell = try PseudoTerminal(
            [
                "bash", "--norc", "-c",
                "\(command) 2>/dev/full; echo \"ended<$?>\"; \(command) 2>&-; echo \"ended<$?>\"",
            ],
            environment: surroundings())
        try shell.see("ended<2>", count: 2)
        #expect(try shell.end() == .exited(0), "\(shell.screen)")
    }

    @Test("What is longer than the screen goes to the pager, and nothing else does")
    func paged() throws {
        let command = ["template", "show", "informed-consent"]
        let less = try terminal(command, ["PAGER": "less"], rows: 10)
        try less.see("q: leave")
        #expect(less.program.isRunning)
        // What is typed there writes no file.
        less.type("s\(directory("written"))\r")
        less.type("q")
        #expect(try less.end() == .exited(0) && !FileManager.default.fileExists(atPath: directory("written")))
        let chinese = try terminal(command + ["--lang", "zh-Hans"], ["PAGER": "less"], rows: 10)
        try chinese.see("q：离开")
        chinese.type("q")
        #expect(try chinese.end() == .exited(0))
        // A verdict is never held.
        let bundle = Vectors.directory.appending(path: "bundles/honest-17.rrbundle").path
        let verdict = try terminal(["verify", bundle], ["PAGER": "less"], rows: 10)
        #expect(try verdict.end() == .exited(0))
        #expect(verdict.text.split(separator: "\n").last == "Verified: every entry, every proof and every figure.")
        let own = try terminal(command, ["PAGER": "sed 's/^/>/'"], rows: 10)
        #expect(try own.end() == .exited(0) && own.text.contains("\n>"))
        let tall = try terminal(command, ["PAGER": "sed 's/^/>/'"], rows: 500)
        #expect(try tall.end() == .exited(0) && !tall.text.contains("\n>"))
        let absent = try terminal(command, ["PAGER": "/nowhere/pager"], rows: 10)
        #expect(try absent.end() == .exited(0) && absent.text.contains("--set"))
    }

    @Test("A run of invites says how far it has come, and the directory goes to the pager")
    func lists() throws {
        let service = try workplace()
        defer { service.kill() }
        let list = "name\n" + (1...30).map { "Person of Number \($0 * 7919)\n" }.joined()
        try Data(list.utf8).write(to: URL(filePath: directory("list.csv")))
        let invite = ["invite", "people", directory("list.csv"), "--slips", directory("slips.html")]
        let run = try terminal(invite + keystore)
        try run.see("of 30 invites issued")
        #expect(try run.end() == .exited(0) && run.text.contains("Wrote 30 slips"))
        for command in [["members", "directory"], ["invite", "list"]] {
            let shown = try terminal(command + keystore, ["PAGER": "sed 's/^/>/'"], rows: 10)
            #expect(try shown.end() == .exited(0))
            #expect(shown.text.split(separator: "\n").count { $0.hasPrefix(">") } >= 30, "\(command)")
        }
    }

    @Test("Lines fit the terminal, in both languages; what goes into a file is not broken")
    func fits() throws {
        for (language, columns) in [("en", 40), ("zh-Hans", 40), ("en", 80), ("zh-Hans", 80)] {
            let terminal = try terminal(
                ["template", "show", "informed-consent", "--language", language, "--lang", language], columns: columns,
                rows: 500)
            #expect(try terminal.end() == .exited(0))
            for line in terminal.text.split(separator: "\n") {
                let isOneWord = !line.drop { $0 == " " }.contains(" ")
                #expect(Columns.cells(String(line)) <= columns || isOneWord, "\(line)")
            }
        }
        let plain = try Program.run("template", "show", "informed-consent")
        #expect(plain.output.split(separator: "\n").contains { $0.count > 120 })
    }

    @Test("HOME decides where the keystore is, before the account's entry")
    func home() throws {
        let said = try Program.run(
            "petition", "list",
            environment: ["HOME": directory("elsewhere"), "XDG_DATA_HOME": "", "ROUNDROBIN_HOME": ""])
        #expect(said.error.contains(directory("elsewhere") + "/.local/share/roundrobin"))
    }
}
