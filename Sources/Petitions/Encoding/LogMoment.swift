/// One state of one folded log, and of its copies until either grows: known by its identity, so that evidence about
/// that state is compared at once, and no two states are taken for one because their sizes are the same.
final class LogMoment: Sendable {}
