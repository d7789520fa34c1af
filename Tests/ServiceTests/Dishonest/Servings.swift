import CoSigning
import Foundation
import Petitions
import ServiceAPI
import Synchronization
import Testing
import TransparencyLog

@testable import Client

/// What an operator may show and answer in one run. Sendings get a valid promise unless a script says otherwise.
extension Scene {
    static let truth = "the truth"
    private static let unsigned = "a petition log before the co-signature"

    /// A device's own statement in this petition that is missing from the log is sent again.
    func mayResend(_ state: DeviceState, _ serving: Serving) -> Bool {
        state.name == Self.ownReceipts && serving.name == Self.unsigned
    }

    /// What an operator shows of a petition whose ring has grown.
    func servings() throws -> [Serving] {
        let workplace = stage.workplaceID.hex
        let (before, without) = try unannounced()
        return [
            Serving(Self.truth), Serving("an older petition log", olderLog.script),
            Serving("an older roster", olderRoster.script), Serving("a forked petition log", forkedLog.script),
            Serving("a forked roster", forkedRoster.script), Serving(Self.unsigned, unsignedLog.script),
            Serving("the ring before it grew", ungrownLog.script), growing(),
            Serving("a roster before the announcement", before.script),
            Serving("a roster without the announcement", without.script),
            Serving("a closed petition", try closedEarly().script),
            Serving("no petition log", Self.hiding(log)),
            Serving("no other petition's log", Self.hiding(otherLog)),
            Serving("no document", Self.replacing("/document", by: .missing)),
            Serving("a false document", Self.replacing("/document", by: .text("nonsense"))),
            Serving("no names", Self.replacing("/names", by: .missing)),
            Serving("no wraps", Self.replacing("/wraps/0", by: .missing)),
            Serving("no wrap of one's own", Self.withoutWraps(of: member.signKey)),
            Serving("a false wrap of one's own", Self.withoutWraps(of: member.signKey, junk: true)),
            Serving("junk for a checkpoint", Self.replacing("\(workplace)/checkpoint", by: .text("junk"))),
            Serving("junk for a tile", { $0.path.contains("/tile/") ? .response(.text("junk")) : nil }),
            Serving("a connection that breaks", { $0.path.hasSuffix("/document") ? .drop : nil }),
            Serving("an error", Self.replacing("/document", by: .problem("storage", 503))),
        ]
    }

    /// What an operator answers to a sending, after an honest reading.
    func answers() -> [Serving] {
        [
            Serving("a receipt", receipting(after: log)),
            Serving("a refusal", Self.sending(.response(.problem("held", 409)))),
            Serving("a full service", Self.sending(.response(.problem("full", 507)))),
            Serving("202 without a promise", Self.sending(.response(.text("{}", 202)))),
            Serving("nothing", Self.sending(.drop)),
        ]
    }

    /// What an operator shows of a vote.
    func servingsOfVote() -> [Serving] {
        [
            Serving(Self.truth), Serving("an older petition log", olderLog.script),
            Serving("a forked petition log", forkedLog.script), Serving(Self.unsigned, unsignedLog.script),
            Serving("an older roster", olderRoster.script), Serving("no vote", Self.hiding(log)),
            Serving("no petition that was answered", Self.hiding(otherLog)),
            Serving("another order in the petition that was answered", otherLog.exchanging(1, 2).script),
            Serving("the petition before it was answered", otherLog.at(otherLog.leaves.count - 1).script),
            Serving("no document of the petition that was answered", withoutDocument(of: other)),
            Serving("no document of the vote", withoutDocument(of: id)),
            Serving("no wrap of one's own", Self.withoutWraps(of: member.signKey)),
        ]
    }

    /// What an operator shows where a witness is named, whose key it does not have.
    func servingsWitnessed() -> [Serving] {
        [
            Serving(Self.truth), Serving("what the witness signed before", roster.script, log.script),
            Serving("an older petition log", log.script), Serving("an older roster", roster.script),
            Serving("a petition log without the witness", Self.unwitnessed(log)),
            Serving("a roster without the witness", Self.unwitnessed(roster)),
            // Further off than any leeway, and the time since the signatures were made, can bridge.
            Serving("signatures of more than a day ago", clock: { Device.systemClock() + 30 * 3600 }, making: { [] }),
            Serving("signatures from the future", clock: { Device.systemClock() - 6 * 3600 }, making: { [] }),
        ]
    }

    /// The ring grows between reading and sending, as the refusal says, and the second reading shows it.
    private func growing() -> Serving {
        Self.afterRefusal("a ring that grows between reading and sending", ungrownLog.script)
    }

    /// The same, and the second reading has other warnings.
    func growingWithWarnings() -> Serving {
        Self.afterRefusal("a ring that grows, and a member who has rotated", ungrownLog.script, olderRoster.script)
    }

    /// Shows something until the first sending is refused for a ring that has grown, and then the truth.
    private static func afterRefusal(_ name: String, _ former: Operator.Script...) -> Serving {
        let refusal = Operator.Response.problem("rule", 422, rule: RuleViolation.actionOrRingEpoch.rawValue)
        return Serving(
            name,
            making: {
                let hasGrown = Flag()
                let refusing: Operator.Script = { request in
                    guard request.isSending, !hasGrown.value else { return nil }
                    hasGrown.set()
                    return .response(refusal)
                }
                return [refusing] + former.map { script in { hasGrown.value ? nil : script($0) } }
            })
    }

    private final class Flag: Sendable {
        private let isSet = Mutex(false)
        var value: Bool { isSet.withLock { $0 } }
        func set() { isSet.withLock { $0 = true } }
    }

    private func withoutDocument(of id: ID<Petition>) -> Operator.Script {
        let path = Route.document.path(id.hex)
        return { $0.path == path ? .response(.missing) : nil }
    }

    /// A log's checkpoint with the log's own signature only.
    private static func unwitnessed(_ face: Face) -> Operator.Script {
        { request in
            guard request.path == face.path + "/checkpoint" else { return nil }
            return .changed { response in
                guard let note = try? SignedNote(parsing: String(decoding: response.body, as: UTF8.self)) else {
                    return response
                }
                let own = note.signatures.filter { $0.name == face.origin }
                return .text(SignedNote(text: note.text, signatures: own).serialized)
            }
        }
    }
}
