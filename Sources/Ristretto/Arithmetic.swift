// The host's Dispatch can be imported when this is compiled for WebAssembly, although it does not exist there.
#if canImport(Dispatch) && !hasFeature(Embedded)
    import Dispatch
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Which machine code does the work. Both give the same results; the tests compare them.
public enum Arithmetic: Sendable, CaseIterable {
    /// Swift alone, for every processor. The reference.
    case portable
    /// Eight lanes of AVX-512 IFMA, on processors that have it.
    case lanes

    /// The fastest that this processor has. With ROUNDROBIN_PORTABLE in the environment, the portable one: for
    /// measuring it, or for ruling the other out as the cause of a fault.
    public static let fastest: Arithmetic = Lanes.areThere && !isPortableAskedFor ? .lanes : .portable

    private static var isPortableAskedFor: Bool {
        #if canImport(Glibc) || canImport(Darwin)
            getenv("ROUNDROBIN_PORTABLE") != nil
        #else
            false
        #endif
    }

    /// All that this processor has.
    public static var available: [Arithmetic] { Lanes.areThere ? [.portable, .lanes] : [.portable] }
}

/// Work on all cores.
public enum Cores {
    /// The number of cores.
    public static let count: Int = {
        #if canImport(Glibc)
            max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        #elseif canImport(Darwin)
            max(1, Int(sysconf(_SC_NPROCESSORS_ONLN)))
        #else
            1
        #endif
    }()

    /// Calls `body` with each number below `count`, on all cores, and returns when every call has returned. On a
    /// platform without Dispatch, the calls come one after another.
    /// - Parameter all: false to make the calls one after another, on this thread.
    public static func each(_ count: Int, onAll all: Bool = true, _ body: @Sendable (Int) -> Void) {
        guard all, count > 1 else {
            for i in 0..<count { body(i) }
            return
        }
        #if canImport(Dispatch) && !hasFeature(Embedded)
            DispatchQueue.concurrentPerform(iterations: count, execute: body)
        #else
            for i in 0..<count { body(i) }
        #endif
    }
}

extension Cores {
    /// Applies `transform` to each element, and returns the results in order.
    /// - Parameter strip: how many elements one core takes at a time.
    public static func map<Element: Sendable, Result: Sendable>(
        _ elements: ArraySlice<Element>, strip: Int, onAll all: Bool = true,
        _ transform: @Sendable (Element) -> Result
    ) -> [Result] {
        let count = elements.count
        return [Result](unsafeUninitializedCapacity: count) { buffer, filled in
            let out = OwnPlaces(buffer)
            each((count + strip - 1) / strip, onAll: all) { i in
                for place in i * strip..<min((i + 1) * strip, count) {
                    out.buffer.initializeElement(at: place, to: transform(elements[elements.startIndex + place]))
                }
            }
            filled = count
        }
    }
}

/// Memory in which each call of `Cores.each` writes its own places, which no other call touches.
public struct OwnPlaces<Value>: @unchecked Sendable {
    /// The memory.
    public let buffer: UnsafeMutableBufferPointer<Value>

    /// The caller promises that the calls write disjoint places.
    public init(_ buffer: UnsafeMutableBufferPointer<Value>) { self.buffer = buffer }
}
