import Storage
import Templates
import TransparencyLog

/// How a service runs.
public struct ServiceConfiguration: Sendable {
    /// Where it listens.
    public var host: String
    /// 0 lets the system choose.
    public var port: Int
    /// Instead of host and port: the path of a Unix socket. A service that starts takes the path over from one that runs.
    public var socketPath: String?
    /// Where figures are served for Prometheus; nil for nowhere.
    public var metrics: (host: String, port: Int)?
    /// How long `/readyz` says that the service stops before it accepts nothing more.
    public var drain = Duration.zero
    /// An SQLite file, or the address of a PostgreSQL database.
    public var database: String
    /// Where the newest signed checkpoints are recorded, on this machine; beside an SQLite file when nil.
    public var headsPath: String?
    /// The name that its logs carry: characters a-z 0-9 . : -
    public var name: String
    /// Nil where a proxy, or an onion service, stands in front.
    public var tls: TLSFiles?
    public var limits = Limits()
    /// How co-signatures are mixed; nil appends each as it comes.
    public var mix: Mix?
    /// The witnesses that are asked to sign checkpoints: those of the policy that have an address.
    public var witnesses: WitnessPolicy?
    /// How long a checkpoint waits for them before it is shown without, or, where the workplace names witnesses, before whoever
    /// waits is told that it is durable.
    public var witnessPatience = Duration.seconds(3)
    /// How long a witness that did not answer is not asked; ten times the patience when nil.
    public var witnessSilence: Duration?
    /// How old the named witnesses' signatures may become before they are asked anew, and how often the service looks. Together
    /// less than the 12 hours after which the protocol wants them fresh.
    public var witnessAge = Duration.seconds(11 * 3600)
    /// The same of a petition's log where a level's names wait for trustees, who release them only under signatures of the last hour.
    public var releaseAge = Duration.seconds(1800)
    public var witnessLook = Duration.seconds(600)
    /// What founding a workplace takes: it is sent as a bearer token. Nil where anybody may.
    public var foundingToken: String?
    /// Where the pages' templates and texts are.
    public var templates = TemplateLibrary.standardDirectory()

    /// Co-signatures are held, and appended together in a random order.
    public struct Mix: Sendable, Equatable {
        /// How often the service looks whether enough are there.
        public var every: Duration
        /// How many of a petition must wait; those that wait when the petition closes, or its ring grows, are appended before that,
        /// and each before the time for which it was promised.
        public var atLeast: Int
        /// How long one may wait for others, before the whole hour that is promised. Less than the protocol's 24 hours by the hour to
        /// which it is rounded up.
        public var longest = Duration.seconds(23 * 3600)

        public init(every: Duration, atLeast: Int) { (self.every, self.atLeast) = (every, atLeast) }

        /// Until when a co-signature that comes now is promised to stand in the log: a whole hour, at most 24 hours ahead.
        func until(_ now: UInt64) -> UInt64 {
            let latest = now.addingReportingOverflow(UInt64(clamping: longest.components.seconds))
            guard !latest.overflow, latest.partialValue <= .max - 3600 else { return .max / 3600 * 3600 }
            return (latest.partialValue + 3599) / 3600 * 3600
        }

        /// How long before that everything is appended, however few wait: twice the interval, so that the look which finds it comes
        /// in time, and at least ten minutes for clocks that differ.
        var margin: UInt64 { max(2 * UInt64(clamping: every.components.seconds), 600) }
    }

    /// Why a service cannot run as it is configured.
    public enum Invalid: Error, Equatable, Sendable {
        /// Co-signatures would be promised for a time by which nobody looks for them, or further ahead than the protocol allows.
        case mixing
    }

    /// - Throws: `Invalid`.
    func validate() throws(Invalid) {
        guard let mix else { return }
        guard mix.every > .zero, mix.longest <= .seconds(23 * 3600),
            mix.every + .seconds(Int64(clamping: mix.margin)) <= mix.longest
        else { throw .mixing }
    }

    /// So many at once, and so many a second on and on.
    public struct Rate: Sendable, Equatable {
        public var burst: Int
        public var perSecond: Double

        public init(burst: Int, perSecond: Double) { (self.burst, self.perSecond) = (burst, perSecond) }
    }

    public struct Limits: Sendable {
        /// Bytes of one stored object's request.
        public var object = 1 << 20
        /// Bytes of a request that uploads wrapped keys.
        public var wraps = 4 << 20
        /// Statements that may wait to be admitted.
        public var queue = 4096
        /// Entries in one list of wraps.
        public var wrapsPerRequest = 1000
        /// How long a connection may take until a request's head is there, from its start or the last answer.
        public var idle = Duration.seconds(60)
        /// How long a request's body may take, and an answer.
        public var request = Duration.seconds(60)
        public var answer = Duration.seconds(120)
        /// Connections at a time; more wait to be accepted.
        public var connections = 2048
        /// Connections of one network of addresses at a time.
        public var connectionsPerNetwork = 256
        /// Bytes of requests that are being received and of responses that have not left yet, of all connections together; more are
        /// refused for a moment.
        public var memory = 256 << 20
        /// Bytes of the keys that wait sealed for one invite.
        public var inviteKeys = 64 << 10
        /// Requests of one network of addresses (not of this machine, behind which proxies and Tor are).
        public var requests = Rate(burst: 2000, perSecond: 100)
        /// Workplaces that are founded here.
        public var foundings = Rate(burst: 100, perSecond: 100.0 / 3600)
        /// Statements of a workplace and its petitions, co-signatures not counted.
        public var statements = Rate(burst: 20_000, perSecond: 10)
        /// Objects that a workplace's members write.
        public var objects = Rate(burst: 20_000, perSecond: 10)
        /// Bytes of a workplace's objects, wrapped keys and keys for invites.
        public var stored = 1 << 30
        /// The same of all workplaces together; and bytes of the disk that these leave for statements, as far as the service sees the disk.
        public var storedTotal = 16 << 30
        public var diskReserve = 256 << 20
        /// Which part of `stored` one member's may be, one in so many; and which part is kept for petitions' documents and for wrapped keys
        /// that organisers write, so that somebody who fills the rest can still be removed and the key rotated.
        public var storedByMember = 8
        public var storedReserve = 8
        /// Co-signatures of one tag: a member may change their mind, not fill the disk with it.
        public var replacements = 1000
        /// How long who sent a false proof waits for the answer, and how many may wait so.
        public var penance = Duration.seconds(3)
        public var penitents = 1024

        public init() {}

        /// - Parameter reserved: whether it is an organiser's, for what the reserve is kept.
        func quota(reserved: Bool) -> Quota {
            Quota(
                workplace: reserved ? stored : stored - stored / max(storedReserve, 1),
                author: reserved ? .max : stored / max(storedByMember, 1), total: storedTotal, free: diskReserve)
        }
    }

    public init(host: String, port: Int, database: String, name: String) {
        (self.host, self.port, self.database, self.name) = (host, port, database, name)
    }
}
