import CLanes

/// The same value, which came of secrets and is public from here on: branches may depend on it. These are all the places
/// where the prover lets something go before the proof is made; for a processor it is nothing (`rr_publish`).
@inline(__always)
func published<Value: BitwiseCopyable>(_ value: Value) -> Value {
    var value = value
    withUnsafeMutableBytes(of: &value) { rr_publish($0.baseAddress, $0.count) }
    return value
}
