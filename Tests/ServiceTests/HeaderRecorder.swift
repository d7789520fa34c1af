import Foundation
import NIOCore
import NIOPosix

/// Accepts connections, records the first bytes of each, and responds 404.
final class HeaderRecorder: @unchecked Sendable {
    // Guarded by the lock.
    private var seen: [String] = []
    private let lock = NSLock()
    private let channel: any Channel
    let port: Int

    static func start() async throws -> HeaderRecorder {
        let box = Box()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    try child.pipeline.syncOperations.addHandler(Answer { box.recorder?.note($0) })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let recorder = HeaderRecorder(channel)
        box.recorder = recorder
        return recorder
    }

    private final class Box: @unchecked Sendable { var recorder: HeaderRecorder? }

    private init(_ channel: any Channel) {
        self.channel = channel
        port = channel.localAddress?.port ?? 0
    }

    private func note(_ head: String) { lock.withLock { seen.append(head) } }
    var heads: [String] { lock.withLock { seen } }
    func stop() async { try? await channel.close() }

    private final class Answer: ChannelInboundHandler, @unchecked Sendable {
        typealias InboundIn = ByteBuffer
        private let note: @Sendable (String) -> Void
        init(_ note: @escaping @Sendable (String) -> Void) { self.note = note }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            note(String(buffer: unwrapInboundIn(data)))
            let answer = ByteBuffer(string: "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            context.writeAndFlush(NIOAny(answer), promise: nil)
        }
    }
}
