// docs/protocol.md, section 7, "A revision has its parent's kind" and after

import Sodium

extension ID<Object> {
    /// Digest("directory", sign_key): where a member's directory entry is.
    public static func directory(of signKey: Bytes32) -> ID<Object> {
        ID(Domain.digest("directory", signKey.bytes))
    }

    /// Digest("adoption", the draft's object id).
    public static func adoption(of draft: ID<Object>) -> ID<Object> {
        ID(Domain.digest("adoption", draft.bytes.bytes))
    }

    /// Digest("trustee", sign_key): where a trustee's offers and acceptances are.
    public static func trustee(_ signKey: Bytes32) -> ID<Object> { ID(Domain.digest("trustee", signKey.bytes)) }
}

extension StoredObject {
    /// Whether this may follow `parent`, nil for a first revision.
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

    /// What a writer is entitled by.
    public enum Standing: Sendable {
        /// Entitled by the roster as it is.
        case entitled
        /// Was entitled once, and is no more.
        case former
        /// Never was.
        case never
    }

    /// Whether this revision's author may write it. The service takes what `.entitled` says; a client leaves out what `.never`
    /// says, and marks what `.former` says unless it had seen it before.
    /// - Parameter founder: the author of the first revision; nil while this is it.
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
            // It has one revision, by an organiser who announced the petition.
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
