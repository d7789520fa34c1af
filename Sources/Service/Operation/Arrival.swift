// sd_notify(3)

import Foundation
import ServiceLifecycle

/// What happens once connections are accepted: the socket is put in its place, then the service manager and whoever started the
/// service are told.
struct Arrival: ServiceLifecycle.Service {
    /// Yields the port when the listener accepts connections, then ends.
    let ports: AsyncStream<Int>
    let ownedSocket: OwnedSocket?
    let onListening: @Sendable (Int) async -> Void

    /// - Throws: `ListeningError`, which ends the service: nobody could reach it.
    func run() async throws {
        try await cancelWhenGracefulShutdown {
            for await port in ports {
                try ownedSocket?.takeOver()
                Self.tellManager("READY=1")
                await onListening(port)
            }
        }
        try? await gracefulShutdown()
    }

    /// Sends a line to the socket that systemd names to a unit of `Type=notify`. Without one there is nobody to tell.
    private static func tellManager(_ line: String) {
        guard let name = ProcessInfo.processInfo.environment["NOTIFY_SOCKET"],
            name.hasPrefix("/") || name.hasPrefix("@")
        else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // An abstract name begins with a zero.
        let bytes = name.hasPrefix("@") ? [0] + Array(name.utf8.dropFirst()) : Array(name.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)! + bytes.count
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, line, line.utf8.count, 0, $0, socklen_t(length))
            }
        }
    }
}
