import MembershipProofs
import Petitions
import Sodium
import TestSupport
import Testing

@testable import CoSigning

@Suite("Which ring keys a device must keep")
struct RingKeyTests {
    private let now = ServedWorkplace.now
    private let month: UInt64 = 30 * 24 * 3600
    private let workplace: ServedWorkplace
    private let person: Person

    init() throws {
        workplace = try ServedWorkplace(members: 4)
        person = workplace.world.people[1]
    }

    private func key(_ secret: RingSecret) -> Bytes32 { secret.publicKey.encoding }

    /// Rotates the ring key and returns the former one.
    private func rotate() throws -> RingSecret {
        let old = person.ringSecret
        try workplace.world.rotateRing(of: person)
        workplace.serve()
        return old
    }

    /// The keys that are needed according to a reading of everything.
    private func needed(
        _ device: Device, givenUp: Set<ID<Petition>> = [], at now: UInt64 = ServedWorkplace.now
    ) throws -> NeededRingKeys {
        let reading = workplace.read(.everything)
        var logs: [ID<Petition>: PetitionLog] = [:]
        for id in reading.announced { logs[id] = try? reading.judgedLog(id).log }
        return device.memory.neededRingKeys(
            of: device.identity, in: try reading.judgedRoster().log, logs: logs, givenUp: givenUp, at: now)
    }

    /// A device that has read everything.
    private func device(_ old: [RingSecret], at now: UInt64 = ServedWorkplace.now) -> Device {
        var device = Device(person.identity(with: old))
        device.memory.compare(workplace.read(.everything), in: .anonymous, as: person.signKey, at: now)
        return device
    }

    @Test("A key in the ring of an open petition is kept until that petition closes, or the person gives it up")
    func open() throws {
        let petition = try workplace.open()
        let old = try rotate()
        let device = device([old])
        let present = key(person.ringSecret)
        let needed = try needed(device)
        #expect(needed.keys == [key(old), present] && needed.petitions == [petition.log.id])
        let givenUp = try self.needed(device, givenUp: [petition.log.id])
        #expect(givenUp.keys == [present] && givenUp.petitions.isEmpty)
        try petition.close()
        workplace.serve()
        let closed = try self.needed(device)
        #expect(closed.keys == [present] && closed.petitions.isEmpty)
    }

    @Test("A petition announced after the rotation needs the present key alone")
    func after() throws {
        let older = try rotate()
        let petition = try workplace.open()
        let present = key(person.ringSecret)
        let needed = try needed(device([older]))
        #expect(needed.keys == [present] && needed.petitions.isEmpty)
        let newer = try rotate()
        let both = try self.needed(device([older, newer]))
        #expect(key(newer) == present && both.keys == [present, key(person.ringSecret)])
        #expect(both.petitions == [petition.log.id])
    }

    @Test("An announced petition keeps the key of its ring for thirty days after this device saw it, unopened")
    func unopened() throws {
        let petition = try workplace.open()
        let log = LogName.petition(petition.log.id)
        let old = try rotate()
        workplace.served.logs[log] = nil
        let device = device([old])
        let present = key(person.ringSecret)
        for (clock, isKept) in [(now, true), (now + month, true), (now + month + 1, false), (now - 5, true)] {
            let needed = try needed(device, at: clock)
            #expect(needed.keys == (isKept ? [key(old), present] : [present]))
            #expect(needed.petitions == (isKept ? [petition.log.id] : []))
        }
        // A device that has not seen the announcement before does not know its age.
        #expect(try needed(Device(device.identity), at: now + 99 * month).keys == [key(old), present])
        // Once the petition was opened, the key is kept even if the log is gone.
        workplace.serve()
        let seen = self.device([old])
        workplace.served.logs[log] = nil
        #expect(try needed(seen, at: now + 2 * month).keys == [key(old), present])
    }

    @Test("A log that cannot be read keeps the key of its own ring and nobody else's")
    func unreadable() throws {
        let first = try workplace.open()
        let old = try rotate()
        let second = try workplace.open()
        let middle = try rotate()
        let device = device([old, middle])
        let present = key(person.ringSecret)
        #expect(try needed(device).keys == [key(old), key(middle), present])
        try second.close()
        workplace.serve()
        workplace.served.logs[.petition(first.log.id)]?.leaves = [[1]]
        let needed = try needed(device)
        #expect(needed.keys == [key(old), present] && needed.petitions == [first.log.id])
        // A petition that is known to be closed keeps no key, whatever is served.
        var knows = device
        knows.memory.petitions[first.log.id]?.wasClosed = true
        #expect(try self.needed(knows).keys == [present])
    }

    @Test("A newcomer's petition that was opened before them, and cannot be read, may have taken any key since")
    func extensions() throws {
        let petition = try workplace.open()
        let newcomer = try workplace.world.admit()
        try petition.extend()
        workplace.serve()
        let old = newcomer.ringSecret
        try workplace.world.rotateRing(of: newcomer)
        workplace.serve()
        var device = Device(newcomer.identity(with: [old]))
        let keys = Set(device.identity.ringKeys.map { $0.publicKey.encoding })
        #expect(try needed(device).keys == keys, "the extension took the old one")
        device.memory.compare(workplace.read(.everything), in: .anonymous, as: newcomer.signKey, at: now)
        workplace.served.logs[.petition(petition.log.id)] = nil
        #expect(try needed(device).keys == keys)
        #expect(try needed(Device(device.identity)).keys == [newcomer.ring.publicKey.encoding], "never seen open")
    }

    @Test("Who was removed has no present key, and keeps those of open petitions")
    func removed() throws {
        let petition = try workplace.open()
        let old = person.ringSecret
        try workplace.world.remove(person)
        workplace.serve()
        let device = device([])
        let needed = try needed(device)
        #expect(needed.keys == [key(old)] && needed.petitions == [petition.log.id])
        try petition.close()
        workplace.serve()
        #expect(try self.needed(device).keys.isEmpty)
        #expect(device.memory.erasableOffline(device.identity, all: true, of: nil, at: now).keys == [key(old)])
        #expect(try self.needed(Device(Person())).keys.isEmpty, "who never was a member")
    }

    @Test("Without the service everything but the present key may be erased, if the person insists")
    func offlineAll() throws {
        let petition = try workplace.open()
        let old = try rotate()
        let device = device([old])
        let insisted = device.memory.erasableOffline(device.identity, all: true, of: nil, at: now)
        #expect(
            insisted.keys == [key(old)] && insisted.neededBy == [petition.log.id], "what can be signed no more is told")
        // An interrupted rotation: the roster has the older of the two keys.
        let fresh = RingSecret(.generate())
        try device.identity.addRingKey(fresh)
        #expect(
            device.memory.erasableOffline(device.identity, all: true, of: nil, at: now).keys == [key(old), key(fresh)])
        let pending = device.memory.erasableOffline(
            device.identity, all: true, of: nil, pending: key(fresh), at: now)
        #expect(pending.keys == [key(old)], "nobody knows whether the rotation counts")
        device.identity.keepRingKeys { $0.encoding == device.memory.presentRingKey }
        #expect(device.identity.ringKeys.map { key($0) } == [key(person.ringSecret)])
    }

    @Test("Without the service the key of one petition may be erased, unless it is the present one or another needs it")
    func offlineOne() throws {
        let workplace = try ServedWorkplace()
        let person = workplace.world.people[1]
        let (first, second) = (try workplace.open(), try workplace.open())
        var device = Device(person)
        for petition in [first, second] { try device.send(.support, workplace, petition) }
        device.memory.compare(workplace.read(.everything), in: .anonymous, as: person.signKey, at: now)
        func erasable(_ device: Device, _ id: ID<Petition>?) -> Set<Bytes32> {
            device.memory.erasableOffline(device.identity, all: false, of: id, at: now).keys
        }
        #expect(erasable(device, first.log.id).isEmpty, "the present one")
        let old = person.ringSecret
        try workplace.world.rotateRing(of: person)
        workplace.serve()
        var rotated = Device(person.identity(with: [old]))
        rotated.memory = device.memory
        rotated.memory.compare(workplace.read(.everything), in: .anonymous, as: person.signKey, at: now)
        #expect(erasable(rotated, first.log.id).isEmpty, "the other needs it")
        try second.close()
        workplace.serve()
        rotated.memory.compare(workplace.read(.everything), in: .anonymous, as: person.signKey, at: now)
        #expect(erasable(rotated, first.log.id) == [key(old)])
        #expect(erasable(rotated, second.log.id).isEmpty, "the first is open")
        #expect(erasable(rotated, nil).isEmpty && erasable(rotated, ID(.zero)).isEmpty)
    }

    @Test("An identity is stored with all its keys, and refuses what it would not have written")
    func identity() throws {
        let old = try rotate()
        let identity = person.identity(with: [old], groupKeys: workplace.world.groupKeys)
        let stored = identity.stored().reveal()
        var copy = stored
        let again = try Identity(stored: SecretBytes(moving: &copy))
        #expect(again.signKey == person.signKey && again.boxKey == identity.boxKey)
        #expect(again.ringKeys.map { key($0) } == [key(old), key(person.ringSecret)])
        #expect(again.newestRingKey.publicKey == person.ring.publicKey && again.groupKeys.epochs == [0])
        #expect(again.stored().reveal() == stored)
        for length in stored.indices where (length - 98) % 36 != 0 {
            var short = Array(stored.prefix(length))
            #expect(throws: CoSigningError.identityDamaged) { try Identity(stored: SecretBytes(moving: &short)) }
        }
        for (place, byte) in [(0, 2), (33, 0), (33, 255), (65, 0xff)] as [(Int, UInt8)] {
            var bent = stored
            bent[place] = byte
            #expect(throws: CoSigningError.identityDamaged) { try Identity(stored: SecretBytes(moving: &bent)) }
        }
        for _ in identity.ringKeys.count..<255 { try identity.addRingKey(old) }
        #expect(throws: CoSigningError.tooManyRingKeys) { try identity.addRingKey(old) }
        identity.keepRingKeys { _ in false }
        #expect(
            identity.ringKeys.count == 1 && ![key(old), key(person.ringSecret)].contains(key(identity.ringKeys[0])))
    }
}
