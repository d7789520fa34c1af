import Petitions
import Sodium

extension MemberStatus {
    /// News for a member, besides their tasks: whom others are waiting for, and what is new.
    public enum News: Sendable, Hashable {
        /// This organiser is the only member and has invited nobody.
        case alone
        /// People who were invited and have not joined: their names in the organisers' directory, and how many there
        /// are in all.
        case invited(names: [String], count: Int)
        /// Trustees whose offer a petition in preparation is waiting for.
        case offers(plan: ID<Object>, from: [NamedMember])
        /// Trustees who have not accepted.
        case acceptances(plan: ID<Object>, from: [NamedMember])
        /// Trustees who have not released their key of the ballots; `needed` more must.
        case releases(ID<Petition>, from: [NamedMember], needed: Int)
        /// The quorum has been reached and the petition is open: an organiser may close it.
        case quorumReached(ID<Petition>)
        /// This member joined after the ring was fixed and cannot sign.
        case outsideRing(ID<Petition>)
        /// The answers have been decided but not sent.
        case intended(ID<Petition>, notBefore: UInt64)
        /// Somebody else's draft has a revision that this device has not shown.
        case draft(ID<Object>, revision: UInt32, comments: Int)
        /// The ballots are open, and this device has the ring key with which its member could sign.
        case counted(ID<Petition>)
    }
}
