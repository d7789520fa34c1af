import Presentation
import ArgumentParser
import Client
import Foundation
import Templates

/// Compares the page for browsers with those that this program knows.
struct VerifyPage: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify-page", abstract: words("help.verifyPage"), discussion: words("help.verifyPageMore"))

    @Argument(help: help("pageSubject"))
    var subject: String
    @Option(help: help("proxy", "host:port"))
    var proxy: String?
    @OptionGroup var output: OutputOptions

    mutating func validate() throws {
        if let proxy, Proxy(proxy) == nil { throw ValidationError(words("usage.proxy")) }
    }

    private struct Facts: Encodable {
        let sha256: String
        /// `own`, a release's version, or absent for a page that the program does not know.
        let known: String?
        let headers: [String]
    }

    func run() async throws {
        let known = try KnownPages(templates: TemplateLibrary.standardDirectory())
        // What has no scheme may be a file; where there is none, the address parser says what an address is.
        let saved = subject.contains("://") ? nil : try BundleFile.read(subject)
        let (page, address) = try await page(saved)
        let digest = BrowserPage.digest(of: page.bytes)
        let origin = known.origin(of: digest)
        if output.json {
            try Terminal.json(Facts(sha256: digest, known: origin.map(Self.word), headers: page.meddling))
        } else {
            if known.own == nil { Terminal.note(words("verifyPage.nothingToCompare")) }
            Terminal.line(words("verifyPage.digest", ["digest": digest]))
            for header in page.meddling {
                Terminal.line(Terminal.red(words("verifyPage.header", ["header": Terminal.harmless(header)])))
            }
            show(origin)
            Terminal.note(
                address.map { words("verifyPage.once", ["address": $0, "command": Self.command]) }
                    ?? words("verifyPage.file"))
        }
        if origin == nil || !page.meddling.isEmpty { throw ExitCode(1) }
    }

    private static let command = Terminal.command(["roundrobin", "verify-page", BrowserPage.name])

    private static func word(_ origin: KnownPages.Origin) -> String {
        switch origin {
        case .own: "own"
        case .release(let version): version
        }
    }

    private func show(_ origin: KnownPages.Origin?) {
        switch origin {
        case .own: Terminal.line(Terminal.green(words("verifyPage.own")))
        case .release(let version): Terminal.line(Terminal.green(words("verifyPage.release", ["version": version])))
        case nil: Terminal.line(Terminal.red(words("verifyPage.unknown")))
        }
    }

    /// - Returns: the page, and its address; no address for a file.
    private func page(_ saved: [UInt8]?) async throws -> (ServedPage, address: String?) {
        if let saved { return (ServedPage(file: saved), nil) }
        let address = try PageAddress(subject)
        guard let page = try await PageReader.page(at: address, proxy: proxy.flatMap { Proxy($0) }) else {
            throw ClientError.invalid(.noPage, ["address": address.text])
        }
        return (page, address.text)
    }
}
