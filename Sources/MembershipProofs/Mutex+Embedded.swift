#if hasFeature(Embedded)
    /// Stands in for the standard library's `Mutex`, which Embedded Swift for WebAssembly lacks. There is only one
    /// thread, so nothing needs locking.
    final class Mutex<Value>: @unchecked Sendable {
        private var value: Value

        init(_ value: Value) { self.value = value }

        func withLock<Result, Failure: Error>(
            _ body: (inout Value) throws(Failure) -> Result
        ) throws(Failure) -> Result {
            try body(&value)
        }
    }
#endif
