// docs/objects.md, "Size"

import Petitions
import Sodium

/// How large stored objects come out, so that what no service takes is refused before anything is sent.
enum ObjectSize {
    /// Bytes that a service takes unless its operator has changed it.
    static let most = 1 << 20

    /// Bytes of a stored object around its ciphertext: the header, the length, the author and the signature.
    private static let frame = 1 + 1 + 32 + 32 + 4 + 32 + 4 + 24 + 32 + 3 + 32 + 64

    /// Bytes of the object that a plaintext of so many bytes becomes.
    static func sealed(_ plaintext: Int) -> Int {
        frame + Padding.padme(plaintext + 1) + AEAD.tagLength
    }

    static func fits(_ plaintext: Int) -> Bool { sealed(plaintext) <= most }

    /// Bytes of the longest plaintext that fits.
    static let mostPlaintext: Int = {
        var (fitting, tooMany) = (0, most)
        while tooMany - fitting > 1 {
            let middle = (fitting + tooMany) / 2
            if fits(middle) { fitting = middle } else { tooMany = middle }
        }
        return fitting
    }()
}
