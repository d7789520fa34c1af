import Foundation
import Synchronization

/// Ports of this machine on which nobody listens. No two calls in one process give the same port, and none is of the range
/// from which the system gives out ports by itself, so a port is still free when a program that is started later asks
/// for it.
public enum FreePorts {
    private static let range = 10_000..<20_000
    private static let next = Mutex(Int.random(in: range))

    /// - Parameter count: how many in a row.
    /// - Returns: the first of them.
    public static func take(_ count: Int = 1) -> Int {
        while true {
            let first = next.withLock { next in
                if next + count > range.upperBound { next = range.lowerBound }
                defer { next += count }
                return next
            }
            if (first..<first + count).allSatisfy(isFree) { return first }
        }
    }

    private static func isFree(_ port: Int) -> Bool {
        #if canImport(Glibc)
            let stream = Int32(SOCK_STREAM.rawValue)
        #else
            let stream = SOCK_STREAM
        #endif
        let descriptor = socket(AF_INET, stream, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
