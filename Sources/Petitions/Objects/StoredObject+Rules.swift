// docs/protocol.md, section 7, "A revision has its parent's kind" and after

import Sodium

extension ID<Object> {
    /// Digest("directory", sign_key): the object that holds a member's directory entry.
    public static func directory(of signKey: Bytes32) -> ID<Object> {
        ID(Domain.digest("directory", signKey.bytes))
    }

    /// Digest("directory", workplace_id || uint32 number): where a part of the organisers' directory is.
    public static func directoryPart(_ number: UInt32, of workplace: ID<Workplace>) -> ID<Object> {
        var writer = ByteWriter()
        writer.append(workplace)
        writer.append(number)
        return ID(Domain.digest("directory", writer.bytes))
    }

    /// Digest("adoption", the draft's object id).
    public static func adoption(of draft: ID<Object>) -> ID<Object> {
        ID(Domain.digest("adoption", draft.bytes.bytes))
    }

    /// Digest("trustee", sign_key): the object that holds a trustee's offers and acceptances.
    public static func trustee(_ signKey: Bytes32) -> ID<Object> { ID(Domain.digest("trustee", signKey.bytes)) }
}

extension StoredObject {
    /// Checks that this revision may follow `parent`; nil if it is the first.
    /// - Throws: `RuleViolation.objectParent`, `.epoch`, `.workplaceID`.
    public func follows(_ parent: StoredObject?) throws(RuleViolation) {
        guard let parent else {
            guard revision == 1 else { throw .objectParent }
            return
        }
        guard parent.workplace == workplace else { throw .workplaceID }
        guard parent.name == name, UInt64(parent.revision) + 1 == UInt64(revision), parent.digest == self.parent else {
            throw .objectParent
        }
        guard epoch >= parent.epoch else { throw .epoch }
    }

    /// Whether a writer is entitled to write.
    public enum Standing: Sendable {
        /// Entitled by the roster as it is.
        case entitled
        /// Was entitled once, but is no longer.
        case former
        /// Was never entitled.
        case never
    }

    /// Whether this revision's author may write it. The service accepts only `.entitled`. A client leaves out `.never`,
    /// and marks `.former` unless it had seen the revision before.
    /// - Parameter founder: the author of the first revision; nil if this is the first.
    public func standing(in roster: WorkplaceLog, founder: Bytes32?) -> Standing {
        let wasMember = roster.member(author) != nil
        let isMember = roster.isMember(author)
        func organisers() -> Standing {
            roster.isOrganiser(author) ? .entitled : roster.wasOrganiser(author) ? .former : .never
        }
        switch kind {
        case .draft: return isMember ? .entitled : wasMember ? .former : .never
        case .comment:
            guard founder ?? author == author else { return .never }
            return isMember ? .entitled : wasMember ? .former : .never
        case .document:
            // A document has one revision, by an organiser who announced the petition.
            let announced = roster.announcements[ID(id.bytes)]?.contains { $0.signer == author } == true
            guard revision == 1, announced else { return .never }
            return organisers()
        case .directory:
            if id == .directory(of: author) { return isMember ? .entitled : wasMember ? .former : .never }
            return organisers()
        case .record, .adoption, .plan: return organisers()
        case .trustee:
            guard id == .trustee(author) else { return .never }
            return isMember ? .entitled : wasMember ? .former : .never
        }
    }
}
