import CoSigning
import Petitions
import Sodium
import TestSupport
import Testing

@Suite("Live seats: who can have made a co-signature, at most")
struct LiveSeatTests {
    private func seats(_ workplace: ServedWorkplace, _ petition: PetitionWorld) throws -> LiveSeats {
        workplace.serve()
        return try workplace.view(petition, workplace.world.founder.identity()).seats
    }

    private func warnings(
        _ workplace: ServedWorkplace, _ petition: PetitionWorld, _ person: Person, name: ConditionalName? = nil
    ) throws -> Set<Warning> {
        workplace.serve()
        let identity = person.identity()
        return try workplace.view(petition, identity).warnings(for: identity, name: name, at: ServedWorkplace.now)
    }

    @Test("A seat is live while its holder is a member and has a wrap in the list")
    func counted() throws {
        let workplace = try ServedWorkplace(members: 12)
        let (world, petition) = (workplace.world, try workplace.open())
        let all = try seats(workplace, petition)
        #expect((all.count, all.settled, all.rotated, all.unseated) == (12, 12, 0, 0))
        #expect(all.live == Set(world.people.map(\.signKey)))
        try world.remove(world.people[11])
        #expect(try seats(workplace, petition).count == 11)
        workplace.served.wraps[0]?.removeAll { $0.member == world.people[10].signKey }
        let without = try seats(workplace, petition)
        #expect(without.count == 10 && !without.live.contains(world.people[10].signKey))
    }

    @Test("A wrap counts if somebody who was ever a member signed it for that member, and not otherwise")
    func wraps() throws {
        let workplace = try ServedWorkplace(members: 6)
        let (world, petition) = (workplace.world, try workplace.open())
        let (who, maker) = (world.people[3].signKey, world.people[5])
        func isLive(_ wraps: [KeyWrap]) throws -> Bool {
            workplace.served.wraps[0]?.removeAll { $0.member == who }
            workplace.served.wraps[0]? += wraps
            return try seats(workplace, petition).live.contains(who)
        }
        let good = try world.wrap(for: who, by: maker)
        func changed(
            member: Bytes32? = nil, wrap: [UInt8]? = nil, by: Bytes32? = nil, signature: [UInt8]? = nil
        ) -> KeyWrap {
            KeyWrap(
                epoch: 0, member: member ?? good.member, wrap: wrap ?? good.wrap, by: by ?? good.by,
                signature: signature ?? good.signature)
        }
        #expect(try isLive([good]))
        #expect(try isLive([]) == false)
        var bent = good.signature
        bent[9] ^= 1
        #expect(try isLive([changed(signature: bent)]) == false)
        #expect(try isLive([changed(signature: [])]) == false)
        #expect(try isLive([changed(by: world.founder.signKey)]) == false)
        #expect(try isLive([changed(wrap: Array(good.wrap.dropLast()))]) == false)
        #expect(try isLive([changed(wrap: good.wrap.map { ~$0 })]) == false)
        let stranger = Person()
        #expect(try isLive([try world.wrap(for: who, by: stranger)]) == false, "a stranger's own signature")
        #expect(try isLive([changed(signature: bent), good]), "one that holds is enough")
        // A wrap for somebody else does not make a seat live, and neither does one of another epoch.
        #expect(try isLive([try world.wrap(for: world.people[4].signKey)]) == false)
        try world.rotateGroupKey()
        #expect(try isLive([try world.wrap(for: who, by: maker)]) == false)
        try world.remove(maker)
        #expect(try isLive([good]), "whoever left had the key")
    }

    @Test("Whoever rotated the key is counted out of the settled, and told")
    func rotated() throws {
        let workplace = try ServedWorkplace(members: 10)
        let (world, petition) = (workplace.world, try workplace.open())
        #expect(try warnings(workplace, petition, world.founder) == [])
        try world.rotateRing(of: world.people[9])
        let seats = try seats(workplace, petition)
        #expect((seats.count, seats.settled, seats.rotated) == (10, 9, 1))
        #expect(try warnings(workplace, petition, world.founder) == [.fewSettledSeats(settled: 9, live: 10)])
        #expect(throws: CoSigningError.namedAmongFew(9)) {
            try warnings(workplace, petition, world.founder, name: ConditionalName("A", when: 5))
        }
    }

    @Test("Below five live seats nobody co-signs; five are enough with a warning")
    func few() throws {
        let workplace = try ServedWorkplace(members: 6)
        let (world, petition) = (workplace.world, try workplace.open())
        try world.remove(world.people[5])
        #expect(try warnings(workplace, petition, world.founder) == [.fewSettledSeats(settled: 5, live: 5)])
        workplace.served.wraps[0]?.removeAll { $0.member == world.people[4].signKey }
        #expect(throws: CoSigningError.tooFewLiveSeats(4, least: 5)) {
            try warnings(workplace, petition, world.founder)
        }
    }

    @Test("A ring above the eligible count is warned of, and refused with a name")
    func eligible() throws {
        let workplace = try ServedWorkplace(members: 12, eligible: 12)
        let fitting = try workplace.open(levels: [5])
        #expect(try warnings(workplace, fitting, workplace.world.founder) == [])
        try workplace.world.organise(.eligibleDeclared(11))
        #expect(try warnings(workplace, fitting, workplace.world.founder) == [], "as declared at the ring's roster")
        let petition = try workplace.open(levels: [5])
        #expect(
            try warnings(workplace, petition, workplace.world.founder)
                == [.ringLargerThanEligible(ring: 12, eligible: 11)])
        #expect(throws: CoSigningError.namedInLargeRing(ring: 12, eligible: 11)) {
            try warnings(workplace, petition, workplace.world.founder, name: ConditionalName("A", when: 5))
        }
    }

    @Test("Petition two, whose ring was fixed before six of eight rotated: two settled seats, and the person is told")
    func earlyAssembly() throws {
        let workplace = try ServedWorkplace(members: 8)
        let (world, petition) = (workplace.world, try workplace.open())
        for person in world.people[1...6] { try world.rotateRing(of: person) }
        #expect(try warnings(workplace, petition, world.people[7]) == [.fewSettledSeats(settled: 2, live: 8)])
        // A member who has erased the old key is not in the ring.
        #expect(throws: CoSigningError.notInRing) { try warnings(workplace, petition, world.people[1]) }
    }

    @Test("Invented people who left are not live, whoever was admitted in their place or after them")
    func sybils() throws {
        for isReplacing in [true, false] {
            let workplace = try ServedWorkplace(members: 2)
            let world = workplace.world
            let sybils = try (0..<5).map { _ in try world.admit() }
            let petition = try workplace.open()
            for sybil in sybils { try world.remove(sybil) }
            for sybil in sybils { try world.admit(replacing: isReplacing ? sybil.signKey : nil) }
            try workplace.wrapForAll()
            let seats = try seats(workplace, petition)
            #expect((seats.count, seats.unseated) == (2, 5))
            #expect(throws: CoSigningError.tooFewLiveSeats(2, least: 5)) {
                try warnings(workplace, petition, world.people[1])
            }
            guard !isReplacing else { continue }
            try petition.extend()
            #expect(try self.seats(workplace, petition).count == 7, "an extension seats those who came")
        }
    }

    @Test("A person without a wrap in the list does not co-sign, whatever key the device has from elsewhere")
    func ownWrap() throws {
        let workplace = try ServedWorkplace(members: 12)
        let (world, petition) = (workplace.world, try workplace.open())
        let person = world.people[3]
        workplace.served.wraps[0]?.removeAll { $0.member == person.signKey }
        let identity = person.identity(groupKeys: world.groupKeys)
        let view = try workplace.view(petition, identity)
        #expect(view.document == nil && view.documentFault == .noGroupKey && !view.isLive(person.signKey))
        #expect(throws: CoSigningError.noOwnWrap) { try view.warnings(for: identity, at: ServedWorkplace.now) }
        // A wrap that is signed but does not open makes the seat live and the wording unreadable.
        workplace.served.wraps[0]?.append(try world.wrapOfAnotherKey(for: person.signKey))
        let shut = try workplace.view(petition, identity)
        #expect(shut.isLive(person.signKey) && shut.documentFault == .noGroupKey)
        #expect(throws: CoSigningError.wording(.noGroupKey)) {
            try shut.warnings(for: identity, at: ServedWorkplace.now)
        }
    }
}

extension World {
    /// A wrap that the founder has signed for this member, of a key that the log has not committed to.
    func wrapOfAnotherKey(for signKey: Bytes32) throws -> KeyWrap {
        let member = try #require(log.member(signKey))
        return try KeyWrap.make(.generate(epoch: 0), for: member, in: log.id, by: founder.seed.signingKey())
    }
}
