import HostileBytes

/// Every decoder of what comes from outside. The first byte chooses it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    HostileBytes.run([UInt8](UnsafeBufferPointer(start: start, count: count)))
    return 0
}
