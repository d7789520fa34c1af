// docs/objects.md, "Size"

import Petitions
import Sodium

/// Computes the size of stored objects, so that an object that is too large for any service is rejected before it is
/// sent.
enum ObjectSize {
    /// The greatest size of an object, in bytes, unless the service's operator has changed it.
    static let most = 1 << 20

    /// The bytes of a stored object that are not ciphertext: the header, the length, the author and the signature.
    private static let frame = 1 + 1 + 32 + 32 + 4 + 32 + 4 + 24 + 32 + 3 + 32 + 64

    /// The size of the object for a plaintext of this many bytes.
    static func sealed(_ plaintext: Int) -> Int {
        frame + Padding.padme(plaintext + 1) + AEAD.tagLength
    }

    static func fits(_ plaintext: Int) -> Bool { sealed(plaintext) <= most }

    /// The length of the longest plaintext that fits, in bytes.
    static let mostPlaintext: Int = {
        var (fitting, tooMany) = (0, most)
        while tooMany - fitting > 1 {
            let middle = (fitting + tooMany) / 2
            if fits(middle) { fitting = middle } else { tooMany = middle }
        }
        return fitting
    }()
}
