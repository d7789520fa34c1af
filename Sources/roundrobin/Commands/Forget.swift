import ArgumentParser
import Client
import Foundation
import Petitions
import Sodium

struct Forget: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: words("help.forget"), discussion: words("help.forgetMore"))

    @Argument(help: help("petitionID"))
    var petition: String
    @Flag(help: help("eraseAll"))
    var eraseAll = false
    @Flag(help: help("forgetDry"))
    var dryRun = false
    @OptionGroup var keystore: KeystoreOptions
    @OptionGroup var output: OutputOptions

    private struct Facts: Encodable {
        struct Shown: Encodable {
            let statements: Int
            let receipts: Int
            let ring_key: Bool

            init(_ exposure: Exposure) {
                (statements, receipts, ring_key) = (exposure.statements, exposure.receipts, exposure.hasRingKey)
            }
        }
        let before: Shown
        let after: Shown?
        let rotated: Bool
        let waiting_for: [String]
    }

    func run() async throws {
        try await keystore.withMember { member in
            let id = try Naming.petition(petition, in: try await member.roster())
            if dryRun {
                let now = member.exposure(try await member.petition(id).log)
                if output.json {
                    return try Terminal.json(Facts(before: .init(now), after: nil, rotated: false, waiting_for: []))
                }
                return show(words("forget.now"), now)
            }
            let report = try await member.forget(id, eraseAll: eraseAll)
            if output.json {
                return try Terminal.json(
                    Facts(
                        before: .init(report.before), after: .init(report.after), rotated: report.hasRotated,
                        waiting_for: report.waitingFor.map(\.hex)))
            }
            show(words("forget.before"), report.before)
            show(words("forget.after"), report.after)
            if report.hasRotated { Terminal.line(words("forget.rotated")) }
            if report.after.hasRingKey {
                for other in report.waitingFor where other != id {
                    Terminal.line(words("forget.waiting", ["id": String(other.hex.prefix(16))]))
                }
            }
            Terminal.line(words("forget.stays"))
        }
    }

    private func show(_ head: String, _ exposure: Exposure) {
        Terminal.line(Terminal.bold(head))
        if exposure.isClean { return Terminal.line("  " + words("forget.nothing")) }
        if exposure.statements > 0 {
            let values = ["statements": "\(exposure.statements)", "receipts": "\(exposure.receipts)"]
            Terminal.line("  " + words("forget.statements", values))
        }
        if exposure.hasSealedName { Terminal.line("  " + words("forget.sealedName")) }
        if exposure.hasRingKey { Terminal.line("  " + words("forget.ringKey")) }
    }
}
