// docs/protocol.md, section 10, "A sent statement is live until settled"

import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// A co-signature or withdrawal that this device made. Its bytes are stored before they are sent, and are sent again
/// unchanged until the statement is settled.
public struct SentStatement: Sendable, Equatable {
    /// How far a statement has come.
    public enum State: Sendable, Equatable {
        /// Sent, or about to be, without a valid response.
        case live
        /// The service has promised that it will stand and count.
        case promised(Promise)
        /// Settled: it has this receipt.
        case receipt(String)
        /// Settled: a verified log shows that it can no longer count.
        case void
    }

    /// The statement's bytes.
    public let bytes: [UInt8]
    /// The sealed name, which is sent again with the statement until the statement is settled.
    public internal(set) var sealedName: [UInt8]?
    /// How far it has come.
    public internal(set) var state: State
    /// Kept as evidence until the log shows that the promise was kept.
    public internal(set) var promise: Promise?

    init(bytes: [UInt8], sealedName: [UInt8]?, state: State = .live, promise: Promise? = nil) {
        (self.bytes, self.sealedName, self.state, self.promise) = (bytes, sealedName, state, promise)
    }

    /// The decoded statement; nil if its bytes are damaged.
    public var coSigned: CoSigned? { (try? PetitionStatement(decoding: bytes))?.coSigned }

    func isReceipt(_ text: [UInt8]) -> Bool {
        if case .receipt(let own) = state { own.utf8.elementsEqual(text) } else { false }
    }

    /// Whether it has a receipt or can no longer count.
    public var isSettled: Bool {
        switch state {
        case .live, .promised: false
        case .receipt, .void: true
        }
    }
}

/// This device's memory of one petition.
public struct PetitionMemory: Sendable, Equatable {
    /// The ring key with which it signed.
    public internal(set) var ringKey: Bytes32?
    /// In order of sending; only the last may be unsettled.
    public internal(set) var sent: [SentStatement] = []
    /// When this device first saw the petition announced, by its own clock.
    public internal(set) var announced: UInt64?
    /// Whether this device has seen the petition's log: a petition that was opened does not count as "not opened within
    /// 30 days".
    public internal(set) var wasOpened = false
    /// Whether this device has seen the petition closed.
    public internal(set) var wasClosed = false

    init() {}

    /// The statement that must be settled before another one is made; nil if there is none.
    public var unsettled: SentStatement? { sent.last.flatMap { $0.isSettled ? nil : $0 } }
}

/// Where this device stands with a petition.
public enum OwnStatus: Sendable, Equatable {
    /// Has sent nothing.
    case nothing
    /// What was sent is erased, and the ring key that signed it is still here: with it, anybody can tell.
    case forgotten
    /// What was sent does not stand and can no longer count.
    case notCounted
    /// Sent, without a response.
    case pending
    /// The service holds it, and has promised that it will stand.
    case promised(until: UInt64)
    /// Signed, without a name.
    case signed
    /// Signed with a name at this level, from 1.
    case signedWithName(UInt8)
    case withdrawn
}

extension PetitionMemory {
    /// Judged by the newest statement that has not become void.
    public var status: OwnStatus {
        guard let last = sent.last(where: { $0.state != .void }) else {
            return !sent.isEmpty ? .notCounted : ringKey != nil ? .forgotten : .nothing
        }
        switch last.state {
        case .live: return .pending
        case .promised(let promise): return .promised(until: promise.until)
        case .receipt, .void: break
        }
        guard let coSigned = last.coSigned, coSigned.action == .sign else { return .withdrawn }
        return coSigned.level > 0 ? .signedWithName(coSigned.level) : .signed
    }

    /// The same, knowing what a log shows under this member's tag. A receipt stays valid if another device with the
    /// same key signs later, but what it is for counts no more.
    public func status(beside standing: PetitionLog.Standing?) -> OwnStatus {
        let own = status
        switch own {
        case .nothing, .notCounted, .forgotten, .pending, .promised: return own
        case .signed, .signedWithName, .withdrawn: break
        }
        guard let standing, let last = sent.last(where: { $0.state != .void })?.coSigned else { return own }
        return standing.sequence > last.sequence ? .nothing : own
    }
}
