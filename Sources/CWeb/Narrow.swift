/// Compiled into each module where Int has 32 bits, so that a conversion that traps there on outside input is an error:
/// the concrete initialiser is preferred to the generic one, and warns. `Int(exactly:)`, `Int(clamping:)` and
/// `Int(truncatingIfNeeded:)` say what happens to a number that does not fit.
extension Int {
    @available(*, deprecated, message: "traps where Int has 32 bits: use exactly, clamping or truncatingIfNeeded")
    init(_ number: UInt32) { self.init(exactly: number)! }
    @available(*, deprecated, message: "traps where Int has 32 bits: use exactly, clamping or truncatingIfNeeded")
    init(_ number: UInt64) { self.init(exactly: number)! }
    @available(*, deprecated, message: "traps where Int has 32 bits: use exactly, clamping or truncatingIfNeeded")
    init(_ number: Int64) { self.init(exactly: number)! }
}
