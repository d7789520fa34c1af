import Presentation
import ArgumentParser
import Client
import Foundation
import Petitions
import Templates

struct MonitorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "monitor", abstract: words("help.monitor"), discussion: words("help.monitorMore"))

    @Argument(help: help("monitorService"))
    var service: String
    @Argument(help: help("monitorWorkplace"))
    var workplace: String
    @Option(help: help("monitorState", "file"))
    var state: String?
    @Option(help: help("policyFile", "file"))
    var policy: String?
    @Option(help: help("watchEvery", "seconds"))
    var every: UInt32 = 60
    @Flag(help: help("monitorOnce"))
    var once = false
    @Option(help: help("monitorExec", "command"))
    var exec: String?
    @Option(help: help("proxy", "host:port"))
    var proxy: String?
    @OptionGroup var output: OutputOptions

    mutating func validate() throws {
        guard (1...86_400).contains(every) else { throw ValidationError(words("usage.every")) }
        if let proxy, Proxy(proxy) == nil { throw ValidationError(words("usage.proxy")) }
    }

    func run() async throws {
        guard let id = ID<Workplace>(hex: workplace.lowercased()) else {
            throw ClientError.invalid(.wholeWorkplaceID, ["count": "\(workplace.count)"])
        }
        let monitor = try Monitor(
            of: id, at: service, proxy: proxy.flatMap { Proxy($0) },
            policy: try policy.map { try PolicyFile.read($0).policy },
            state: state, knownPages: KnownPages(templates: TemplateLibrary.standardDirectory()).digests)
        var isFirst = true
        var hasFault = false
        while true {
            do {
                for event in try await monitor.look() {
                    if case .fault = event { hasFault = true }
                    try tell(event)
                }
                if isFirst || once, !hasFault, !output.json { Terminal.line(Terminal.green(words("monitor.holds"))) }
                isFirst = false
            } catch let error as ClientError where !once && !isFirst {
                // A service that cannot be reached for a moment: told, and asked again.
                Terminal.warning(Terminal.harmless(error.what + " " + error.nextStep))
            }
            fflush(nil)
            if once { break }
            try await Task.sleep(for: .seconds(Int(every)))
        }
        if hasFault { throw ExitCode(1) }
    }

    private func tell(_ event: MonitorEvent) throws {
        let text = Terminal.harmless(GossipText.line(event))
        let isFault = if case .fault = event { true } else { false }
        if output.json {
            try Terminal.json([
                "event": event.word, "fault": isFault ? "true" : "false", "log": GossipText.id(event.log), "text": text,
            ])
        } else {
            let time = Date().formatted(.iso8601.time(includingFractionalSeconds: false))
            // The bell, too, for who has the window in the background.
            Terminal.line(
                Terminal.faint(time) + "  " + (isFault ? Terminal.red("\(words("monitor.mark")) \(text)") : text))
            if isFault, isatty(STDOUT_FILENO) == 1 { print("\u{7}", terminator: "") }
        }
        guard isFault, let exec else { return }
        try EventHook.run(exec, ["ROUNDROBIN_EVENT": event.word, "ROUNDROBIN_LOG": GossipText.id(event.log)])
    }
}
