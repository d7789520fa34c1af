import Ristretto
import Sodium

/// Every operation of Ristretto, by every arithmetic that the processor has, against libsodium. The first byte chooses the
/// operation, the rest is its operands.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = [UInt8](UnsafeBufferPointer(start: start, count: count))
    guard let operation = input.first else { return 0 }
    let rest = input.dropFirst()
    let words = Bytes32.array(rest)
    switch operation % 7 {
    case 0: decode(words)
    case 1: scalars(words)
    case 2: sums(words)
    case 3: tensors(words)
    case 4: shared(words)
    case 5: signatures(words, Array(rest.dropFirst(96)))
    default: base64(rest)
    }
    return 0
}

private func check(_ holds: Bool, _ what: StaticString) { if !holds { fatalError("\(what)") } }

private func scalar(_ bytes: Bytes32) -> Scalar { Scalar(reducing: bytes.bytes + [UInt8](repeating: 0, count: 32)) }

/// An element whatever the bytes: themselves when they are one, else a multiple of the generator.
private func element(_ bytes: Bytes32) -> Element {
    (try? Element(decoding: bytes)) ?? .generator(times: scalar(bytes))
}

private func decode(_ words: [Bytes32]) {
    for arithmetic in Arithmetic.available {
        for (bytes, point) in zip(words, AffinePoint.decode(words, by: arithmetic)) {
            check((point != nil) == ((try? Element(decoding: bytes)) != nil), "decoding")
            if let point { check(ExtendedPoint(point).encoding == bytes, "encoding") }
        }
    }
}

private func scalars(_ words: [Bytes32]) {
    for (first, second) in zip(words, words.dropFirst()) {
        let (a, b) = (scalar(first), scalar(second))
        let (x, y) = (PublicScalar(a), PublicScalar(b))
        check((x + y).scalar == a + b && (x - y).scalar == a - b && (x * y).scalar == a * b, "scalars")
        check(PublicScalar(words: first.littleEndianWords).scalar == a, "a number modulo l")
    }
}

private func sums(_ words: [Bytes32]) {
    let pairs = zip(words, words.dropFirst()).prefix(64).map { (element($0), scalar($1)) }
    let expected = pairs.reduce(Element.identity) { $0 + $1.1 * $1.0 }
    for arithmetic in Arithmetic.available {
        let sum = Multiscalar.sum(
            pairs.map { AffinePoint($0.0) }, pairs.map { PublicScalar($0.1).words }, by: arithmetic)
        check(sum.encoding == expected.encoding, "a sum of multiples")
    }
}

private func tensors(_ words: [Bytes32]) {
    let (rows, columns) = (2, 3)
    let count = words.count / (rows + columns)
    let scalars = words.map { PublicScalar(words: $0.littleEndianWords) }
    let (left, right) = (
        Array(scalars.prefix(count * rows)), Array(scalars.dropFirst(count * rows).prefix(count * columns))
    )
    for arithmetic in Arithmetic.available {
        var sum = TensorSum(rows: rows, columns: columns, by: arithmetic)
        sum.add(count, left: left, right: right)
        for r in 0..<rows {
            for c in 0..<columns {
                let expected = (0..<count).reduce(PublicScalar.zero) {
                    $0 + left[$1 * rows + r] * right[$1 * columns + c]
                }
                check(sum.entry(r, c) == expected.words, "a sum of products")
            }
        }
    }
}

private func shared(_ words: [Bytes32]) {
    let pairs = zip(words, words.dropFirst()).map { (scalar: $0, point: $1) }
    for arithmetic in Arithmetic.available {
        check(
            X25519Batch.shared(pairs, by: arithmetic) == pairs.map { PublishedKeys.shared($0.scalar, $0.point) },
            "shared secrets")
        check(
            X25519Batch.publicKeys(words, by: arithmetic) == words.map { PublishedKeys.publicKey($0) }, "public keys")
    }
    for point in words {
        let w = point.littleEndianWords
        let isBelowPrime = FieldElement(words: w).words == w
        let isUsable = PublishedKeys.shared(Bytes32(littleEndianWords: (1, 0, 0, 0)), point) != nil
        check(((try? SealedBox.checkPublicKey(point)) != nil) == (isBelowPrime && isUsable), "weak keys")
    }
}

private func signatures(_ words: [Bytes32], _ message: [UInt8]) {
    guard words.count >= 3 else { return }
    // As they are, and with the key and the signature of a seed.
    let key = SigningKey(seed: SecretBytes(words[0]))
    let cases = [
        (words[0], words[1].bytes + words[2].bytes), (key.publicKey, key.sign(message)),
        (key.publicKey, words[1].bytes + key.sign(message).suffix(32)), (words[0], key.sign(message)),
    ]
    let claims = cases.compactMap { SignatureBatch.Claim($0.1, of: message, by: $0.0) }
    for arithmetic in Arithmetic.available {
        check(
            SignatureBatch.verify(claims, by: arithmetic)
                == cases.map { Ed25519.verify($0.1, of: message, by: $0.0) }, "signatures")
    }
}

private func base64(_ text: ArraySlice<UInt8>) {
    guard let string = String(validating: text, as: UTF8.self) else { return }
    check(Base64.decode(published: text) == Base64.decode(string), "base64")
}
