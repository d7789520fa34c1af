import ArgumentParser

/// What commands are called, and what people call them.
package struct CommandNames {
    /// Every command, by the words that lead to it.
    private let paths: [[String]]
    private let root: any ParsableCommand.Type

    package init(_ root: any ParsableCommand.Type) {
        self.root = root
        paths = Self.paths(below: root, [])
    }

    private static func paths(below command: any ParsableCommand.Type, _ path: [String]) -> [[String]] {
        command.configuration.subcommands.flatMap { sub in
            let own = path + [sub._commandName]
            return [own] + paths(below: sub, own)
        }
    }

    /// Words of other programs, and of other people, for what a command here does.
    private static let synonyms: [String: [String]] = [
        "cosign": ["sign", "co-sign", "vote", "support", "endorse", "signature", "联署", "签名", "投票"],
        "join": ["login", "log-in", "signin", "register", "signup", "sign-up", "enter", "accept", "加入", "登录", "注册"],
        "status": ["state", "info", "whoami", "home", "todo", "start", "状态"],
        "withdraw": ["unsign", "retract", "undo", "cancel", "撤回"],
        "tally": ["count", "result", "results", "计票", "结果"],
        "verify": ["check", "validate", "audit", "核验", "验证"],
        "workplace found": ["found", "init", "create", "setup", "新建"],
        "invite people": ["invite-people", "add", "add-member", "邀请"],
        "members list": ["people", "users", "coworkers", "成员"],
        "members remove": ["remove", "kick", "expel"],
        "organisers appoint": ["appoint", "promote", "admin"],
        "organisers dismiss": ["dismiss", "demote"],
        "draft new": ["new", "write", "propose", "demand", "起草"],
        "draft edit": ["edit", "change"],
        "draft comment": ["discuss"],
        "petition list": ["list", "ls", "petitions", "列表"],
        "petition show": ["show", "read", "view", "查看"],
        "petition open": ["open", "publish"],
        "petition close": ["close", "end", "finish"],
        "keys backup": ["save", "backup-keys"],
        "keys restore": ["recover", "restore-keys"],
        "keys passphrase": ["passphrase", "password", "passwd"],
        "forget": ["erase", "delete", "wipe", "clean"],
        "report": ["print", "publish-report"],
        "alarms": ["alerts", "warnings", "notices"],
        "watch": ["follow", "wait"],
    ]

    /// Commands of the other programs, by the word that people type.
    private static let elsewhere: [String: [String]] = [
        "serve": ["roundrobin-service", "serve"], "witness": ["roundrobin-service", "witness"],
        "fsck": ["roundrobin-service", "fsck"], "backup": ["roundrobin-service", "backup"],
        "restore": ["roundrobin-service", "restore"], "migrate": ["roundrobin-service", "migrate"],
        "bench": ["roundrobin-service", "bench"], "demo": ["roundrobin-demo"],
        "join": ["roundrobin", "join"], "cosign": ["roundrobin", "cosign"], "status": ["roundrobin", "status"],
        "verify": ["roundrobin", "verify"], "workplace": ["roundrobin", "workplace"],
        "invite": ["roundrobin", "invite"], "petition": ["roundrobin", "petition"], "keys": ["roundrobin", "keys"],
    ]

    /// The command that the first words lead to; the program itself when they lead to none.
    func command(in arguments: [String]) -> (command: any ParsableCommand.Type, path: [String]) {
        var (command, path) = (root, [String]())
        for word in arguments {
            guard let next = Self.subcommand(word, of: command) else { break }
            command = next
            path.append(word)
        }
        return (command, path)
    }

    /// Options of many commands, and whether a value follows.
    private static let common = [
        "--home": true, "--passphrase-file": true, "--passphrase-fd": true, "--proxy": true, "--json": false,
        "--now": false,
    ]

    /// The arguments with such options behind the words of the command, where the parser takes them; people write them before it too.
    package func ordered(_ arguments: [String]) -> [String] {
        var (current, path, options) = (root, [String](), [String]())
        var rest = arguments[...]
        while let word = rest.first {
            if let next = Self.subcommand(word, of: current) {
                current = next
                path.append(word)
                rest = rest.dropFirst()
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1)
            guard !current.configuration.subcommands.isEmpty, let name = parts.first,
                let takesValue = Self.common[String(name)]
            else {
                // A program's own default takes no words, so this was to be a command.
                if path.isEmpty, !options.isEmpty, !word.hasPrefix("-") { path.append(String(rest.removeFirst())) }
                break
            }
            let count = takesValue && parts.count == 1 ? 2 : 1
            options += rest.prefix(count)
            rest = rest.dropFirst(count)
        }
        return path + options + rest
    }

    private static func subcommand(_ word: String, of command: any ParsableCommand.Type) -> (any ParsableCommand.Type)?
    {
        command.configuration.subcommands.first {
            $0._commandName == word || $0.configuration.aliases.contains(word)
        }
    }

    /// What to say when the first words lead to no command; nil when they do.
    package func unknown(in arguments: [String]) -> String? {
        var (current, path) = (root, [String]())
        for word in arguments {
            let below = current.configuration.subcommands
            guard !below.isEmpty, !word.hasPrefix("-"), !(path.isEmpty && word == "help") else { return nil }
            if let next = Self.subcommand(word, of: current) {
                current = next
                path.append(word)
                continue
            }
            // A program's own default takes no words; any other's may.
            guard path.isEmpty || current.configuration.defaultSubcommand == nil else { return nil }
            let program = root._commandName
            let typed = (path + [word]).joined(separator: " ")
            let here = suggestions(for: word, after: path).map { [program] + $0 }
            let there = Self.elsewhere[path.isEmpty ? word.lowercased() : ""].map { [$0] } ?? []
            let meant = (there.filter { $0.first != program } + here).map { Terminal.command($0) }
            guard !meant.isEmpty else {
                return words(
                    "usage.unknownCommand", ["word": typed, "help": Terminal.command([program] + path + ["--help"])])
            }
            return words("usage.unknownCommandLike", ["word": typed, "like": Words.list(meant)])
        }
        return nil
    }

    /// Commands that may have been meant, the likeliest first; at most three.
    package func suggestions(for word: String, after path: [String] = []) -> [[String]] {
        let word = word.lowercased()
        let named = Self.synonyms.filter { $0.value.contains(word) }.map {
            $0.key.split(separator: " ").map(String.init)
        }
        .filter { paths.contains($0) && $0.starts(with: path) }
        // A subcommand without its command, or with another's.
        let same = paths.filter { $0.count > 1 && $0.last == word }
        let near = paths.filter { $0.starts(with: path) && $0.count == path.count + 1 }
            .map { (path: $0, distance: Self.distance(word, $0.last ?? "")) }
            .filter { $0.distance <= max(1, min(word.count, $0.path.last?.count ?? 0) / 3) }
            .sorted { ($0.distance, $0.path.joined()) < ($1.distance, $1.path.joined()) }.map(\.path)
        var found: [[String]] = []
        for path in near + named + same where !found.contains(path) { found.append(path) }
        return Array(found.prefix(3))
    }

    /// Letters to add, take out, replace or swap with the next to get from one word to the other.
    package static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a), Array(b))
        guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
        var rows = [Array(0...b.count)]
        for i in 1...a.count {
            var row = [i]
            for j in 1...b.count {
                var best = min(row[j - 1] + 1, rows[i - 1][j] + 1, rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { best = min(best, rows[i - 2][j - 2] + 1) }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
