import Petitions
import Sodium

/// The address of a page for browsers: that of a service, whose page is at `/app`, or any other.
public struct PageAddress: Sendable, Hashable {
    /// The host that serves it.
    public let service: ServiceAddress
    /// Begins with a slash.
    let target: String

    /// Parses an address.
    /// - Throws: `ClientError.invalid` with what is wrong with it.
    public init(_ text: String) throws(ClientError) {
        let bare = String(text.drop { $0.isWhitespace }.prefix { $0 != "#" && !$0.isWhitespace })
        let start = bare.firstRange(of: "://")?.upperBound ?? bare.startIndex
        let end = bare[start...].firstIndex { $0 == "/" || $0 == "?" } ?? bare.endIndex
        service = try ServiceAddress(String(bare[..<end]))
        let rest = String(bare[end...])
        guard rest.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw .invalid(.serviceAddress, ["text": text])
        }
        target = rest.isEmpty || rest == "/" ? "/app" : rest.hasPrefix("?") ? "/" + rest : rest
    }

    /// The whole address.
    public var text: String { service.text + target }
}

/// A page for browsers as a service sent it.
public struct ServedPage: Sendable {
    /// The body.
    public let bytes: [UInt8]
    /// The names of headers that can show a reader something else than these bytes, or tell readers apart.
    public let meddling: [String]

    init(bytes: [UInt8], meddling: [String]) { (self.bytes, self.meddling) = (bytes, meddling) }

    /// A file that somebody saved.
    public init(file bytes: [UInt8]) { self.init(bytes: bytes, meddling: []) }
}

/// Fetches the page for browsers as somebody whom the service does not know.
public enum PageReader {
    /// What a browser in Tor Browser's clothes sends. A service that looks closer can still tell the program from it.
    private static let headers: [(name: String, value: String)] = [
        ("user-agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("accept-language", "en-US,en;q=0.5"), ("upgrade-insecure-requests", "1"),
    ]

    /// Headers with which a browser goes elsewhere, loads more, or is known again.
    private static let meddling: Set<String> = ["refresh", "link", "set-cookie", "content-location"]

    /// - Returns: nil if nothing is there.
    /// - Throws: `ClientError.unreachable`, `.refused`.
    public static func page(at address: PageAddress, proxy: Proxy?) async throws -> ServedPage? {
        let transport = Transport(serviceURL: address.service.text, proxy: proxy)
        do {
            let page = try await page(address, transport)
            await transport.close()
            return page
        } catch {
            await transport.close()
            throw error
        }
    }

    private static func page(_ address: PageAddress, _ transport: Transport) async throws -> ServedPage? {
        let answer: Transport.Answer
        do { answer = try await transport.exchange("GET", address.target, headers: headers) } catch {
            guard case .refused(let refusal) = error, refusal.status == 404 else { throw error }
            return nil
        }
        var found = answer.headers.map { $0.name.lowercased() }.filter { meddling.contains($0) }
        // Otherwise a browser reads the bytes as something else.
        let type = answer.headers.first { $0.name.lowercased() == "content-type" }?.value.lowercased() ?? ""
        if type.filter({ $0 != " " }) != "text/html;charset=utf-8" { found.append("content-type") }
        return ServedPage(bytes: answer.body, meddling: Set(found).sorted())
    }
}
