/// Identifies one state of one folded log, and of its copies until either of them grows. Evidence about a state is
/// compared by identity, which is fast, and two states are never confused because their sizes are equal.
final class LogMoment: Sendable {}
