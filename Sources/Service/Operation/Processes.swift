import CProcess
import Foundation
import Logging
import NIOCore
import Synchronization

/// What the service asks of the system for its process.
enum Processes {
    /// Files of the database, of the program, and what answers that are being made need.
    private static let otherFiles = 256
    private static let isPrepared = Atomic(false)

    /// Raises the limit of open files to what the connections take, as far as the system lets it, and keeps memory from being spread over
    /// more arenas than there are threads at work.
    static func prepare(_ limits: ServiceConfiguration.Limits, _ logger: Logger) {
        let needed = rlim_t(limits.connections + otherFiles)
        var files = rlimit()
        getrlimit(noFile, &files)
        if files.rlim_cur < needed {
            files.rlim_cur = min(needed, files.rlim_max)
            setrlimit(noFile, &files)
        }
        let possible = connections(limits.connections)
        if possible < limits.connections {
            logger.warning(
                "the limit of open files allows fewer connections than are configured",
                metadata: ["connections": "\(possible)", "configured": "\(limits.connections)"])
        }
        if !isPrepared.exchange(true, ordering: .relaxed) { roundrobin_prepare_memory() }
    }

    /// As many of the connections as there may be open files for.
    static func connections(_ wanted: Int) -> Int {
        var files = rlimit()
        guard getrlimit(noFile, &files) == 0, files.rlim_cur < rlim_t(wanted + otherFiles) else { return wanted }
        return max(Int(clamping: files.rlim_cur) - otherFiles, 16)
    }

    #if canImport(Glibc)
        private static var noFile: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
    #else
        private static var noFile: Int32 { RLIMIT_NOFILE }
    #endif
}

/// Accepts nothing for a moment when the system has no more open files to give. Otherwise the connections that wait would
/// keep the loop busy: the listener stays readable, and each attempt fails at once.
///
/// Holding reads back is not enough, because a listener whose accept failed stays registered for reading. Turning
/// automatic reading off takes it out of the loop's selector.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private static let time = TimeAmount.milliseconds(250)
    private var isPaused = false

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode) else {
            return context.fireErrorCaught(error)
        }
        guard !isPaused else { return }
        isPaused = true
        let channel = context.channel
        // A listener that has been closed meanwhile refuses the option, which is right.
        channel.setOption(.autoRead, value: false).whenFailure { _ in }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: Self.time) {
            bound.value.isPaused = false
            channel.setOption(.autoRead, value: true).whenFailure { _ in }
        }
    }
}
