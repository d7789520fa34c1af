import Petitions
import Sodium
import Synchronization

/// What the organisers' directory calls people, for whoever puts a person into words. It is empty on the device of a
/// member who is no organiser.
public final class DirectoryNames: Sendable {
    /// A name in the directory.
    public struct Listed: Sendable, Hashable {
        /// The name.
        public let name: String
        /// Whether somebody else in the directory has the same name.
        public let isShared: Bool
    }

    /// An entry, as far as it names somebody: by the invite that admits them or by the sign key.
    struct Entry: Codable, Sendable, Hashable {
        let name: String
        let invite: Bytes32?
        let member: Bytes32?

        init(_ entry: DirectoryEntry) {
            name = entry.name
            (invite, member) = (entry.invite.flatMap { Bytes32(hex: $0) }, entry.member.flatMap { Bytes32(hex: $0) })
        }
    }

    private struct Table {
        let names: [Bytes32: String]
        let counts: [String: Int]

        init(_ entries: [Entry]) {
            let keys = entries.flatMap { entry in
                [entry.invite, entry.member].compactMap { $0 }.map { ($0, entry.name) }
            }
            names = Dictionary(keys, uniquingKeysWith: { first, _ in first })
            counts = Dictionary(entries.map { (Likeness.exact($0.name), 1) }, uniquingKeysWith: +)
        }
    }

    private let table: Mutex<Table>

    init(_ entries: [Entry]) { table = Mutex(Table(entries)) }

    func replace(with entries: [Entry]) { table.withLock { $0 = Table(entries) } }

    /// The directory's name for a person; nil if it has none.
    public func listed(_ person: NamedMember) -> Listed? {
        table.withLock { table in
            guard let name = person.invite.flatMap({ table.names[$0] }) ?? table.names[person.key] else { return nil }
            return Listed(name: name, isShared: table.counts[Likeness.exact(name), default: 0] > 1)
        }
    }
}
