import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Storage

@Suite("Each engine keeps wraps, invites, promises and sums by the storage contract", .takingTurns)
struct KeyContractTests {
    private let workplace = ID<Workplace>(Random.bytes32())

    /// A member who makes wraps.
    private struct Maker {
        let seed = Random.bytes32()
        var key: SigningKey { SigningKey(seed: SecretBytes(seed)) }
        var signKey: Bytes32 { key.publicKey }

        /// A wrap of junk, because the store does not open wraps.
        func wrap(for member: Bytes32, epoch: UInt32 = 0) -> KeyWrap {
            KeyWrap(
                epoch: epoch, member: member, wrap: Random.bytes(GroupKey.wrapLength), by: signKey,
                signature: Random.bytes(64))
        }
    }

    private func put(
        _ wraps: [KeyWrap], by maker: Maker, in store: any Store, places: WrapPlaces = WrapPlaces(),
        within quota: Quota = .unlimited
    ) async throws {
        try await store.put(wraps, by: maker.signKey, in: workplace, places: places, within: quota)
    }

    @Test("Each maker has one wrap for a member and an epoch, and a second replaces it", arguments: Engine.allCases)
    func wraps(_ engine: Engine) async throws {
        let store = try await engine.place().open()
        let (one, two, member) = (Maker(), Maker(), Random.bytes32())
        let first = one.wrap(for: member)
        try await put([first, one.wrap(for: member, epoch: 1)], by: one, in: store)
        try await put([first], by: one, in: store)
        #expect(try await store.wraps(of: 0, in: workplace) == [first])
        let (second, other) = (one.wrap(for: member), two.wrap(for: member))
        try await put([second], by: one, in: store)
        try await put([other], by: two, in: store)
        #expect(Set(try await store.wraps(of: 0, in: workplace)) == [second, other])
        #expect(try await store.wraps(of: 0, in: ID(.zero)) == [])
        #expect(try await store.wraps(of: 2, in: workplace) == [])
        #expect(try await store.wrappedMembers(of: 1, in: workplace) == [member])
        #expect(try await store.wrappedMembers(of: 2, in: workplace) == [])
        try await store.close()
    }

    @Test(
        "Sixteen makers have a place; whoever asks again, and an organiser, finds another", arguments: Engine.allCases)
    func places(_ engine: Engine) async throws {
        let store = try await engine.place().open()
        let member = Random.bytes32()
        let makers = (0..<16).map { _ in Maker() }
        for maker in makers { try await put([maker.wrap(for: member)], by: maker, in: store) }
        let late = Maker()
        await #expect(throws: StorageError.quota) { try await put([late.wrap(for: member)], by: late, in: store) }
        // Makers keep their own places, and other members and epochs have their own.
        try await put([makers[3].wrap(for: member)], by: makers[3], in: store)
        try await put([late.wrap(for: member, epoch: 1)], by: late, in: store)
        // An organiser takes the place of a maker who is not one; among organisers, there is none to take.
        let organiser = Maker()
        let wrap = organiser.wrap(for: member)
        try await put([wrap], by: organiser, in: store, places: WrapPlaces(preferred: [organiser.signKey]))
        var kept = try await store.wraps(of: 0, in: workplace)
        #expect(kept.count == 16 && kept.contains(wrap))
        let all = WrapPlaces(preferred: Set(kept.map(\.by)).union([late.signKey]))
        await #expect(throws: StorageError.quota) {
            try await put([late.wrap(for: member)], by: late, in: store, places: all)
        }
        // The member says that no wrap opens: the next one finds a place, and answers the request.
        try await store.want(wrapFor: member, in: workplace)
        try await store.want(wrapFor: member, in: workplace)
        #expect(try await store.wantingMembers(in: workplace) == [member])
        // The same wrap again changes nothing.
        let same = try #require(kept.first { $0.by == makers[3].signKey } ?? kept.first)
        try await store.put([same], by: same.by, in: workplace, places: WrapPlaces(), within: .unlimited)
        #expect(try await store.wantingMembers(in: workplace) == [member])
        let fresh = late.wrap(for: member)
        try await put([fresh], by: late, in: store)
        kept = try await store.wraps(of: 0, in: workplace)
        #expect(kept.count == 16 && kept.contains(fresh))
        #expect(try await store.wantingMembers(in: workplace) == [])
        #expect(try await store.wantingMembers(in: ID(.zero)) == [])
        try await store.close()
    }

    @Test("An invite's name is used once ever, and what lies under it goes with the leaf", arguments: Engine.allCases)
    func invites(_ engine: Engine) async throws {
        let store = try await engine.place().open()
        let world = try World(members: 4)
        let (name, key, author) = (Random.bytes32(), Random.bytes32(), Random.bytes32())
        let invite = StoredInvite(workplace: world.log.id, key: key, sealed: [1, 2, 3], author: author)
        #expect(try await store.invite(name) == nil)
        try await store.put(invite, under: name, within: .unlimited)
        try await store.put(invite, under: name, within: Quota(workplace: 0, author: 0))
        #expect(try await store.invite(name) == invite)
        // A different body, invite, workplace or name is a different request.
        let others = [
            (StoredInvite(workplace: world.log.id, key: key, sealed: [4], author: author), name),
            (StoredInvite(workplace: world.log.id, key: .zero, sealed: [1, 2, 3], author: author), name),
            (StoredInvite(workplace: ID(.zero), key: key, sealed: [1, 2, 3], author: author), name),
            (invite, Random.bytes32()),
        ]
        for (other, name) in others {
            await #expect(throws: StorageError.conflict) {
                try await store.put(other, under: name, within: .unlimited)
            }
        }
        #expect(try await store.invite(name) == invite)
        // Another workplace's invite, or a different invite, does not drop it.
        try await store.drop(invites: [.zero], of: world.log.id)
        try await store.drop(invites: [key], of: ID(.zero))
        #expect(try await store.invite(name) == invite)
        // A commit that fails deletes nothing.
        var append = world.append(from: 0, to: 2)
        append.closedInvites = [key]
        let astray = try World(members: 1).append(from: 0, to: 1, base: "x")
        try await store.commit([astray])
        await #expect(throws: StorageError.conflict) { try await store.commit([append, astray]) }
        #expect(try await store.invite(name) == invite)
        try await store.commit([append])
        #expect(try await store.invite(name) == nil)
        await #expect(throws: StorageError.conflict) { try await store.put(invite, under: name, within: .unlimited) }
        try await store.close()
    }

    @Test(
        "A workplace and each member keep no more than they may, and what goes is counted no longer",
        arguments: Engine.allCases)
    func quotas(_ engine: Engine) async throws {
        let store = try await engine.place().open()
        let (one, two, member) = (Maker(), Maker(), Random.bytes32())
        let each = GroupKey.wrapLength + 64
        // There is room for three, of which one member may use two.
        let quota = Quota(workplace: 3 * each, author: 2 * each)
        try await put([one.wrap(for: member), one.wrap(for: member, epoch: 1)], by: one, in: store, within: quota)
        try await put([one.wrap(for: member)], by: one, in: store, within: quota)
        await #expect(throws: StorageError.quota, "of one member") {
            try await put([one.wrap(for: member, epoch: 2)], by: one, in: store, within: quota)
        }
        try await put([two.wrap(for: member)], by: two, in: store, within: quota)
        let invite = StoredInvite(workplace: workplace, key: .zero, sealed: [7], author: two.signKey)
        await #expect(throws: StorageError.quota, "of the workplace") {
            try await store.put(invite, under: .zero, within: quota)
        }
        #expect(try await store.invite(.zero) == nil)
        // If a request is too large, nothing of it is stored.
        let most = Quota(workplace: 4 * each, author: .max)
        await #expect(throws: StorageError.quota) {
            try await put(
                [two.wrap(for: member, epoch: 5), two.wrap(for: member, epoch: 6)], by: two, in: store, within: most)
        }
        #expect(try await store.wraps(of: 5, in: workplace) == [])
        let wider = Quota(workplace: 3 * each + 1, author: .max)
        try await store.put(invite, under: .zero, within: wider)
        try await store.drop(invites: [.zero], of: workplace)
        let again = StoredInvite(workplace: workplace, key: member, sealed: [8], author: two.signKey)
        try await store.put(again, under: Random.bytes32(), within: wider)
        let object = try StoredObject.seal(
            [1], kind: .draft, id: ID(.zero), after: nil, in: workplace, under: GroupKey.generate(epoch: 0), by: one.key
        )
        let sum = 3 * each + 1 + object.bytes.count
        await #expect(throws: StorageError.quota) {
            try await store.put(object, within: Quota(workplace: sum - 1, author: .max))
        }
        await #expect(throws: StorageError.quota) {
            try await store.put(object, within: Quota(workplace: .max, author: 2 * each + object.bytes.count - 1))
        }
        try await store.put(object, within: Quota(workplace: sum, author: 2 * each + object.bytes.count))
        // Storing it again takes no more room.
        try await store.put(object, within: Quota(workplace: 0, author: 0))
        try await store.close()
    }

    @Test(
        "The first time that a leaf was promised is kept until a checkpoint over it is shown",
        arguments: Engine.allCases)
    func promises(_ engine: Engine) async throws {
        let place = try engine.place()
        var store = try await place.open()
        var logs = try await StoredLogs.make(in: store)
        let petition = logs.petition.log.id
        let size = logs.petition.leaves.count
        // One that was promised when it arrived, and one that has not been promised yet.
        try logs.petition.append(logs.waiting)
        try logs.petition.cosign(logs.world.people[6])
        try await logs.store(in: store, promising: [size: StoredLogs.until])
        #expect(
            try await store.promise(petition, leaves: [size, size + 1], until: 7200) == [
                size: StoredLogs.until, size + 1: 7200,
            ])
        try await store.close()
        store = try await place.open()
        #expect(try await store.promise(petition, leaves: [size + 1], until: 10_800) == [size + 1: 7200])
        try await store.publish(logs.petitionName, size: size + 2, witnessed: "— w AAAA\n", isShown: false)
        #expect(try await store.promise(petition, leaves: [size], until: 10_800) == [size: StoredLogs.until])
        // Once they are shown, they are done with.
        try await store.publish(logs.petitionName, size: size + 2, witnessed: "")
        #expect(try await store.promise(petition, leaves: [size], until: 10_800) == [size: 10_800])
        try await store.close()
    }

    @Test(
        "Logs to be kept fresh are those of workplaces that name witnesses; a closed petition's while names wait for trustees",
        arguments: Engine.allCases)
    func live(_ engine: Engine) async throws {
        let store = try await engine.place().open()
        var logs = try await StoredLogs.make(in: store)
        #expect(try await store.liveLogs() == [], "nobody names witnesses")
        let quorum = WitnessQuorum(threshold: 1, witnesses: [TestWitness().verifier])
        try logs.world.organise(.witnessesNamed(quorum))
        try await logs.store(in: store)
        #expect(Set(try await store.liveLogs()) == [logs.workplaceName, logs.petitionName])
        try logs.petition.close()
        try await logs.store(in: store)
        #expect(logs.petition.log.awaitsNames)
        #expect(Set(try await store.liveLogs()) == [logs.workplaceName, logs.petitionName])
        for trustee in 0..<2 {
            #expect(logs.petition.log.awaitsNames)
            try logs.petition.release(trustee, set: 1)
        }
        try await logs.store(in: store)
        #expect(try await store.liveLogs() == [logs.workplaceName])
        try logs.world.organise(.witnessesNamed(.empty))
        try await logs.store(in: store)
        #expect(try await store.liveLogs() == [])
        try await store.close()
    }
}
