#if hasFeature(Embedded)
    /// In place of the standard library's, which Embedded Swift for WebAssembly lacks. There is one thread, so there is
    /// nobody to lock out.
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
