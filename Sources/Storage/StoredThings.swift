import Petitions
import Sodium
import TransparencyLog

/// What a list of objects says of each.
public struct ObjectEntry: Sendable, Hashable {
    public let id: ID<Object>
    public let kind: StoredObject.Kind
    /// The newest.
    public let revision: UInt32
    public let bytes: [UInt8]
}

/// How many bytes a write may bring a workplace to, the member who writes, and everything that is kept but for logs.
public struct Quota: Sendable, Equatable {
    public let workplace: Int
    public let author: Int
    /// Of all workplaces together.
    public let total: Int
    /// Bytes of the disk that are left for statements.
    public let free: Int

    public init(workplace: Int, author: Int, total: Int = .max, free: Int = 0) {
        (self.workplace, self.author, self.total, self.free) = (workplace, author, total, free)
    }

    public static let unlimited = Quota(workplace: .max, author: .max)

    /// What there is before a write.
    struct Kept {
        let workplace: Int
        let author: Int
        let total: Int
        /// Bytes that the disk has left; nil where that is not known.
        let free: Int?
    }

    /// - Throws: `StorageError.quota` when a write of `count` bytes more exceeds what is allowed. One that frees bytes
    ///   never does.
    func check(adding count: Int, to kept: Kept) throws {
        guard count > 0 else { return }
        for (there, most) in [(kept.workplace, workplace), (kept.author, author), (kept.total, total)] {
            let (sum, overflows) = there.addingReportingOverflow(count)
            guard !overflows, sum <= most else { throw StorageError.quota }
        }
        guard let left = kept.free, free > 0 else { return }
        guard left.subtractingReportingOverflow(count).partialValue >= free else { throw StorageError.quota }
    }
}

/// What an organiser left for a newcomer under the invite's name.
public struct StoredInvite: Sendable, Hashable {
    public let workplace: ID<Workplace>
    /// The invite's public key.
    public let key: Bytes32
    /// The group keys, sealed under the invite.
    public let sealed: [UInt8]
    /// The organiser who left it.
    public let author: Bytes32

    public init(workplace: ID<Workplace>, key: Bytes32, sealed: [UInt8], author: Bytes32) {
        (self.workplace, self.key, self.sealed, self.author) = (workplace, key, sealed, author)
    }
}

/// Who may have a wrap in the place of whom.
public struct WrapPlaces: Sendable {
    /// Members whose wraps of one epoch for one member are kept together at most.
    public let most: Int
    /// Makers who find a place where there is none left.
    public let preferred: Set<Bytes32>

    public init(most: Int = 16, preferred: Set<Bytes32> = []) { (self.most, self.preferred) = (most, preferred) }

    /// Whose wrap makes room for `maker`'s; nil when there is room.
    /// - Parameter isWanted: whether the member says that none of these opens.
    /// - Throws: `StorageError.quota` when there is none.
    func evicted(for maker: Bytes32, among makers: [Bytes32], isWanted: Bool) throws -> Bytes32? {
        guard !makers.contains(maker), makers.count >= most else { return nil }
        guard isWanted || preferred.contains(maker) else { throw StorageError.quota }
        let others = makers.filter { !preferred.contains($0) }
        guard let evicted = (others.isEmpty && isWanted ? makers : others).min(by: { $0.hex < $1.hex }) else {
            throw StorageError.quota
        }
        return evicted
    }
}

extension Tile {
    /// The places of its level's hashes, or of its leaves. Nil for a place that no log has.
    var range: Range<Int>? {
        guard let index = Int(exactly: index) else { return nil }
        let (first, overflows) = index.multipliedReportingOverflow(by: Tile.width)
        let (end, overflowsToo) = first.addingReportingOverflow(count)
        return overflows || overflowsToo || end < first ? nil : first..<end
    }
}
