import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

extension OldLogs {
    public enum Value: Sendable {
        case int(Int)
        case text(String)
        case bytes([UInt8])
    }

    /// Rows of the tables that the last program of the first protocol had, except those that only one engine has.
    public func rows(service: String = "test.example") -> [(table: String, columns: [String], values: [Value])] {
        var rows: [(String, [String], [Value])] = [
            ("service", ["id", "name", "log_seed"], [.int(1), .text(service), .bytes(seed.bytes)])
        ]
        let workplace = Value.bytes(world.log.id.bytes.bytes)
        for (i, log) in logs.enumerated() {
            let id = Value.int(i + 1)
            rows.append(
                (
                    "logs", ["id", "kind", "subject", "workplace", "size"],
                    [id, .int(log.isPetition ? 2 : 1), .bytes(log.id.bytes), workplace, .int(log.leaves.count)]
                ))
            for (place, leaf) in log.leaves.enumerated() {
                let hash = MerkleTree.leafHash(leaf).bytes
                rows.append(
                    ("leaves", ["log", "place", "hash", "bytes"], [id, .int(place), .bytes(hash), .bytes(leaf)]))
                rows.append(
                    ("checkpoints", ["log", "size", "note"], [id, .int(place + 1), .text(log.notes[place])]))
            }
            for node in log.nodes {
                rows.append(
                    (
                        "nodes", ["log", "level", "place", "hash"],
                        [id, .int(node.level), .int(node.index), .bytes(node.hash.bytes)]
                    ))
            }
        }
        let tag = waiting.coSigned?.tag.encoding.bytes ?? []
        rows.append(
            (
                "held", ["log", "hash", "tag", "bytes"],
                [.int(2), .bytes(MerkleTree.leafHash(waiting.bytes).bytes), .bytes(tag), .bytes(waiting.bytes)]
            ))
        rows.append(
            (
                "objects", ["workplace", "object", "revision", "kind", "digest", "bytes"],
                [
                    workplace, .bytes(object.id.bytes.bytes), .int(1), .int(Int(object.kind.rawValue)),
                    .bytes(object.digest.bytes), .bytes(object.bytes),
                ]
            ))
        let founder = Value.bytes(world.founder.signKey.bytes)
        rows.append(
            (
                "wraps", ["workplace", "member", "epoch", "author", "wrap"],
                [workplace, founder, .int(0), founder, .bytes(Random.bytes(112))]
            ))
        rows.append(
            ("invite_keys", ["workplace", "invite", "sealed"], [workplace, founder, .bytes(Random.bytes(76))]))
        rows.append(
            ("stored", ["workplace", "bytes"], [workplace, .int(object.bytes.count + 112 + 76)]))
        return rows
    }
}
