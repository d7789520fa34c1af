// docs/protocol.md, section 4, "Rings"

import MembershipProofs
import Sodium

/// A ring, and the members who have a key in it, by their place in the workplace's order of admission.
struct RosterRing: Sendable {
    /// Indices into `WorkplaceLog.members`, in the ring's order.
    let seats: [Int]
    let ring: Ring
    let rosterSize: Int
}

extension WorkplaceLog {
    /// Ring epoch 0: the ring keys of everyone who is a member at `size`.
    func ring(at size: Int) throws(RuleViolation) -> RosterRing {
        let seats = members.indices.filter { members[$0].isMember(at: size) }
        return try ring(seats, keys: seats.compactMap { members[$0].ringKey(at: size) }, at: size)
    }

    /// The ring that a petition opened at `size` would have, for making its manifest.
    public func openingRing(at size: Int) throws(RuleViolation) -> Ring { try ring(at: size).ring }

    /// The next ring epoch: adds members who were admitted since and are still members, except those who replace,
    /// directly or through others, somebody with a key in this epoch.
    func ring(extending former: RosterRing, to size: Int) throws(RuleViolation) -> RosterRing {
        let seated = Set(former.seats.map { members[$0].signKey })
        let new = members.indices.filter {
            members[$0].admitted >= former.rosterSize && members[$0].isMember(at: size)
                && !replacesSomebody(in: seated, members[$0])
        }
        return try ring(
            former.seats + new, keys: former.ring.keys + new.compactMap { members[$0].ringKey(at: size) }, at: size)
    }

    private func ring(_ seats: [Int], keys: [Element], at size: Int) throws(RuleViolation) -> RosterRing {
        do { return RosterRing(seats: seats, ring: try Ring(keys), rosterSize: size) } catch { throw .ring }
    }

    func replacesSomebody(in seated: Set<Bytes32>, _ member: Member) -> Bool {
        // This ends: a replaced member was admitted, and had left, before the invite of the replacing member was
        // issued.
        var predecessor = member.replaces
        while let key = predecessor {
            if seated.contains(key) { return true }
            predecessor = self.member(key)?.replaces
        }
        return false
    }
}
