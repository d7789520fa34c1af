import Foundation

/// One keep-alive connection over a plain socket: so little of a client that what is measured is the service.
struct HTTPConnection: ~Copyable {
    private let socket: Int32
    private var received: [UInt8] = []

    struct Failure: Error { let what: String }

    init(port: UInt16) throws {
        #if canImport(Darwin)
            let stream = SOCK_STREAM
        #else
            let stream = Int32(SOCK_STREAM.rawValue)
        #endif
        socket = Foundation.socket(AF_INET, stream, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw Failure(what: "cannot connect: \(errno)") }
        var on: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(socket) }

    /// Sends one request.
    func sendOnly(_ method: String, _ path: String, _ body: [UInt8]) throws {
        let head = "\(method) \(path) HTTP/1.1\r\nhost: bench\r\ncontent-length: \(body.count)\r\n\r\n"
        var request = Array(head.utf8) + body
        while !request.isEmpty {
            let sent = Foundation.send(socket, request, request.count, 0)
            guard sent > 0 else { throw Failure(what: "cannot send: \(errno)") }
            request.removeFirst(sent)
        }
    }

    /// Sends one request and waits for its answer.
    mutating func send(_ method: String, _ path: String, _ body: [UInt8] = []) throws -> (status: Int, body: [UInt8]) {
        try sendOnly(method, path, body)
        received = []
        while true {
            if let answer = try parsed() { return answer }
            let more = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, filled in
                filled = max(0, recv(socket, buffer.baseAddress, buffer.count, 0))
            }
            guard !more.isEmpty else { throw Failure(what: "the connection was closed") }
            received += more
        }
    }

    /// The answer, when all of it is there.
    private func parsed() throws -> (status: Int, body: [UInt8])? {
        guard let end = received.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: received[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw Failure(what: "no status")
        }
        let length = lines.first { $0.lowercased().hasPrefix("content-length:") }.flatMap {
            Int($0.split(separator: ":")[1].trimmingCharacters(in: .whitespaces))
        }
        guard let length else { throw Failure(what: "no length") }
        return received.count - end.upperBound >= length
            ? (status, Array(received[end.upperBound..<end.upperBound + length])) : nil
    }
}
