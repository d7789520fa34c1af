import Petitions
import Sodium
import TransparencyLog

/// What a list of objects says of each before their bytes are read.
public struct ObjectOutline: Sendable, Hashable {
    public let name: StoredObject.Name
    /// The newest.
    public let revision: UInt32
    /// Bytes of the revision.
    public let length: Int
}

/// What is read in pieces, so that a response needs no more memory than one of them. Leaves and revisions never change: pieces that are
/// read one after the other belong together.
public protocol PiecewiseReading: Sendable {
    /// The lengths in bytes of the leaves at these places; fewer when the log has not all of them.
    func leafLengths(of log: LogName, in range: Range<Int>) async throws -> [Int]

    /// The leaves at these places, with the hashes that are kept for them.
    func leaves(of log: LogName, in range: Range<Int>) async throws -> [(hash: Bytes32, bytes: [UInt8])]

    /// The newest revisions of a kind's objects, oldest object first.
    /// - Parameters:
    ///   - after: how many objects come before the first.
    ///   - most: objects in one answer at most; fewer when they are large, and at least one.
    ///   - bytes: what their revisions may have together, but for the first's.
    /// - Returns: the objects, and how many come before the next; nil at the end.
    func outlines(
        of kind: StoredObject.Kind, in workplace: ID<Workplace>, after: Int, most: Int, bytes: Int
    ) async throws -> (entries: [ObjectOutline], next: Int?)

    /// One revision, or the newest when none is named; nil when there is none.
    func outline(
        _ name: StoredObject.Name, in workplace: ID<Workplace>, revision: UInt32?
    ) async throws -> ObjectOutline?

    /// A part of a revision's bytes; nil when there is no such revision.
    func piece(
        of object: ObjectOutline, in workplace: ID<Workplace>, bytes range: Range<Int>
    ) async throws -> [UInt8]?

    /// How many bytes the sealed names of a petition take together.
    func namesLength(of petition: ID<Petition>) async throws -> Int

    /// How many wraps of an epoch there are.
    func wrapCount(of epoch: UInt32, in workplace: ID<Workplace>) async throws -> Int
}
