import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Sodium
import Synchronization

/// Finds out why a certificate was rejected. The library does not say whether it has expired, is not valid yet, or was
/// issued by somebody whom this device does not trust, and that makes a difference to the reader. So this makes one
/// more handshake, looks at the certificate and goes no further: no request is sent. The handshake takes the same route
/// as the first, through the proxy if there is one, and is made in the same way for everybody.
enum CertificateProbe {
    private static let patience: TimeAmount = .seconds(15)

    /// - Returns: `.certificateExpired` or `.certificateNotYetValid` by this device's clock, otherwise
    ///   `.certificateUntrusted`.
    static func fault(of address: ServiceAddress, proxy: Proxy?) async -> ClientError.Unreachable {
        guard let (from, to) = try? await validity(of: address, proxy: proxy) else { return .certificateUntrusted }
        let now = time_t(Date().timeIntervalSince1970)
        return now < from ? .certificateNotYetValid : now > to ? .certificateExpired : .certificateUntrusted
    }

    private static func validity(of address: ServiceAddress, proxy: Proxy?) async throws -> (time_t, time_t)? {
        let box = Box()
        let context = try NIOSSLContext(configuration: .makeClientConfiguration())
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(patience)
            .connect(host: proxy?.host ?? address.host, port: proxy?.port ?? address.effectivePort).get()
        channel.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
        let name = address.isNumeric ? nil : address.host
        let handshake: @Sendable () throws -> NIOSSLClientHandler = {
            let look: NIOSSLCustomVerificationCallback = { certificates, verdict in
                if let first = certificates.first { box.set((first.notValidBefore, first.notValidAfter)) }
                verdict.succeed(NIOSSLVerificationResult.failed)
            }
            return try NIOSSLClientHandler(context: context, serverHostname: name, customVerificationCallback: look)
        }
        try await channel.eventLoop.submit {
            if proxy == nil {
                try channel.pipeline.syncOperations.addHandler(try handshake())
            } else {
                try channel.pipeline.syncOperations.addHandler(Tunnel(to: address, then: handshake))
            }
        }.get()
        // The channel closes once the certificate has been rejected.
        try? await channel.closeFuture.get()
        return box.value
    }

    private final class Box: Sendable {
        private let seen = Mutex<(time_t, time_t)?>(nil)
        func set(_ value: (time_t, time_t)) { seen.withLock { $0 = value } }
        var value: (time_t, time_t)? { seen.withLock { $0 } }
    }

    /// Asks a proxy for a tunnel, and starts the handshake in it.
    private final class Tunnel: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let target: String
        private let then: @Sendable () throws -> NIOSSLClientHandler
        private var answer: [UInt8] = []

        init(to address: ServiceAddress, then: @escaping @Sendable () throws -> NIOSSLClientHandler) {
            target = ServiceAddress.bracketed(address.host) + ":\(address.effectivePort)"
            self.then = then
        }

        func handlerAdded(context: ChannelHandlerContext) {
            // Random credentials, so that this tunnel has its own circuit.
            let credentials = Data((Hex.encode(Random.bytes(16)) + ":" + Hex.encode(Random.bytes(16))).utf8)
            let head =
                "CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\nProxy-Authorization: Basic "
                + credentials.base64EncodedString() + "\r\n\r\n"
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: head)), promise: nil)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            answer += unwrapInboundIn(data).readableBytesView
            guard answer.count < 16_384 else { return context.close(promise: nil) }
            guard String(decoding: answer, as: UTF8.self).hasSuffix("\r\n\r\n") else { return }
            guard answer.starts(with: Array("HTTP/1.1 200".utf8)) || answer.starts(with: Array("HTTP/1.0 200".utf8))
            else {
                return context.close(promise: nil)
            }
            do {
                try context.pipeline.syncOperations.addHandler(try then(), position: .after(self))
                context.pipeline.syncOperations.removeHandler(self, promise: nil)
            } catch { context.close(promise: nil) }
        }
    }
}
