import Sodium

/// Makes a passphrase for people who would rather not invent one: five groups of 16 random bits each, as syllables that
/// can be spoken and remembered in most languages (proquints, arXiv:0901.4016). Behind Argon2id, its 80 bits are more
/// than anybody can search.
public enum GeneratedPassphrase {
    /// A new passphrase, such as `lusab-babad-gutih-tugad-mudof`.
    public static func make() -> String {
        let bytes = Random.bytes(10)
        return stride(from: 0, to: bytes.count, by: 2)
            .map { GossipPhrase.quint(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1])) }.joined(separator: "-")
    }
}
