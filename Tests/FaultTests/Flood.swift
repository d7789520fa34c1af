import Foundation
import NIOCore
import NIOPosix
import NIOSSL

/// Many raw connections of one attacker, who sends anything and reads nothing.
final class Flood {
    private var sockets: [Int32] = []

    deinit { end() }

    func end() {
        for socket in sockets { close(socket) }
        sockets = []
    }

    /// Opens a connection with the smallest possible receive buffer.
    private static func connect(_ port: Int) -> Int32? {
        #if canImport(Glibc)
            let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            let socket = Darwin.socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var size: Int32 = 4096
        setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                #if canImport(Glibc)
                    Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                #else
                    Darwin.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                #endif
            }
        }
        guard result == 0 else {
            close(socket)
            return nil
        }
        _ = fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK)
        return socket
    }

    /// Sends each request over its own connection, as far as the service accepts it, until it accepts no more.
    func send(_ requests: [[UInt8]], to port: Int) async throws {
        var rest = requests.map { $0[...] }
        let first = sockets.count
        for _ in requests { if let socket = Self.connect(port) { sockets.append(socket) } }
        guard sockets.count - first == requests.count else { throw CocoaError(.fileReadUnknown) }
        var idle = 0
        while idle < 20 {
            var sent = 0
            for (i, socket) in sockets[first...].enumerated() where !rest[i].isEmpty {
                let count = rest[i].withUnsafeBytes {
                    Foundation.send(socket, $0.baseAddress, min($0.count, 1 << 18), Int32(MSG_NOSIGNAL))
                }
                if count > 0 {
                    rest[i] = rest[i].dropFirst(count)
                    sent += count
                }
            }
            idle = sent > 0 ? 0 : idle + 1
            try await Task.sleep(for: .milliseconds(sent > 0 ? 1 : 100))
        }
    }

    /// The status lines that have arrived, by their code; does not wait for more.
    func statuses() -> [Int: Int] {
        sockets.reduce(into: [:]) { counts, socket in
            var buffer = [UInt8](repeating: 0, count: 64)
            let count = recv(socket, &buffer, buffer.count, Int32(MSG_PEEK))
            guard count > 12 else { return counts[0, default: 0] += 1 }
            counts[Int(String(decoding: buffer[9..<12], as: UTF8.self)) ?? 0, default: 0] += 1
        }
    }
}

/// HTTP/2 connections of one attacker, whose streams' windows are closed.
final class StreamFlood {
    private var channels: [any Channel] = []

    /// Discards what it receives.
    private final class Deaf: ChannelInboundHandler {
        typealias InboundIn = NIOAny
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
        func errorCaught(context: ChannelHandlerContext, error: any Error) {}
    }

    /// The preface, SETTINGS with an initial window of 0, and `streams` GETs of a path (RFC 9113, RFC 7541).
    private static func bytes(_ path: String, streams: Int) -> [UInt8] {
        let text = Array(path.utf8)
        // A string's length as an integer with a prefix of 7 bits.
        let length: [UInt8] = text.count < 127 ? [UInt8(text.count)] : [127, UInt8(text.count - 127)]
        let block: [UInt8] = [0x82, 0x87, 0x04] + length + text + [0x01, 0x01, 0x61]
        var all = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]
        for i in 0..<streams {
            let id = UInt32(2 * i + 1)
            all +=
                [0, 0, UInt8(block.count), 1, 5] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: id >> $0) } + block
        }
        return all
    }

    func open(_ count: Int, to port: Int, path: String, streams: Int) async throws {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.certificateVerification = .none
        tls.applicationProtocols = ["h2"]
        let context = try NIOSSLContext(configuration: tls)
        for _ in 0..<count {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: nil))
                        try channel.pipeline.syncOperations.addHandler(Deaf())
                    }
                }.connect(host: "127.0.0.1", port: port).get()
            channels.append(channel)
            try await channel.writeAndFlush(ByteBuffer(bytes: Self.bytes(path, streams: streams)))
        }
    }

    func end() async {
        for channel in channels { try? await channel.close() }
        channels = []
    }
}
