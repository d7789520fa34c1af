// docs/protocol.md, section 10, "A sent statement is live until settled"

import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// A co-signature or withdrawal that this device made. Its bytes are stored before they are sent, and sent again unchanged until
/// it is settled.
public struct SentStatement: Sendable, Equatable {
    public enum State: Sendable, Equatable {
        /// Sent, or about to be, with no valid answer.
        case live
        /// The service's word that it will stand and count.
        case promised(Promise)
        /// Settled: the receipt.
        case receipt(String)
        /// Settled: a verified log in which it can count no more.
        case void
    }

    /// The statement's bytes.
    public let bytes: [UInt8]
    /// Goes out again with the statement until it is settled.
    public internal(set) var sealedName: [UInt8]?
    public internal(set) var state: State
    /// Kept until the promise has been seen kept in the log, for evidence.
    public internal(set) var promise: Promise?

    init(bytes: [UInt8], sealedName: [UInt8]?, state: State = .live, promise: Promise? = nil) {
        (self.bytes, self.sealedName, self.state, self.promise) = (bytes, sealedName, state, promise)
    }

    public var coSigned: CoSigned? { (try? PetitionStatement(decoding: bytes))?.coSigned }

    func isReceipt(_ text: [UInt8]) -> Bool {
        if case .receipt(let own) = state { own.utf8.elementsEqual(text) } else { false }
    }

    public var isSettled: Bool {
        switch state {
        case .live, .promised: false
        case .receipt, .void: true
        }
    }
}

/// What this device keeps of one petition.
public struct PetitionMemory: Sendable, Equatable {
    /// The ring key that it signed with.
    public internal(set) var ringKey: Bytes32?
    /// In order; only the last may be unsettled.
    public internal(set) var sent: [SentStatement] = []
    /// When this device first saw it announced, by its own clock.
    public internal(set) var announced: UInt64?
    /// Whether its log was seen here: once opened, it does not count as "not opened within 30 days".
    public internal(set) var wasOpened = false
    public internal(set) var wasClosed = false

    init() {}

    public var unsettled: SentStatement? { sent.last.flatMap { $0.isSettled ? nil : $0 } }
}

/// Where a person's device stands with a petition.
public enum OwnStatus: Sendable, Equatable {
    case nothing
    /// Sent, without an answer.
    case pending
    /// At the service, which has promised that it will stand.
    case promised(until: UInt64)
    case signed
    /// With a name at this level, from 1.
    case signedWithName(UInt8)
    case withdrawn
}

extension PetitionMemory {
    public var status: OwnStatus {
        guard let last = sent.last(where: { $0.state != .void }) else { return .nothing }
        switch last.state {
        case .live: return .pending
        case .promised(let promise): return .promised(until: promise.until)
        case .receipt, .void: break
        }
        guard let coSigned = last.coSigned, coSigned.action == .sign else { return .withdrawn }
        return coSigned.level > 0 ? .signedWithName(coSigned.level) : .signed
    }
}
