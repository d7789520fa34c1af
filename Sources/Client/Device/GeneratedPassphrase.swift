import Sodium

/// A passphrase for somebody who would rather not think of one: five groups of 16 random bits each, as syllables that can be spoken and
/// remembered in most languages (proquints, arXiv:0901.4016). 80 bits: with Argon2id in front, more than anybody can try.
public enum GeneratedPassphrase {
    /// `lusab-babad-gutih-tugad-mudof`
    public static func make() -> String {
        let bytes = Random.bytes(10)
        return stride(from: 0, to: bytes.count, by: 2)
            .map { GossipPhrase.quint(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1])) }.joined(separator: "-")
    }
}
