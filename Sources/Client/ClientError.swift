import Petitions
import TransparencyLog

/// Why the client refuses or fails. Each says what happened and what to do next; none carries a member's content.
public enum ClientError: Error, Sendable {
    // Keystore
    case noKeystore(String)
    case keystoreExists(String)
    case keystoreLocked
    case wrongPassphrase
    case keystoreDamaged(String)
    case keystoreVersion
    case disk(String)
    // Service
    case unreachable(String, proxy: String?)
    case refused(status: Int, title: String, detail: String, rule: String?)
    case badAnswer(String)
    // Logs
    case logUnverified(log: String, LogError)
    case rolledBack(log: String, pinned: UInt64, served: UInt64)
    case forked(log: String, size: UInt64)
    case serviceFaults([String])
    case objectRolledBack
    case objectForged
    // Rules
    case rule(RuleViolation)
    case otherWorkplace
    case notMember
    case notOrganiser
    case noSuch(String)
    case ambiguous(String)
    case noGroupKey
    case rotationDue
    // Co-signing
    case notAnnounced
    case ringIncomplete(missing: Int)
    case notInRing
    case ringTooSmall(Int)
    case closed
    case notClosed
    case stillPending
    case nothingToWithdraw
    // Trustees
    case notTrustee
    case nonceUsed
    case foreignSealKey
    case acceptancesMissing([String])
    case notAssembled
    case notPreviewed
    case assembledAlready(String)
    case offersMissing([String])
    case deadlineNotReached
    case levelNotReached(standing: Int, needed: Int)
    case invalid(String)
}

extension ClientError: CustomStringConvertible {
    /// What happened.
    public var description: String {
        switch self {
        case .noKeystore(let path): "There is no keystore in \(path)."
        case .keystoreExists(let path): "There is a keystore in \(path) already."
        case .keystoreLocked: "Another roundrobin is using this keystore."
        case .wrongPassphrase: "The passphrase is wrong."
        case .keystoreDamaged(let file): "The keystore's file \(file) is damaged."
        case .keystoreVersion: "The keystore was written by a newer version."
        case .disk(let what): "The disk refused: \(what)."
        case .unreachable(let why, nil): "The service cannot be reached (\(why))."
        case .unreachable(let why, let proxy?): "The service cannot be reached through the proxy \(proxy) (\(why))."
        case .refused(let status, let title, _, _): "The service refused (\(status)): \(title)"
        case .badAnswer(let what): "The service answered what it may not: \(what)."
        case .logUnverified(let log, let error): "The \(log) log does not verify: \(error)."
        case .rolledBack(let log, let pinned, let served):
            "The service is rolling back: its \(log) log has \(served) leaves, and this device has seen \(pinned)."
        case .forked(let log, let size):
            "The service shows two faces: its \(log) log is another than the one this device saw with \(size) leaves."
        case .serviceFaults(let faults):
            "The service accepted what it must not: \(faults.prefix(3).joined(separator: "; "))\(faults.count > 3 ? "; ..." : "")."
        case .objectRolledBack:
            "The service is rolling back: it serves an older or another revision than this device has seen."
        case .objectForged: "A stored text was not written by a member, or is another than was asked for."
        case .rule(.invite): "That is not a whole invite address."
        case .rule(let rule): "The protocol's rule on \"\(rule.rawValue)\" is broken."
        case .otherWorkplace: "That belongs to another workplace."
        case .notMember: "You are not a present member of this workplace."
        case .notOrganiser: "Only an organiser may do that."
        case .noSuch(let what): "There is no such \(what)."
        case .ambiguous(let what): "More than one \(what) fits."
        case .noGroupKey: "This device does not have the newest group key yet."
        case .rotationDue: "Somebody left, and the group key has not been rotated since: nothing may be written yet."
        case .notAnnounced: "The petition was never announced to the workplace."
        case .ringIncomplete(let missing):
            "The ring leaves out \(missing) present member\(missing == 1 ? "" : "s") admitted before the announcement."
        case .notInRing: "Your key is not in this petition's ring."
        case .ringTooSmall(let count): "The ring has only \(count) keys: that hides you among too few."
        case .closed: "The petition is closed."
        case .notClosed: "The petition is still open."
        case .stillPending: "An earlier statement of yours was sent and has no receipt yet."
        case .nothingToWithdraw: "You have no co-signature standing on this petition."
        case .notTrustee: "You are not a trustee of this petition."
        case .nonceUsed: "This offer has been used for a petition already; a second one could open the first."
        case .foreignSealKey: "The petition does not carry the seal keys that you offered."
        case .acceptancesMissing(let members): "Not accepted yet by \(members.joined(separator: ", "))."
        case .notAssembled: "The petition is not assembled yet."
        case .notPreviewed: "This device has not shown you this very petition; it may have been assembled anew since."
        case .assembledAlready(let id): "It has been assembled already, as petition \(id.prefix(16))."
        case .offersMissing(let members): "No offer yet from \(members.joined(separator: ", "))."
        case .deadlineNotReached:
            "The log says that the deadline has passed, but this machine's clock says that it has not."
        case .levelNotReached(let standing, let needed): "\(standing) co-signatures stand; this level needs \(needed)."
        case .invalid(let what): what
        }
    }

    /// What to do next.
    public var nextStep: String {
        switch self {
        case .noKeystore: "Found a workplace or join one first, or set ROUNDROBIN_HOME to where your keystore is."
        case .keystoreExists: "One keystore serves one workplace: set ROUNDROBIN_HOME to another directory for another."
        case .keystoreLocked: "Wait until it has finished, then try again."
        case .wrongPassphrase: "Try again; if it is lost, restore from a backup with keys restore."
        case .keystoreDamaged: "Restore from a backup with keys restore into an empty ROUNDROBIN_HOME."
        case .keystoreVersion: "Update roundrobin."
        case .disk: "Make room or mend the permissions, then try again; nothing was lost."
        case .unreachable(_, nil): "Check the address and the network, then try again."
        case .unreachable: "Is Tor running, with HTTPTunnelPort at that port? Check the address too, then try again."
        case .refused(_, _, let detail, let rule): detail + (rule.map { " (rule: \($0))" } ?? "")
        case .badAnswer, .logUnverified, .objectForged:
            "Do not trust this service until you have compared with a coworker over another channel."
        case .rolledBack, .forked, .objectRolledBack:
            "Do not sign anything. Tell coworkers over another channel, and compare the checkpoints that you have."
        case .serviceFaults: "Do not sign anything. Keep an export, and tell coworkers over another channel."
        case .rule(.invite): "It looks like https://service.example/join#..., on one line. Copy it again, whole."
        case .rule: "Update roundrobin, or ask who made it to make it anew."
        case .otherWorkplace: "Use the keystore of that workplace (ROUNDROBIN_HOME)."
        case .notMember: "If you were removed, only a new invite lets you in again."
        case .notOrganiser: "Ask an organiser to do it."
        case .noSuch: "List what there is, and name it by its number or the first characters of its id."
        case .ambiguous: "Name it by more characters of its id."
        case .noGroupKey: "It comes as soon as any member's client has been online: try again after a while."
        case .rotationDue: "Ask an organiser to run members rotate-key; then try again."
        case .notAnnounced: "Do not co-sign: it was made for you, or for a few. Tell your coworkers."
        case .ringIncomplete: "Ask an organiser to run petition extend; then co-sign."
        case .notInRing: "If you joined after it opened, ask an organiser to run petition extend."
        case .ringTooSmall: "Wait until more coworkers have joined, or insist with --accept-small-ring."
        case .closed: "Nothing can be added. See petition show for what became of it."
        case .notClosed: "Wait for the deadline, or for an organiser to run petition close."
        case .stillPending: "Run the same command again: it is sent again unchanged until its receipt comes."
        case .nothingToWithdraw: "See petition list for what you signed from this device."
        case .notTrustee: "Nothing to do."
        case .nonceUsed:
            "Make a fresh offer with petition offer --again, and ask for the petition to be assembled anew."
        case .foreignSealKey: "Do not accept. Ask the organiser to assemble it anew from your offer."
        case .acceptancesMissing:
            "Ask them to run petition accept (after a new petition offer, if theirs was for an earlier assembly); then try again."
        case .notPreviewed: "Read it with petition preview, then accept."
        case .notAssembled: "Ask the organiser to run petition assemble."
        case .assembledAlready:
            "Assembling again makes another petition: every trustee who has accepted must offer anew first. If that is what you want, use --again."
        case .offersMissing: "Ask them to run petition offer; then try again."
        case .deadlineNotReached:
            "Check this machine's clock. If it is right, the service closed too early: tell your coworkers."
        case .levelNotReached: "Release it when the count is there."
        case .invalid: ""
        }
    }
}
