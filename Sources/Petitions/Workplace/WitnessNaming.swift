// docs/protocol.md, section 4, type 12 and "Witnesses"

import Sodium
import TransparencyLog

extension WitnessQuorum {
    static let mostWitnesses = 16

    /// Reads the body of WitnessesNamed, after the workplace's id.
    init(_ reader: inout ByteReader) throws(RuleViolation) {
        let threshold = try reader.uint8()
        let count = try reader.uint8()
        guard count <= Self.mostWitnesses, threshold <= count, (threshold == 0) == (count == 0) else {
            throw .witnessThreshold
        }
        var witnesses: [WitnessVerifier] = []
        for _ in 0..<count {
            let name = try reader.vector8(1...255)
            let key = try reader.bytes32()
            // Printable ASCII only, so that names are equal exactly if their bytes are.
            guard name.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "+") }) else { throw .witnessName }
            guard Ed25519.isPublicKey(key) else { throw .witnessKey }
            let witness = WitnessVerifier(name: String(decoding: name, as: UTF8.self), key: key)
            guard !witnesses.contains(where: { $0.name == witness.name || $0.key == key }) else {
                throw .witnessRepeats
            }
            witnesses.append(witness)
        }
        self.init(threshold: threshold, witnesses: witnesses)
    }

    var encoding: [UInt8] {
        var writer = ByteWriter()
        writer.append(threshold)
        writer.append(UInt8(clamping: witnesses.count))
        for witness in witnesses {
            writer.vector8(Array(witness.name.utf8.prefix(255)))
            writer.append(witness.key)
        }
        return writer.bytes
    }
}

extension WorkplaceLog {
    /// An accepted WitnessesNamed.
    public struct WitnessNaming: Sendable {
        /// Its index in the workplace's log.
        public let leaf: Int
        /// The sign key of the organiser who named them.
        public let signer: Bytes32
        /// The witnesses and their threshold.
        public let quorum: WitnessQuorum
    }

    /// The signatures that checkpoints of this workplace's logs need, as named below `size`.
    public func witnesses(at size: Int) -> WitnessQuorum {
        witnessNamings.last(where: { $0.leaf < size })?.quorum ?? .empty
    }

    /// The signatures that every reader requires of checkpoints now.
    public var witnesses: WitnessQuorum { witnessNamings.last?.quorum ?? .empty }

    /// The namings that changed the threshold or the list, including the first one that requires anything.
    public var witnessChanges: [WitnessNaming] {
        var before = WitnessQuorum.empty
        return witnessNamings.filter { naming in
            defer { before = naming.quorum }
            return naming.quorum != before
        }
    }

    /// A witness must not be the log itself, nor have a name like those of the service's logs.
    func check(_ quorum: WitnessQuorum) throws(RuleViolation) {
        let prefix = "\(founding.service)/"
        for witness in quorum.witnesses
        where witness.key == founding.logKey || witness.name.utf8.starts(with: prefix.utf8) {
            throw .witnessIsLog
        }
    }
}
