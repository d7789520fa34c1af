import Presentation
import Service

/// One setting of `serve`. This table is the only list of them: flags, environment, configuration file and docs/operations.md follow it.
struct Setting: Sendable {
    enum Kind: Sendable {
        case text
        case choice([String])
        /// A whole number in this range.
        case number(ClosedRange<Int>)
    }

    /// Its name in the configuration file, with a dot after each section.
    let key: String
    let kind: Kind
    /// What it is when nobody sets it, as docs/operations.md shows it; nil when that is nothing.
    let usual: String?
    /// For `serve --help`.
    let help: String
    /// What the help calls its value.
    let valueName: String
    /// Puts a limit into effect; nil for everything else, which `ServeSettings` reads by name.
    let limit: (@Sendable (inout ServiceConfiguration.Limits, Int) -> Void)?

    /// Without the hyphens before it: the key with hyphens for its dots, unless a shorter one was chosen.
    let flag: String
    /// Its environment variable.
    var variable: String { "ROUNDROBIN_" + flag.uppercased().replacing("-", with: "_") }

    private init(
        _ key: String, _ kind: Kind, flag: String? = nil, usual: String? = nil, valueName: String = "",
        _ help: String = "",
        limit: (@Sendable (inout ServiceConfiguration.Limits, Int) -> Void)? = nil
    ) {
        (self.key, self.kind, self.usual, self.help, self.valueName) = (key, kind, usual, help, valueName)
        self.flag = flag ?? key.replacing(".", with: "-")
        self.limit = limit
    }

    // MARK: With a flag

    static let database = Setting(
        "database", .text, valueName: "file",
        words("setting.database"))
    static let heads = Setting(
        "heads", .text, usual: "<database>.heads", valueName: "file",
        words("setting.heads")
    )
    static let listen = Setting(
        "listen", .text, usual: "127.0.0.1:8080", valueName: "address",
        words("setting.listen"))
    static let name = Setting(
        "name", .text, usual: "<listen>", valueName: "name",
        words("setting.name"))
    static let certificate = Setting(
        "tls.certificate", .text, valueName: "file",
        words("setting.certificate"))
    static let key = Setting(
        "tls.key", .text, valueName: "file", words("setting.key"))
    static let mixEvery = Setting(
        "mix.every", .number(1...21_600), valueName: "seconds",
        words("setting.mixEvery"))
    static let mixAtLeast = Setting(
        "mix.at-least", .number(1...10_000), usual: "5", valueName: "n",
        words("setting.mixAtLeast"))
    static let witnesses = Setting(
        "witnesses.policy", .text, flag: "witnesses", valueName: "file",
        words("setting.witnesses"))
    static let patience = Setting(
        "witnesses.patience", .number(1...60), flag: "witness-patience", usual: "3", valueName: "seconds",
        words("setting.patience"))
    static let metrics = Setting(
        "metrics", .text, valueName: "host:port", words("setting.metrics"))
    static let drain = Setting(
        "drain", .number(0...300), usual: "0", valueName: "seconds",
        words("setting.drain"))
    static let foundingToken = Setting(
        "founding-token", .text, valueName: "file",
        words("setting.foundingToken"))
    static let logLevel = Setting(
        "log.level", .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]), usual: "info",
        valueName: "level", words("setting.logLevel"))
    static let logFormat = Setting(
        "log.format", .choice(["text", "json"]), usual: "text", valueName: "format", words("setting.logFormat"))

    static let flags = [
        database, heads, listen, name, certificate, key, mixEvery, mixAtLeast, witnesses, patience, metrics, drain,
        foundingToken, logLevel, logFormat,
    ]

    // MARK: Limits: in the environment and the file only

    private static func seconds(
        _ key: String, usual: String, _ set: @escaping @Sendable (inout ServiceConfiguration.Limits, Duration) -> Void
    ) -> Setting {
        Setting("limits." + key, .number(1...3600), usual: usual) { set(&$0, .seconds($1)) }
    }

    /// - Parameter set: takes the rate out, changes it and puts it back.
    private static func rate(
        _ key: String, burst: String, hourly: String,
        _ set:
            @escaping @Sendable (
                inout ServiceConfiguration.Limits, (inout ServiceConfiguration.Rate) -> Void
            ) -> Void
    ) -> [Setting] {
        [
            Setting("limits.\(key).burst", .number(0...10_000_000), usual: burst) { limits, value in
                set(&limits) { $0.burst = value }
            },
            Setting("limits.\(key).per-hour", .number(1...1_000_000_000), usual: hourly) { limits, value in
                set(&limits) { $0.perSecond = Double(value) / 3600 }
            },
        ]
    }

    static let limits: [Setting] =
        [
            Setting("limits.object-bytes", .number(4096...16 << 20), usual: "1_048_576") { $0.object = $1 },
            Setting("limits.workplace-bytes", .number(1 << 16...1 << 50), usual: "1_073_741_824") { $0.stored = $1 },
            Setting("limits.waiting-statements", .number(1...1_000_000), usual: "4096") { $0.queue = $1 },
            Setting("limits.connections", .number(1...1_000_000), usual: "2048") { $0.connections = $1 },
            Setting("limits.connections-per-network", .number(1...1_000_000), usual: "256") {
                $0.connectionsPerNetwork = $1
            },
            Setting("limits.all-workplaces-bytes", .number(1 << 16...1 << 50), usual: "17_179_869_184") {
                $0.storedTotal = $1
            },
            Setting("limits.disk-reserve-bytes", .number(0...1 << 50), usual: "268_435_456") { $0.diskReserve = $1 },
            Setting("limits.memory-bytes", .number(32 << 20...1 << 40), usual: "268_435_456") { $0.memory = $1 },
            Setting("limits.cosignatures-per-tag", .number(1...1_000_000), usual: "1000") { $0.replacements = $1 },
            seconds("head-seconds", usual: "60") { $0.idle = $1 },
            seconds("body-seconds", usual: "60") { $0.request = $1 },
            seconds("answer-seconds", usual: "120") { $0.answer = $1 },
        ]
        + rate("requests", burst: "2000", hourly: "360_000") { $1(&$0.requests) }
        + rate("foundings", burst: "100", hourly: "100") { $1(&$0.foundings) }
        + rate("statements", burst: "20_000", hourly: "36_000") { $1(&$0.statements) }
        + rate("objects", burst: "20_000", hourly: "36_000") { $1(&$0.objects) }

    static let all = flags + limits
}
