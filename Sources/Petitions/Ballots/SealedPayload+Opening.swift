// docs/protocol.md, section 6

import Ristretto
import Sodium

extension SealedPayload {
    /// A payload to be opened with released keys.
    struct Sealed: Sendable {
        let bytes: [UInt8]
        let associatedData: [UInt8]
    }

    /// How many sealed payloads of one key set are processed together: enough to keep a core's lanes full.
    private static let strip = 64

    /// Opens payloads on all cores with the secrets of the `threshold` lowest trustees; nil for a payload with any byte
    /// that sealing would not have made. Everything here is public: anyone who has the log has the secrets.
    static func open(
        _ payloads: [Sealed], with secrets: [UInt8: Bytes32], keys: [Bytes32], threshold: UInt8, context: StaticString
    ) -> [[UInt8]?] {
        let trustees = Array(secrets.keys.sorted().prefix(Int(threshold)))
        let chosen = trustees.compactMap { secrets[$0] }
        var opened = [[UInt8]?](repeating: nil, count: payloads.count)
        guard trustees.count == Int(threshold), trustees.allSatisfy({ (1...keys.count).contains(Int($0)) }) else {
            return opened
        }
        opened.withUnsafeMutableBufferPointer { buffer in
            let out = OwnPlaces(buffer)
            Cores.each((payloads.count + strip - 1) / strip) { i in
                let range = i * strip..<min((i + 1) * strip, payloads.count)
                let results = open(payloads[range], trustees, chosen, keys, context)
                for (place, result) in zip(range, results) { out.buffer[place] = result }
            }
        }
        return opened
    }

    private static func open(
        _ payloads: ArraySlice<Sealed>, _ trustees: [UInt8], _ secrets: [Bytes32], _ keys: [Bytes32],
        _ context: StaticString
    ) -> [[UInt8]?] {
        let wellFormed = payloads.filter { $0.bytes.count > boxLength * keys.count + AEAD.tagLength }
        // The shared secret of each chosen trustee and each payload's ephemeral key.
        let openings = X25519Batch.shared(
            wellFormed.flatMap { payload in
                zip(trustees, secrets).map { (scalar: $1, point: ephemeralKey(payload.bytes, $0)) }
            })
        var results: [(seed: Bytes32, plaintext: [UInt8])?] = []
        for (i, payload) in wellFormed.enumerated() {
            let shared = openings[i * trustees.count..<(i + 1) * trustees.count]
            results.append(read(payload, trustees, Array(shared), keys, context))
        }
        // K determines every byte, so seal again and compare.
        let again = seal(again: results, trustees, openings, keys, context)
        var next = 0
        return payloads.map { payload in
            guard payload.bytes.count > boxLength * keys.count + AEAD.tagLength else { return nil }
            defer { next += 1 }
            guard let result = results[next], let boxes = again[next], payload.bytes.starts(with: boxes) else {
                return nil
            }
            return result.plaintext
        }
    }

    private static func ephemeralKey(_ sealed: [UInt8], _ trustee: UInt8) -> Bytes32 {
        let start = boxLength * (Int(trustee) - 1)
        return Bytes32.array(sealed[start..<start + 32])[0]
    }

    /// Opens the trustees' boxes, interpolates K and opens the payload. A payload that opens is exactly what sealing
    /// makes, because the cipher is deterministic and its tag fixes every byte.
    private static func read(
        _ payload: Sealed, _ trustees: [UInt8], _ shared: [Bytes32?], _ keys: [Bytes32], _ context: StaticString
    ) -> (seed: Bytes32, plaintext: [UInt8])? {
        var shares: [Bytes32] = []
        for (trustee, shared) in zip(trustees, shared) {
            let start = boxLength * (Int(trustee) - 1)
            guard let shared,
                let share = PublishedKeys.openBox(
                    payload.bytes[start..<start + boxLength], for: keys[Int(trustee) - 1], shared: shared)
            else { return nil }
            shares.append(share)
        }
        let seed = PublishedSharing.interpolate(shares, of: trustees)
        let plaintext = PublishedKeys.open(
            payload.bytes[(boxLength * keys.count)...], key: PublishedKeys.derive(seed, id: 1, context: context),
            nonce: [UInt8](repeating: 0, count: AEAD.nonceLength), associatedData: payload.associatedData)
        return plaintext.map { (seed, $0) }
    }

    /// Makes the boxes that K makes for all trustees. For a chosen trustee, the shared secret from opening is reused:
    /// it equals the sealer's if the ephemeral key is the one that K makes, and otherwise the boxes differ anyway.
    private static func seal(
        again results: [(seed: Bytes32, plaintext: [UInt8])?], _ trustees: [UInt8], _ openings: [Bytes32?],
        _ keys: [Bytes32], _ context: StaticString
    ) -> [[UInt8]?] {
        let others = (1...UInt8(keys.count)).filter { !trustees.contains($0) }
        let secrets = results.map { result in
            result.map { result in
                (1...UInt64(keys.count)).map {
                    PublishedKeys.boxSecret(
                        seed: PublishedKeys.derive(result.seed, id: 1000 + $0, context: context))
                }
            }
        }
        let present = secrets.compactMap { $0 }
        let ephemerals = X25519Batch.publicKeys(present.flatMap { $0 })
        let sealings = X25519Batch.shared(
            present.flatMap { secrets in
                others.map { (scalar: secrets[Int($0) - 1], point: keys[Int($0) - 1]) }
            })
        var next = 0
        return results.enumerated().map { i, result in
            guard let result else { return nil }
            defer { next += 1 }
            let sharing = PublishedSharing(seed: result.seed, threshold: UInt8(trustees.count), context: context)
            var boxes: [UInt8] = []
            for trustee in 1...UInt8(keys.count) {
                let shared =
                    trustees.firstIndex(of: trustee).map { openings[i * trustees.count + $0] }
                    ?? others.firstIndex(of: trustee).map { sealings[next * others.count + $0] }
                guard let shared = shared.flatMap({ $0 }) else { return nil }
                let ephemeral = ephemerals[next * keys.count + Int(trustee) - 1]
                boxes += PublishedKeys.sealBox(
                    sharing.share(of: trustee), ephemeral: ephemeral, for: keys[Int(trustee) - 1],
                    shared: shared)
            }
            return boxes
        }
    }
}
