import Foundation
import NIOCore
import NIOPosix
import TestSupport

/// A CONNECT proxy on loopback that records the head of each tunnel request, and what clients send through the tunnels.
final class ConnectProxy: @unchecked Sendable {
    // Guarded by the lock.
    private var seen: [String] = []
    private var sent: [String] = []
    private let lock = NSLock()
    private let channel: any Channel
    let port: Int

    /// - Parameter port: the loopback port to which every name leads; nil to connect to the requested host.
    static func start(leadingTo port: Int? = nil) async throws -> ConnectProxy {
        let box = Box()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    try child.pipeline.syncOperations.addHandler(
                        Tunnel(port, note: { box.proxy?.note($0) }, sent: { box.proxy?.keep($0) }))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let proxy = ConnectProxy(channel)
        box.proxy = proxy
        return proxy
    }

    private final class Box: @unchecked Sendable { var proxy: ConnectProxy? }

    private init(_ channel: any Channel) {
        self.channel = channel
        port = channel.localAddress?.port ?? 0
    }

    private func note(_ head: String) { lock.withLock { seen.append(head) } }

    private func keep(_ bytes: String) { lock.withLock { sent.append(bytes) } }

    /// Everything that clients have sent through tunnels, one text for each piece that arrived.
    var pieces: [String] { lock.withLock { sent } }

    /// The heads of requests so far.
    var heads: [String] { lock.withLock { seen } }

    func stop() async { try? await channel.close() }

    /// Reads the CONNECT, responds, and then passes bytes in both directions.
    private final class Tunnel: ChannelInboundHandler, @unchecked Sendable {
        typealias InboundIn = ByteBuffer
        private var head = ""
        private var target: (any Channel)?
        private let note: @Sendable (String) -> Void

        private let sent: @Sendable (String) -> Void
        private let port: Int?

        init(
            _ port: Int?, note: @escaping @Sendable (String) -> Void, sent: @escaping @Sendable (String) -> Void
        ) {
            (self.port, self.note, self.sent) = (port, note, sent)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = unwrapInboundIn(data)
            if let target {
                sent(String(decoding: buffer.readableBytesView, as: UTF8.self))
                return target.writeAndFlush(buffer, promise: nil)
            }
            head += String(buffer: buffer)
            guard head.hasSuffix("\r\n\r\n") else { return }
            note(head)
            let address = head.split(separator: " ")[1].split(separator: ":")
            let client = context.channel
            guard head.hasPrefix("CONNECT "), address.count == 2, let port = Int(address[1]) else {
                return client.close(promise: nil)
            }
            ClientBootstrap(group: context.eventLoop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Back(client))
                    }
                }
                .connect(host: self.port == nil ? String(address[0]) : "127.0.0.1", port: self.port ?? port)
                .assumeIsolated().whenSuccess { channel in
                    self.target = channel
                    client.writeAndFlush(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\n"), promise: nil)
                }
        }

        func channelInactive(context: ChannelHandlerContext) { target?.close(promise: nil) }
    }

    private final class Back: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        private let client: any Channel

        init(_ client: any Channel) { self.client = client }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            client.writeAndFlush(unwrapInboundIn(data), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { client.close(promise: nil) }
    }
}
