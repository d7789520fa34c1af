import MembershipProofs
import Sodium
import TestSupport
import Testing

@testable import Petitions

@Suite("Keys, ballots and names give the known answers")
struct KeyVectorTests {
    struct Keys: Decodable {
        struct Member: Decodable { let seed, sign_key, box_key: HexBytes }
        struct SealKey: Decodable {
            struct Set: Decodable {
                let set: UInt8
                let `public`, secret: HexBytes
            }
            let seed, trustee_nonce: HexBytes
            let sets: [Set]
        }
        struct PossessionCase: Decodable {
            let ring_key, context, proof: HexBytes
            let invalid: [HexBytes]
        }
        struct Wrap: Decodable {
            let workplace_id: HexBytes
            let epoch: UInt32
            let box_key, digest: HexBytes
        }
        struct InviteCode: Decodable {
            let seed, workplace_id, log_key, invite_key, wrap_key, lookup_name, pin: HexBytes
            let address: String
            let also_read, typing_errors: [String]
        }
        struct SignedWrap: Decodable {
            struct Keys: Decodable { let seed, sign_key, box_key: HexBytes }
            struct SignKey: Decodable { let sign_key: HexBytes }
            struct Invalid: Decodable {
                let why: String
                let epoch: UInt32?
                let member: SignKey?
                let wrap, signature: HexBytes?
            }
            let workplace_id: HexBytes
            let epoch: UInt32
            let group_key, commitment: HexBytes
            let member: Keys
            let wrap: HexBytes
            let by: SignKey
            let signature: HexBytes
            let invalid: [Invalid]
        }
        /// What is derived from an invite's secret, itself derived from the code's seed.
        struct InviteKeys: Decodable { let secret, invite_key, wrap_key, lookup_name: HexBytes }
        struct ObjectIDs: Decodable { let sign_key, directory, trustee, draft, adoption: HexBytes }
        let member: Member
        let seal_key: SealKey
        let possession: PossessionCase
        let group_key_wrap_prefix: Wrap
        let invite: InviteKeys
        let invite_code: InviteCode
        let wrap: SignedWrap
        let object_ids: ObjectIDs
    }

    @Test("Keys are derived from the seed")
    func keys() throws {
        let file: Keys = try Vectors.load("keys")
        let seed = try unwrap(MemberSeed(stored: file.member.seed.secret))
        #expect(seed.signingKey().publicKey.bytes == file.member.sign_key.bytes)
        #expect(seed.boxKey().publicKey.bytes == file.member.box_key.bytes)
        let sealing = try unwrap(MemberSeed(stored: file.seal_key.seed.secret))
        for set in file.seal_key.sets {
            let pair = sealing.sealKey(nonce: file.seal_key.trustee_nonce.bytes32, set: set.set)
            #expect(pair.publicKey.bytes == set.public.bytes)
            #expect(pair.reveal().bytes == set.secret.bytes)
        }
        let wrap = file.group_key_wrap_prefix
        let prefix = GroupKey.wrapPrefix(ID(wrap.workplace_id.bytes32), epoch: wrap.epoch, boxKey: wrap.box_key.bytes32)
        #expect(prefix.bytes == wrap.digest.bytes)
    }

    @Test("Possession, valid and invalid")
    func possession() throws {
        let file = try Vectors.load("keys", as: Keys.self).possession
        let key = try Element(decodingNonIdentity: file.ring_key.bytes32)
        #expect(Possession.verify(file.proof.bytes, of: key, context: file.context.bytes32))
        #expect(!file.invalid.isEmpty)
        for proof in file.invalid { #expect(!Possession.verify(proof.bytes, of: key, context: file.context.bytes32)) }
    }

    @Test("What is derived from an invite's secret")
    func inviteKeys() throws {
        let file = try Vectors.load("keys", as: Keys.self).invite
        let invite = Invite(secret: file.secret.secret)
        let (key, wrapKey, name) = (invite.signingKey().publicKey, invite.wrapKey().reveal(), invite.lookupName())
        #expect(key.bytes == file.invite_key.bytes)
        #expect(wrapKey == file.wrap_key.bytes)
        #expect(name.bytes == file.lookup_name.bytes)
    }

    @Test("Invites: the code, what is derived from it, and typing errors")
    func invites() throws {
        let file = try Vectors.load("keys", as: Keys.self).invite_code
        let (workplace, logKey) = (ID<Workplace>(file.workplace_id.bytes32), file.log_key.bytes32)
        var seed = file.seed.bytes
        let made = Invite(
            seed: SecretBytes(moving: &seed), pin: file.pin.bytes, serviceURL: "https://petitions.example")
        let madeURL = made.url()
        #expect(madeURL == file.address)
        let start = "https://petitions.example/join#"
        for address in [file.address] + file.also_read.map({ start + $0 }) {
            let invite = try Invite(parsing: address)
            let inviteURL = invite.url()
            #expect(inviteURL == file.address)
            let (service, inviteKey) = (invite.serviceURL, invite.signingKey().publicKey)
            let (wrapKey, name) = (invite.wrapKey().reveal(), invite.lookupName())
            #expect(service == "https://petitions.example")
            #expect(inviteKey.bytes == file.invite_key.bytes)
            #expect(wrapKey == file.wrap_key.bytes)
            #expect(name.bytes == file.lookup_name.bytes)
            let fits = [
                invite.fits(workplace, logKey: logKey), invite.fits(ID(Random.bytes32()), logKey: logKey),
                invite.fits(workplace, logKey: Random.bytes32()),
            ]
            #expect(fits == [true, false, false])
        }
        for code in file.typing_errors + ["", "é"] {
            #expect(throws: RuleViolation.inviteTyping, "\(code)") { _ = try Invite(parsing: start + code) }
        }
        // One changed letter anywhere, and two exchanged neighbours.
        let code = Array(file.also_read[1].utf8)
        for i in code.indices {
            var wrong = code
            wrong[i] = wrong[i] == UInt8(ascii: "7") ? UInt8(ascii: "8") : UInt8(ascii: "7")
            #expect(throws: RuleViolation.inviteTyping) {
                _ = try Invite(parsing: start + String(decoding: wrong, as: UTF8.self))
            }
        }
        for address in ["https://petitions.example/", "#" + file.also_read[1], "/join#" + file.also_read[1]] {
            #expect(throws: RuleViolation.invite, "\(address)") { _ = try Invite(parsing: address) }
        }
    }

    @Test("Signed wraps, valid and invalid")
    func wraps() throws {
        let file = try Vectors.load("keys", as: Keys.self).wrap
        let workplace = ID<Workplace>(file.workplace_id.bytes32)
        func wrap(_ bad: Keys.SignedWrap.Invalid? = nil) -> KeyWrap {
            KeyWrap(
                epoch: bad?.epoch ?? file.epoch, member: (bad?.member?.sign_key ?? file.member.sign_key).bytes32,
                wrap: (bad?.wrap ?? file.wrap).bytes, by: file.by.sign_key.bytes32,
                signature: (bad?.signature ?? file.signature).bytes)
        }
        #expect(wrap().isSigned(in: workplace))
        #expect(!wrap().isSigned(in: ID(Random.bytes32())))
        #expect(file.invalid.count == 5)
        for bad in file.invalid { #expect(!wrap(bad).isSigned(in: workplace), "\(bad.why)") }
        let pair = try unwrap(MemberSeed(stored: file.member.seed.secret)).boxKey()
        let key = try GroupKey.unwrap(
            file.wrap.bytes, epoch: file.epoch, commitment: file.commitment.bytes32, by: pair, in: workplace)
        #expect(key.stored().reveal() == file.group_key.bytes)
    }

    @Test("Object ids")
    func objectIDs() throws {
        let file = try Vectors.load("keys", as: Keys.self).object_ids
        #expect(ID<Object>.directory(of: file.sign_key.bytes32).bytes.bytes == file.directory.bytes)
        #expect(ID<Object>.trustee(file.sign_key.bytes32).bytes.bytes == file.trustee.bytes)
        #expect(ID<Object>.adoption(of: ID(file.draft.bytes32)).bytes.bytes == file.adoption.bytes)
    }

    struct Ballots: Decodable {
        struct Case: Decodable {
            struct Trustee: Decodable { let `public`, secret: HexBytes }
            struct Spoiled: Decodable { let why: String; let sealed: HexBytes }
            let threshold: UInt8
            let trustees: [Trustee]
            let seed, associated_data, plaintext: HexBytes
            let shares: [HexBytes]
            let sealed: HexBytes
            let spoiled: [Spoiled]
        }
        let cases: [Case]
    }

    @Test("Ballots are sealed byte for byte, open for every threshold of trustees, and spoil")
    func ballots() throws {
        let file: Ballots = try Vectors.load("ballots")
        for c in file.cases {
            let keys = c.trustees.map(\.public.bytes32)
            let sharing = SecretSharing(seed: c.seed.secret, threshold: c.threshold, context: "rrballot")
            for (i, share) in c.shares.enumerated() {
                #expect(sharing.share(of: UInt8(i + 1)).reveal() == share.bytes)
            }
            let sealed = try SealedPayload.seal(
                c.plaintext.bytes, seed: c.seed.secret, to: keys, threshold: c.threshold,
                associatedData: c.associated_data.bytes, context: "rrballot")
            #expect(sealed == c.sealed.bytes)
            for chosen in subsets(of: c.trustees.count, atLeast: Int(c.threshold)) {
                let secrets = Dictionary(
                    uniqueKeysWithValues: chosen.map { (UInt8($0 + 1), c.trustees[$0].secret.bytes32) })
                func open(_ bytes: [UInt8]) -> [UInt8]? {
                    SealedPayload.open(
                        [.init(bytes: bytes, associatedData: c.associated_data.bytes)], with: secrets, keys: keys,
                        threshold: c.threshold, context: "rrballot")[0]
                }
                #expect(open(c.sealed.bytes) == c.plaintext.bytes)
                for spoiled in c.spoiled { #expect(open(spoiled.sealed.bytes) == nil, "\(spoiled.why)") }
            }
            // In a batch of good and spoiled signatures, each gets its own verdict.
            let secrets = Dictionary(
                uniqueKeysWithValues: c.trustees.indices.map { (UInt8($0 + 1), c.trustees[$0].secret.bytes32) })
            let mixed = (0..<70).map { $0 % 3 == 0 ? c.sealed.bytes : c.spoiled[$0 % c.spoiled.count].sealed.bytes }
            let opened = SealedPayload.open(
                mixed.map { .init(bytes: $0, associatedData: c.associated_data.bytes) }, with: secrets, keys: keys,
                threshold: c.threshold, context: "rrballot")
            #expect(opened == (0..<70).map { $0 % 3 == 0 ? c.plaintext.bytes : nil })
        }
    }

    private func subsets(of count: Int, atLeast least: Int) -> [[Int]] {
        (0..<1 << count).map { bits in (0..<count).filter { bits >> $0 & 1 == 1 } }.filter { $0.count >= least }
    }

    struct Names: Decodable {
        struct Invalid: Decodable { let name, proof, ring_key: HexBytes? }
        let ring_key, petition, tag, name, proof: HexBytes
        let invalid: [Invalid]
    }

    @Test("Proofs of names, valid and invalid")
    func names() throws {
        let file: Names = try Vectors.load("names")
        func holds(_ name: HexBytes, _ proof: HexBytes, _ key: HexBytes) throws -> Bool {
            NameProof.verify(
                proof.bytes, key: try Element(decodingNonIdentity: key.bytes32),
                tag: try LinkingTag(decoding: file.tag.bytes32), scope: Scope(file.petition.bytes32), name: name.bytes)
        }
        #expect(try holds(file.name, file.proof, file.ring_key))
        #expect(!file.invalid.isEmpty)
        for bad in file.invalid {
            #expect(try !holds(bad.name ?? file.name, bad.proof ?? file.proof, bad.ring_key ?? file.ring_key))
        }
    }
}
