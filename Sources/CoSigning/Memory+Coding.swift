// The encoding of a device's own store, in the presentation language of docs/protocol.md, section 1.
//
//     struct { uint8 kind; opaque id[32]; } LogName;                         // 1 workplace, 2 petition
//     struct { uint64 size; opaque root[32]; opaque note<0..2^32-1>; } Pin;
//     struct { LogName log; Pin pin; } Read;
//     struct { LogName log; uint32 n; Pin pins[n]; } Promised;
//     struct { uint32 n; Read read[n]; uint32 m; Promised promised[m]; } Pins;
//     struct { uint8 kind; LogName log; uint8 view; uint64 seen, served, time; opaque evidence<0..2^32-1>; } Alarm;
//     struct { uint64 until; opaque signature[64]; } Promise;
//     struct { opaque bytes<1..2^16-1>; optional opaque sealed_name<0..2^16-1>; uint8 state;
//              select (state) { 0 live; 1 promised: Promise; 2 receipt: opaque<0..2^32-1>; 3 void };
//              optional Promise promise; } SentStatement;
//     struct { opaque id[32]; optional opaque ring_key[32]; uint32 n; SentStatement sent[n]; optional uint64 announced;
//              uint8 was_opened, was_closed; } PetitionMemory;
//     struct { uint8 version = 1; Pins member, anonymous; uint32 n; Alarm alarms[n];
//              uint32 m; PetitionMemory petitions[m];
//              optional opaque present_ring_key[32]; optional uint64 witnesses_seen; } Memory;
//
// An optional value follows a byte that is 1 if the value is there and 0 if not. Lists that stand for dictionaries are
// strictly ascending by the encoding of their keys.

import Petitions
import Sodium

extension Memory {
    private static let version: UInt8 = 1

    /// The one encoding of this memory.
    public var encoding: [UInt8] {
        var writer = ByteWriter()
        writer.append(Self.version)
        for view in View.allCases { writer.append(pins[view] ?? Pins()) }
        writer.append(UInt32(alarms.count))
        for alarm in alarms { writer.append(alarm) }
        writer.append(UInt32(petitions.count))
        for (id, petition) in petitions.sorted(by: { $0.key.bytes.precedes($1.key.bytes) }) {
            writer.append(id)
            writer.append(petition)
        }
        writer.append(optional: presentRingKey)
        writer.append(optional: witnessesSeen)
        return writer.bytes
    }

    /// Decodes the bytes of `encoding`.
    /// - Throws: `CoSigningError.memoryDamaged` for any bytes that `encoding` would not produce.
    public init(decoding bytes: [UInt8]) throws(CoSigningError) {
        self.init()
        do throws(RuleViolation) {
            var reader = ByteReader(bytes)
            guard try reader.uint8() == Self.version else { throw .version }
            for view in View.allCases { pins[view] = try reader.pins() }
            alarms = try reader.alarms()
            petitions = try reader.petitions()
            presentRingKey = try reader.optionalBytes32()
            witnessesSeen = try reader.optionalUInt64()
            try reader.finish()
        } catch { throw .memoryDamaged }
    }
}

extension Bytes32 {
    fileprivate func precedes(_ other: Bytes32) -> Bool { bytes.lexicographicallyPrecedes(other.bytes) }
}

extension LogName {
    fileprivate var encoding: [UInt8] {
        switch self {
        case .workplace(let id): [1] + id.bytes.bytes
        case .petition(let id): [2] + id.bytes.bytes
        }
    }

    fileprivate func precedes(_ other: LogName) -> Bool { encoding.lexicographicallyPrecedes(other.encoding) }
}

// MARK: Writing

extension ByteWriter {
    fileprivate mutating func append(_ flag: Bool) { append(UInt8(flag ? 1 : 0)) }

    fileprivate mutating func append(optional value: Bytes32?) {
        append(value != nil)
        if let value { append(value) }
    }

    fileprivate mutating func append(optional value: UInt64?) {
        append(value != nil)
        if let value { append(value) }
    }

    fileprivate mutating func append(_ pin: Pin) {
        append(pin.size)
        append(pin.root)
        vector32(Array(pin.note.utf8))
    }

    fileprivate mutating func append(_ pins: Pins) {
        append(UInt32(pins.read.count))
        for (log, pin) in pins.read.sorted(by: { $0.key.precedes($1.key) }) {
            append(log.encoding)
            append(pin)
        }
        append(UInt32(pins.promised.count))
        for (log, list) in pins.promised.sorted(by: { $0.key.precedes($1.key) }) {
            append(log.encoding)
            append(UInt32(list.count))
            for pin in list { append(pin) }
        }
    }

    fileprivate mutating func append(_ alarm: Alarm) {
        append(alarm.kind.rawValue)
        append(alarm.log.encoding)
        append(alarm.view.rawValue)
        append(alarm.seen)
        append(alarm.served)
        append(alarm.time)
        vector32(alarm.evidence)
    }

    fileprivate mutating func append(_ promise: Promise) {
        append(promise.until)
        append(promise.signature)
    }

    fileprivate mutating func append(_ sent: SentStatement) {
        vector16(sent.bytes)
        append(sent.sealedName != nil)
        if let name = sent.sealedName { vector16(name) }
        switch sent.state {
        case .live: append(UInt8(0))
        case .promised(let promise):
            append(UInt8(1))
            append(promise)
        case .receipt(let text):
            append(UInt8(2))
            vector32(Array(text.utf8))
        case .void: append(UInt8(3))
        }
        append(sent.promise != nil)
        if let promise = sent.promise { append(promise) }
    }

    fileprivate mutating func append(_ petition: PetitionMemory) {
        append(optional: petition.ringKey)
        append(UInt32(petition.sent.count))
        for sent in petition.sent { append(sent) }
        append(optional: petition.announced)
        append(petition.wasOpened)
        append(petition.wasClosed)
    }
}

// MARK: Reading

extension ByteReader {
    fileprivate mutating func flag() throws(RuleViolation) -> Bool {
        switch try uint8() {
        case 0: return false
        case 1: return true
        default: throw .encoding
        }
    }

    fileprivate mutating func optionalBytes32() throws(RuleViolation) -> Bytes32? {
        try flag() ? try bytes32() : nil
    }

    fileprivate mutating func optionalUInt64() throws(RuleViolation) -> UInt64? {
        try flag() ? try uint64() : nil
    }

    fileprivate mutating func text() throws(RuleViolation) -> String {
        guard let text = String(validating: try vector32(), as: UTF8.self) else { throw .encoding }
        return text
    }

    private mutating func logName() throws(RuleViolation) -> LogName {
        switch try uint8() {
        case 1: return .workplace(try id())
        case 2: return .petition(try id())
        default: throw .encoding
        }
    }

    /// The key of a dictionary's next entry.
    private mutating func logName(after last: LogName?) throws(RuleViolation) -> LogName {
        let name = try logName()
        guard last.map({ $0.precedes(name) }) ?? true else { throw .encoding }
        return name
    }

    private mutating func pin() throws(RuleViolation) -> Pin {
        Pin(size: try uint64(), root: try bytes32(), note: try text())
    }

    // Counts are not trusted: no memory is reserved for them, and a list ends at the latest where the bytes do.

    fileprivate mutating func pins() throws(RuleViolation) -> Pins {
        var pins = Pins()
        var last: LogName?
        for _ in 0..<(try uint32()) {
            let log = try logName(after: last)
            pins.read[log] = try pin()
            last = log
        }
        last = nil
        for _ in 0..<(try uint32()) {
            let log = try logName(after: last)
            var list: [Pin] = []
            for _ in 0..<(try uint32()) { list.append(try pin()) }
            pins.promised[log] = list
            last = log
        }
        return pins
    }

    fileprivate mutating func alarms() throws(RuleViolation) -> [Alarm] {
        var alarms: [Alarm] = []
        for _ in 0..<(try uint32()) {
            guard let kind = Alarm.Kind(rawValue: try uint8()) else { throw .encoding }
            let log = try logName()
            guard let view = View(rawValue: try uint8()) else { throw .encoding }
            alarms.append(
                Alarm(
                    kind, log, in: view, seen: try uint64(), served: try uint64(), at: try uint64(),
                    evidence: try vector32()))
        }
        return alarms
    }

    fileprivate mutating func petitions() throws(RuleViolation) -> [ID<Petition>: PetitionMemory] {
        var petitions: [ID<Petition>: PetitionMemory] = [:]
        var last: ID<Petition>?
        for _ in 0..<(try uint32()) {
            let id: ID<Petition> = try id()
            guard last.map({ $0.bytes.precedes(id.bytes) }) ?? true else { throw .encoding }
            petitions[id] = try petition(id)
            last = id
        }
        return petitions
    }

    private mutating func petition(_ id: ID<Petition>) throws(RuleViolation) -> PetitionMemory {
        var petition = PetitionMemory()
        petition.ringKey = try optionalBytes32()
        for _ in 0..<(try uint32()) {
            // A new statement is made only once all earlier ones are settled.
            guard petition.unsettled == nil else { throw .encoding }
            let sent = try sent()
            guard sent.coSigned?.petition == id else { throw .petitionID }
            petition.sent.append(sent)
        }
        petition.announced = try optionalUInt64()
        petition.wasOpened = try flag()
        petition.wasClosed = try flag()
        return petition
    }

    private mutating func promise() throws(RuleViolation) -> Promise {
        try Promise(until: try uint64(), signature: try take(64))
    }

    private mutating func sent() throws(RuleViolation) -> SentStatement {
        let bytes = try vector16(1...maximalStatementLength)
        let sealedName = try flag() ? try vector16(0...65_535) : nil
        let state: SentStatement.State
        switch try uint8() {
        case 0: state = .live
        case 1: state = .promised(try promise())
        case 2: state = .receipt(try text())
        case 3: state = .void
        default: throw .encoding
        }
        return SentStatement(
            bytes: bytes, sealedName: sealedName, state: state, promise: try flag() ? try promise() : nil)
    }
}
