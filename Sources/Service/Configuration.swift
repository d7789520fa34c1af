import Templates
import TransparencyLog

/// How a service runs.
public struct ServiceConfiguration: Sendable {
    /// Where it listens.
    public var host: String
    /// 0 lets the system choose.
    public var port: Int
    public var databasePath: String
    /// The name that its logs carry: characters a-z 0-9 . : -
    public var name: String
    /// Nil where a proxy, or an onion service, stands in front.
    public var tls: TLSFiles?
    public var limits = Limits()
    /// How co-signatures are mixed; nil appends each as it comes.
    public var mix: Mix?
    /// The witnesses that are asked to sign checkpoints: those of the policy that have an address.
    public var witnesses: WitnessPolicy?
    /// How long a checkpoint waits for them before it is shown without.
    public var witnessPatience = Duration.seconds(3)
    /// Where the pages' templates and texts are.
    public var templates = TemplateLibrary.standardDirectory()

    /// Co-signatures are held, and appended together in a random order.
    public struct Mix: Sendable, Equatable {
        /// How often it is looked whether enough are there.
        public var every: Duration
        /// How many of a petition must wait; what waits when the petition closes, or its ring grows, is appended before that.
        public var atLeast: Int

        public init(every: Duration, atLeast: Int) { (self.every, self.atLeast) = (every, atLeast) }
    }

    public struct Limits: Sendable {
        /// Bytes of one stored object's request.
        public var object = 1 << 20
        /// Bytes of a request that uploads wrapped keys.
        public var wraps = 4 << 20
        /// Statements that may wait to be admitted.
        public var queue = 4096
        /// Entries in one list of wraps.
        public var wrapsPerRequest = 4096
        /// How long a connection may say nothing.
        public var idle = Duration.seconds(60)

        public init() {}
    }

    public init(host: String, port: Int, databasePath: String, name: String) {
        (self.host, self.port, self.databasePath, self.name) = (host, port, databasePath, name)
    }
}
