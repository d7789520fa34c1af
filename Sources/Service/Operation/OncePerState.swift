import Logging
import Synchronization

/// Tells an operator of a trouble when it begins, when its reason changes, and when it is over; not each time that it
/// is met. One for each kind of trouble, which several subjects may have.
final class OncePerState: Sendable {
    /// The newest reason, by subject.
    private let reasons = Mutex<[String: String]>([:])
    private let (trouble, over): (Logger.Message, Logger.Message)
    private let level: Logger.Level
    private let logger: Logger
    /// Beyond, all are forgotten, and told once more if they go on.
    private static let most = 10_000

    /// - Parameters:
    ///   - trouble: the message when it begins.
    ///   - over: the message when it is over, at the level notice.
    ///   - level: of the first message.
    init(_ trouble: Logger.Message, over: Logger.Message, level: Logger.Level = .warning, logger: Logger) {
        (self.trouble, self.over, self.level, self.logger) = (trouble, over, level, logger)
    }

    /// The trouble is there.
    /// - Parameters:
    ///   - why: logged with the message. A different reason is logged again.
    ///   - subject: which one has it, where there are several.
    func begins(_ why: String, about subject: String = "", metadata: Logger.Metadata = [:]) {
        // What was given up because the service stops is no trouble.
        guard !Task.isCancelled else { return }
        let isNew = reasons.withLock { reasons in
            if reasons.count >= Self.most { reasons = [:] }
            return reasons.updateValue(why, forKey: subject) != why
        }
        guard isNew else { return }
        logger.log(level: level, trouble, metadata: metadata.merging(["why": "\(why)"]) { $1 })
    }

    /// The trouble is not there.
    func ends(about subject: String = "", metadata: Logger.Metadata = [:]) {
        guard reasons.withLock({ $0.removeValue(forKey: subject) }) != nil else { return }
        logger.notice(over, metadata: metadata)
    }
}
