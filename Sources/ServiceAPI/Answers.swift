// docs/openapi.yaml

/// The JSON of the service's responses, and of members' requests. Ids and keys are lowercase hexadecimal; other bytes
/// are base64. Members are named as on the wire.
public enum Answers {
    /// The service's description of itself.
    public struct Service: Codable, Sendable {
        /// The service's name, with which the names of its logs begin.
        public let name: String
        /// The Ed25519 key that signs all its logs.
        public let log_key: String
        /// Name and key in the form in which a witness's operator configures them.
        public let service_key: String
        /// The version of the protocol.
        public var protocol_version = 1
        /// The greatest length of an object, in bytes.
        public let maximal_object: Int
        /// The witnesses that this service asks, in the form of a policy file. A workplace can name only these.
        public let witnesses: [String]
        /// Absent if co-signatures are appended as they arrive.
        public let mix: Mix?
        /// The service's limits.
        public let limits: Limits
        /// Whether founding a workplace requires a token from the operator; absent if it does not.
        public let founding_token: Bool?
        /// SHA-256 of the page that the service serves at `/app`; absent if it serves none.
        public let page_sha256: String?

        /// A field that is nil is left out.
        public init(
            name: String, log_key: String, service_key: String, maximal_object: Int, witnesses: [String], mix: Mix?,
            limits: Limits, founding_token: Bool? = nil, page_sha256: String? = nil
        ) {
            (self.founding_token, self.page_sha256) = (founding_token, page_sha256)
            (self.name, self.log_key, self.service_key) = (name, log_key, service_key)
            (self.maximal_object, self.witnesses, self.mix, self.limits) = (maximal_object, witnesses, mix, limits)
        }
    }

    /// How co-signatures are held and mixed before they are appended.
    public struct Mix: Codable, Sendable {
        /// The interval in seconds.
        public let every: Int
        /// How many co-signatures of one petition must wait before they are appended.
        public let at_least: Int

        /// The mixing of this service.
        public init(every: Int, at_least: Int) { (self.every, self.at_least) = (every, at_least) }
    }

    /// A rate limit.
    public struct Rate: Codable, Sendable {
        /// How many requests may come at once.
        public let burst: Int
        /// How many requests an hour allows in the long run.
        public let per_hour: Int

        /// A rate limit.
        public init(burst: Int, per_hour: Int) { (self.burst, self.per_hour) = (burst, per_hour) }
    }

    /// The limits of a service; docs/openapi.yaml says what follows when one is exceeded.
    public struct Limits: Codable, Sendable {
        /// The greatest length of an object, in bytes.
        public let object_bytes: Int
        /// How many bytes a workplace may store, in objects, wraps and keys for invites.
        public let workplace_bytes: Int
        /// How many statements may wait to be appended.
        public let waiting_statements: Int
        /// How many connections may be open.
        public let connections: Int
        /// How many connections one network may have open.
        public let connections_per_network: Int
        /// How many statements one tag may make in a petition.
        public let cosignatures_per_tag: Int
        /// Foundings of workplaces.
        public let foundings: Rate
        /// Statements of one workplace.
        public let statements: Rate
        /// Objects of one workplace.
        public let objects: Rate
        /// Requests of one network.
        public let requests: Rate

        /// The limits as they are configured.
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

    /// A statement that is durable, but whose checkpoint still waits for the named witnesses, so there is no receipt
    /// yet. The same bytes, sent again later, get the receipt. Co-signatures get a promise instead.
    public struct Accepted: Codable, Sendable {
        /// The leaf's index.
        public let index: Int

        /// The response for a leaf at this index.
        public init(index: Int) { self.index = index }
    }

    /// A stored object.
    public struct Object: Codable, Sendable {
        /// The kind, by its number.
        public let kind: UInt8
        /// The object's id.
        public let id: String
        /// The revision, from 1.
        public let revision: UInt32
        /// The exact bytes.
        public let bytes: String

        /// An object for a list.
        public init(kind: UInt8, id: String, revision: UInt32, bytes: String) {
            (self.kind, self.id, self.revision, self.bytes) = (kind, id, revision, bytes)
        }
    }

    /// A page of a list of objects.
    public struct Objects: Codable, Sendable {
        /// The objects, in the list's order.
        public let objects: [Object]
        /// The cursor for the next page; absent on the last page.
        public let next: Int?

        /// A page of the list.
        public init(objects: [Object], next: Int?) { (self.objects, self.next) = (objects, next) }
    }

    /// A wrapped group key.
    public struct Wrap: Codable, Sendable {
        /// The sign key of the member for whom it is wrapped.
        public let member: String
        /// The wrapped key.
        public let wrap: String
        /// The sign key of the member who wrapped it.
        public let by: String
        /// The wrapping member's signature.
        public let signature: String

        /// A wrap for a list.
        public init(member: String, wrap: String, by: String, signature: String) {
            (self.member, self.wrap, self.by, self.signature) = (member, wrap, by, signature)
        }
    }

    /// The wraps of one epoch, both as the service lists them and as a member posts them.
    public struct Wraps: Codable, Sendable {
        /// The epoch of the group key.
        public let epoch: UInt32
        /// The wraps.
        public let wraps: [Wrap]

        /// A list of wraps.
        public init(epoch: UInt32, wraps: [Wrap]) { (self.epoch, self.wraps) = (epoch, wraps) }
    }

    /// The members who need a wrap of the newest epoch.
    public struct Missing: Codable, Sendable {
        /// Sign keys of present members.
        public let members: [String]

        /// A list of sign keys.
        public init(members: [String]) { self.members = members }
    }

    /// The request of a member who has no wrap that opens.
    public struct Wanted: Codable, Sendable {
        /// The epoch of the group key.
        public let epoch: UInt32

        /// A request for a wrap of this epoch.
        public init(epoch: UInt32) { self.epoch = epoch }
    }

    /// The keys that an organiser leaves at the service for a newcomer.
    public struct InviteKeys: Codable, Sendable {
        /// The invite's public key.
        public let invite_key: String
        /// The group keys, sealed under the invite.
        public let keys: String

        /// Keys for the holder of an invite.
        public init(invite_key: String, keys: String) { (self.invite_key, self.keys) = (invite_key, keys) }
    }

    /// The response to the lookup of an invite.
    public struct Invitation: Codable, Sendable {
        /// The workplace's id.
        public let workplace: String
        /// The key that signs the workplace's logs.
        public let log_key: String
        /// The group keys, sealed under the invite.
        public let keys: String

        /// The response to a newcomer.
        public init(workplace: String, log_key: String, keys: String) {
            (self.workplace, self.log_key, self.keys) = (workplace, log_key, keys)
        }
    }

    /// Sealed names that are due, in the order of their leaves.
    public struct Names: Codable, Sendable {
        /// The exact bytes of each.
        public let names: [String]

        /// A list of sealed names.
        public init(names: [String]) { self.names = names }
    }

    /// A problem document (RFC 9457).
    public struct Problem: Codable, Sendable {
        /// The type is this, followed by the code.
        public static let typePrefix = "urn:roundrobin:problem:"

        /// The prefix and the code.
        public let type: String
        /// A short title in English.
        public let title: String
        /// The HTTP status.
        public let status: Int
        /// A description of what happened, in English.
        public let detail: String
        /// The rule of the protocol that a statement or an object breaks; absent otherwise.
        public let rule: String?
        /// Values that belong to the code, such as a limit or the seconds to wait.
        public let values: [String: String]?

        /// A problem with this code.
        public init(
            code: ProblemCode, title: String, status: Int, detail: String, rule: String?, values: [String: String]
        ) {
            type = Self.typePrefix + code.rawValue
            (self.title, self.status, self.detail, self.rule) = (title, status, detail, rule)
            self.values = values.isEmpty ? nil : values
        }

        /// Nil if this program does not know the code.
        public var code: ProblemCode? {
            type.hasPrefix(Self.typePrefix)
                ? ProblemCode(rawValue: String(type.dropFirst(Self.typePrefix.count))) : nil
        }
    }
}
