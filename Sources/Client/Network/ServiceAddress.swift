import Foundation

/// A service's address: a scheme, a host and a port, and nothing else. Addresses come from people, invites, files and
/// keystores. Each is parsed here, once, before anything is made or sent.
public struct ServiceAddress: Sendable, Hashable {
    /// Whether the scheme is https.
    public let isEncrypted: Bool
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    public let host: String
    /// Nil for the scheme's default port.
    public let port: Int?

    /// Parses an address; ignores white space around it and a trailing slash.
    /// - Throws: `ClientError.invalid` with what is wrong: no scheme, a user, a path, an invalid port, or no host.
    public init(_ text: String) throws(ClientError) {
        let bare = text.trimmingCharacters(in: .whitespacesAndNewlines)
        func wrong(_ reason: ClientError.Invalid) -> ClientError { .invalid(reason, ["text": text]) }
        guard let scheme = ["http://", "https://"].first(where: { bare.lowercased().hasPrefix($0) }) else {
            throw wrong(bare.contains("://") ? .serviceAddress : .addressScheme)
        }
        var rest = bare.dropFirst(scheme.count)
        if rest.last == "/" { rest = rest.dropLast() }
        guard !rest.contains("@") else { throw wrong(.addressUser) }
        guard !rest.contains(where: { "/?#\\".contains($0) }) else { throw wrong(.addressPath) }
        guard let (host, port) = Self.hostAndPort(rest) else { throw wrong(.serviceAddress) }
        if let port {
            guard let number = Self.port(port) else { throw wrong(.addressPort) }
            self.port = number
        } else {
            self.port = nil
        }
        (isEncrypted, self.host) = (scheme == "https://", host)
    }

    /// The address as it is stored and shown, without a trailing slash.
    public var text: String {
        (isEncrypted ? "https://" : "http://") + Self.bracketed(host) + (port.map { ":\($0)" } ?? "")
    }

    /// The port to which connections go.
    var effectivePort: Int { port ?? (isEncrypted ? 443 : 80) }

    /// Adds brackets to an IPv6 address, which contains colons.
    static func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }

    /// Accepts 1 to 65535. Network libraries trap on a larger number.
    static func port(_ text: some StringProtocol) -> Int? {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(text),
            (1...65_535).contains(number)
        else { return nil }
        return number
    }

    /// Splits `host`, `host:port`, `[address]` or `[address]:port`. The port is not checked yet. Nil if the host is
    /// invalid.
    static func hostAndPort(_ text: some StringProtocol) -> (host: String, port: String?)? {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let host = String(text[text.index(after: text.startIndex)..<end])
            let rest = text[text.index(after: end)...]
            guard isIPv6(host), rest.isEmpty || rest.hasPrefix(":") else { return nil }
            return (host, rest.isEmpty ? nil : String(rest.dropFirst()))
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let host = parts.first, isName(host) else { return nil }
        return (String(host).lowercased(), parts.count == 2 ? String(parts[1]) : nil)
    }

    private static func isIPv6(_ host: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET6, host, &address) == 1
    }

    /// Letters, digits, hyphens and dots: nothing that could break out of a request's head.
    private static func isName(_ host: some StringProtocol) -> Bool {
        (1...253).contains(host.utf8.count)
            && host.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
                }
            }
    }

    /// Whether the host is an IP address, for which a certificate's name is not checked.
    var isNumeric: Bool {
        var address = in_addr()
        return Self.isIPv6(host) || inet_pton(AF_INET, host, &address) == 1
    }
}

/// An HTTP CONNECT proxy, such as Tor's HTTPTunnelPort.
public struct Proxy: Sendable, Hashable {
    /// The proxy's name or address.
    public let host: String
    /// The proxy's port.
    public let port: Int

    /// Checks nothing.
    public init(host: String, port: Int) { (self.host, self.port) = (host, port) }

    /// Parses `host:port`, optionally with `http://` before it and a slash after it; an IPv6 address needs brackets.
    /// Nil for anything else.
    public init?(_ text: String) {
        var bare = text.trimmingCharacters(in: .whitespacesAndNewlines)[...]
        if bare.lowercased().hasPrefix("http://") { bare = bare.dropFirst(7) }
        if bare.last == "/" { bare = bare.dropLast() }
        guard let (host, port) = ServiceAddress.hostAndPort(bare), let port, let number = ServiceAddress.port(port)
        else {
            return nil
        }
        self.init(host: host, port: number)
    }

    /// The proxy as errors name it.
    var text: String { ServiceAddress.bracketed(host) + ":\(port)" }
}
