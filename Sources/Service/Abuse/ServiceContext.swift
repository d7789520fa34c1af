import Hummingbird
import NIOCore

/// What a route knows of its request beside the request.
struct ServiceContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    private let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
        // Now: a connection that is closed has no address any more, and would be charged for nothing.
        remoteAddress = (channel.remoteAddress ?? channel.parent?.remoteAddress).flatMap {
            AddressBuckets.Address($0)
        }
    }

    /// Whether somebody still waits for the answer.
    var isWaitedFor: Bool { channel.isActive }

    /// Whether the connection is not this request's alone: an HTTP/2 stream's parent has the listener for a parent.
    var isMultiplexed: Bool { channel.parent?.parent != nil }

    /// Where the connection comes from; nil for a proxy or Tor on this machine, behind which everybody is alike.
    let remoteAddress: AddressBuckets.Address?

    /// Closes the connection, with all its streams, once the answer had time to leave. Not the listener, which is an HTTP/1
    /// channel's parent.
    func closeSoon() {
        let channel = isMultiplexed ? channel.parent ?? channel : channel
        channel.eventLoop.scheduleTask(in: .milliseconds(100)) { channel.close(promise: nil) }
    }
}
