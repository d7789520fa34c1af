import Foundation

/// Where something listens: `host:port`, an IPv6 host in brackets; or `unix:/path`.
struct Address {
    let host: String
    let port: Int
    let socket: String?

    init?(_ text: String) {
        if text.hasPrefix("unix:/") {
            (host, port, socket) = ("", 0, String(text.dropFirst(5)))
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port)
        else { return nil }
        host = text[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        // An address with a scheme is no host, and without a host nobody says who may connect.
        guard !host.isEmpty, !host.contains("/") else { return nil }
        self.port = port
        socket = nil
    }

    var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}
