// docs/openapi.yaml

/// The JSON that the service answers with, and that members send. Ids and keys are lowercase hexadecimal, other bytes base64.
public enum Answers {
    public struct Service: Codable, Sendable {
        public let name: String
        public let log_key: String
        /// Name and key as a witness's operator names them.
        public let service_key: String
        public var protocol_version = 1
        public let maximal_object: Int
        /// The witnesses whom this service asks, as they stand in a policy file. Only these can be named by a workplace.
        public let witnesses: [String]
        /// Absent where co-signatures are appended as they come.
        public let mix: Mix?
        public let limits: Limits
        /// Whether founding a workplace takes a token of the operator's; absent where it does not.
        public let founding_token: Bool?

        public init(
            name: String, log_key: String, service_key: String, maximal_object: Int, witnesses: [String], mix: Mix?,
            limits: Limits, founding_token: Bool? = nil
        ) {
            self.founding_token = founding_token
            (self.name, self.log_key, self.service_key) = (name, log_key, service_key)
            (self.maximal_object, self.witnesses, self.mix, self.limits) = (maximal_object, witnesses, mix, limits)
        }
    }

    public struct Mix: Codable, Sendable {
        /// Seconds.
        public let every: Int
        public let at_least: Int

        public init(every: Int, at_least: Int) { (self.every, self.at_least) = (every, at_least) }
    }

    public struct Rate: Codable, Sendable {
        public let burst: Int
        public let per_hour: Int

        public init(burst: Int, per_hour: Int) { (self.burst, self.per_hour) = (burst, per_hour) }
    }

    public struct Limits: Codable, Sendable {
        public let object_bytes: Int
        public let workplace_bytes: Int
        public let waiting_statements: Int
        public let connections: Int
        public let connections_per_network: Int
        public let cosignatures_per_tag: Int
        public let foundings: Rate
        public let statements: Rate
        public let objects: Rate
        public let requests: Rate

        public init(
            object_bytes: Int, workplace_bytes: Int, waiting_statements: Int, connections: Int,
            connections_per_network: Int, cosignatures_per_tag: Int, foundings: Rate, statements: Rate, objects: Rate,
            requests: Rate
        ) {
            (self.object_bytes, self.workplace_bytes) = (object_bytes, workplace_bytes)
            (self.waiting_statements, self.connections) = (waiting_statements, connections)
            (self.connections_per_network, self.cosignatures_per_tag) = (connections_per_network, cosignatures_per_tag)
            (self.foundings, self.statements) = (foundings, statements)
            (self.objects, self.requests) = (objects, requests)
        }
    }

    /// A statement that is durable, and whose checkpoint waits for the named witnesses: there is no receipt yet. Not for
    /// co-signatures, which get a promise. The same bytes, sent again later, get the receipt.
    public struct Accepted: Codable, Sendable {
        /// The leaf's index.
        public let index: Int

        public init(index: Int) { self.index = index }
    }

    public struct Object: Codable, Sendable {
        public let kind: UInt8
        public let id: String
        public let revision: UInt32
        public let bytes: String

        public init(kind: UInt8, id: String, revision: UInt32, bytes: String) {
            (self.kind, self.id, self.revision, self.bytes) = (kind, id, revision, bytes)
        }
    }

    public struct Objects: Codable, Sendable {
        public let objects: [Object]
        /// What to ask for after these; absent at the end.
        public let next: Int?

        public init(objects: [Object], next: Int?) { (self.objects, self.next) = (objects, next) }
    }

    public struct Wrap: Codable, Sendable {
        public let member: String
        public let wrap: String
        /// Who made it.
        public let by: String
        public let signature: String

        public init(member: String, wrap: String, by: String, signature: String) {
            (self.member, self.wrap, self.by, self.signature) = (member, wrap, by, signature)
        }
    }

    /// Wraps of one epoch: as they are listed, and as a member leaves them.
    public struct Wraps: Codable, Sendable {
        public let epoch: UInt32
        public let wraps: [Wrap]

        public init(epoch: UInt32, wraps: [Wrap]) { (self.epoch, self.wraps) = (epoch, wraps) }
    }

    /// Sign keys of present members who need a wrap of the newest epoch.
    public struct Missing: Codable, Sendable {
        public let members: [String]

        public init(members: [String]) { self.members = members }
    }

    /// What a member sends who has no wrap that opens.
    public struct Wanted: Codable, Sendable {
        public let epoch: UInt32

        public init(epoch: UInt32) { self.epoch = epoch }
    }

    /// What an organiser leaves for a newcomer.
    public struct InviteKeys: Codable, Sendable {
        public let invite_key: String
        /// The group keys, sealed under the invite.
        public let keys: String

        public init(invite_key: String, keys: String) { (self.invite_key, self.keys) = (invite_key, keys) }
    }

    /// What a newcomer finds under the invite's name.
    public struct Invitation: Codable, Sendable {
        public let workplace: String
        public let log_key: String
        public let keys: String

        public init(workplace: String, log_key: String, keys: String) {
            (self.workplace, self.log_key, self.keys) = (workplace, log_key, keys)
        }
    }

    /// Sealed names that are due, in the order of their leaves.
    public struct Names: Codable, Sendable {
        public let names: [String]

        public init(names: [String]) { self.names = names }
    }

    /// RFC 9457.
    public struct Problem: Codable, Sendable {
        public static let typePrefix = "urn:roundrobin:problem:"

        public let type: String
        public let title: String
        public let status: Int
        public let detail: String
        /// The rule of the protocol that a statement or an object breaks.
        public let rule: String?
        /// What belongs to the code: a limit, seconds to wait.
        public let values: [String: String]?

        public init(
            code: ProblemCode, title: String, status: Int, detail: String, rule: String?, values: [String: String]
        ) {
            type = Self.typePrefix + code.rawValue
            (self.title, self.status, self.detail, self.rule) = (title, status, detail, rule)
            self.values = values.isEmpty ? nil : values
        }

        /// Nil for a code that this program does not know.
        public var code: ProblemCode? {
            type.hasPrefix(Self.typePrefix)
                ? ProblemCode(rawValue: String(type.dropFirst(Self.typePrefix.count))) : nil
        }
    }
}
