import Foundation
import Petitions
import RequestSignatures
import Service
import ServiceAPI
import Sodium
import TestSupport
import Testing
import TransparencyLog

@Suite(
    "What members leave for one another is taken from who is entitled, and nobody fills the workplace", .serialized,
    .takingTurns)
struct MemberStoreTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// A kept world with a group key of epoch 0.
    private func world(
        _ members: Int = 4, limits: ServiceConfiguration.Limits = .init()
    ) async throws -> (RunningService, KeptWorld) {
        let service = try await RunningService.start(database: directory("a.sqlite"), limits: limits)
        let kept = try await KeptWorld(members: members, service: service)
        #expect(try await rotate(kept, to: 0).status == 200)
        return (service, kept)
    }

    private func rotate(_ kept: KeptWorld, to epoch: UInt32) async throws -> KeptWorld.Answer {
        let key = GroupKey.generate(epoch: epoch)
        return try await kept.organise(.groupKeyRotated(epoch: epoch, commitment: key.commitment))
    }

    private func object(
        _ kind: StoredObject.Kind, _ id: ID<Petitions.Object>, after previous: StoredObject? = nil, epoch: UInt32 = 0,
        by person: Person, in kept: KeptWorld, size: Int = 3
    ) throws -> StoredObject {
        try StoredObject.seal(
            Random.bytes(size), kind: kind, id: id, after: previous, in: kept.world.log.id,
            under: .generate(epoch: epoch), by: person.seed.signingKey())
    }

    private func path(_ object: StoredObject, in kept: KeptWorld) -> String {
        Route.objectRevision.path(
            kept.world.log.id.hex, "\(object.kind.rawValue)", object.id.hex, "\(object.revision)")
    }

    private func put(_ object: StoredObject, by person: Person, in kept: KeptWorld) async throws -> KeptWorld.Answer {
        try await kept.member("PUT", path(object, in: kept), body: object.bytes, by: person)
    }

    @Test("A revision follows its parent, by somebody who may write it, under the newest key")
    func revisions() async throws {
        let (service, kept) = try await world()
        let people = kept.world.people
        let id = ID<Petitions.Object>(Random.bytes32())
        let draft = try object(.draft, id, by: people[1], in: kept)
        #expect(try await put(draft, by: people[1], in: kept).status == 204)
        #expect(try await put(draft, by: people[1], in: kept).status == 204, "the very same again")
        // Another member's revision on top; then a rival's, and one whose parent is not here.
        let second = try object(.draft, id, after: draft, by: people[2], in: kept)
        #expect(try await put(second, by: people[2], in: kept).status == 204)
        let rival = try await put(
            try object(.draft, id, after: draft, by: people[3], in: kept), by: people[3], in: kept)
        #expect(rival.status == 409 && KeptWorld.code(rival) == .conflict)
        let other = try object(.draft, id, by: people[3], in: kept)
        let third = try object(
            .draft, id, after: object(.draft, id, after: other, by: people[3], in: kept), by: people[3], in: kept)
        #expect(KeptWorld.code(try await put(third, by: people[3], in: kept)) == .conflict)
        // Sent by somebody other than its signer, and to another address.
        let stolen = try object(.draft, id, after: second, by: people[1], in: kept)
        #expect(try await put(stolen, by: people[2], in: kept).status == 403)
        let astray = try await kept.member("PUT", path(draft, in: kept), body: stolen.bytes, by: people[1])
        #expect(astray.status == 400)
        let comment = Route.objectRevision.path(kept.world.log.id.hex, "2", id.hex, "3")
        #expect(try await kept.member("PUT", comment, body: stolen.bytes, by: people[1]).status == 400)
        // The same id under another kind is another object.
        #expect(try await put(try object(.comment, id, by: people[1], in: kept), by: people[1], in: kept).status == 204)
        let read = try await kept.member("GET", Route.object.path(kept.world.log.id.hex, "1", id.hex), by: people[3])
        #expect(read.status == 200 && read.body == second.bytes)
        let first = try await kept.member(
            "GET", Route.objectRevision.path(kept.world.log.id.hex, "1", id.hex, "1"), by: people[3])
        #expect(first.body == draft.bytes)
        let listed = try await kept.member(
            "GET", Route.objects.path(kept.world.log.id.hex), query: "kind=1", by: people[3])
        let list = try JSONDecoder().decode(Answers.Objects.self, from: Data(listed.body))
        #expect(list.objects.map(\.bytes) == [Base64.encode(second.bytes)] && list.objects[0].kind == 1)
        for kind in ["0", "9", "01", "x", "256"] {
            let path = Route.object.path(kept.world.log.id.hex, kind, id.hex)
            #expect(try await kept.member("GET", path, by: people[3]).status == 400, "\(kind)")
        }
        // Under an old key, and between a removal and the new key that follows it.
        #expect(try await rotate(kept, to: 1).status == 200)
        let stale = try await put(try object(.draft, ID(.zero), by: people[1], in: kept), by: people[1], in: kept)
        #expect(stale.status == 409 && KeptWorld.code(stale) == .staleEpoch)
        #expect(try await kept.organise(.memberRemoved(people[3].signKey)).status == 200)
        let due = try await put(
            try object(.draft, ID(.zero), epoch: 1, by: people[1], in: kept), by: people[1], in: kept)
        #expect(due.status == 409 && KeptWorld.code(due) == .rotationDue)
        await service.stop()
    }

    @Test("Each kind is written by those who may: members, authors, organisers, or whom it is about")
    func entitled() async throws {
        let (service, kept) = try await world()
        let (founder, people) = (kept.world.founder, kept.world.people)
        func status(_ object: StoredObject, by person: Person) async throws -> Int {
            try await put(object, by: person, in: kept).status
        }
        // A comment belongs to its author.
        let comment = try object(.comment, ID(Random.bytes32()), by: people[1], in: kept)
        #expect(try await status(comment, by: people[1]) == 204)
        for person in [people[2], founder] {
            #expect(
                try await status(object(.comment, comment.id, after: comment, by: person, in: kept), by: person) == 403)
        }
        let more = try object(.comment, comment.id, after: comment, by: people[1], in: kept)
        #expect(try await status(more, by: people[1]) == 204)
        let third = try object(.comment, comment.id, after: more, by: people[2], in: kept)
        #expect(try await status(third, by: people[2]) == 403)
        // Only organisers may write records, adoptions and plans.
        for kind in [StoredObject.Kind.record, .adoption, .plan] {
            let id = ID<Petitions.Object>(Random.bytes32())
            #expect(try await status(object(kind, id, by: people[1], in: kept), by: people[1]) == 403, "\(kind)")
            let own = try object(kind, id, by: founder, in: kept)
            #expect(try await status(own, by: founder) == 204, "\(kind)")
            #expect(try await status(object(kind, id, after: own, by: people[1], in: kept), by: people[1]) == 403)
        }
        // A directory entry may be written by an organiser, or by the member it describes.
        let entry = try object(.directory, .directory(of: people[1].signKey), by: people[1], in: kept)
        #expect(try await status(entry, by: people[1]) == 204)
        let blot = try object(.directory, entry.id, after: entry, by: people[2], in: kept)
        #expect(try await status(blot, by: people[2]) == 403)
        #expect(try await status(object(.directory, entry.id, after: entry, by: founder, in: kept), by: founder) == 204)
        // A trustee's texts belong to that trustee, even against organisers.
        let word = ID<Petitions.Object>.trustee(people[1].signKey)
        #expect(try await status(object(.trustee, word, by: founder, in: kept), by: founder) == 403)
        #expect(try await status(object(.trustee, word, by: people[1], in: kept), by: people[1]) == 204)
        // A petition's document has one revision, by an organiser who announced it.
        let document = kept.petition.manifest.id
        let place = ID<Petitions.Object>(document.bytes)
        #expect(try await status(object(.document, place, by: people[1], in: kept), by: people[1]) == 403)
        #expect(try await status(object(.document, ID(.zero), by: founder, in: kept), by: founder) == 403)
        let wording = try object(.document, place, by: founder, in: kept)
        #expect(try await status(wording, by: founder) == 204)
        #expect(try await status(object(.document, place, after: wording, by: founder, in: kept), by: founder) == 403)
        let read = try await service.send("GET", Route.document.path(document.hex))
        #expect(read.status == 200 && read.body == wording.bytes)
        await service.stop()
    }

    // MARK: Wraps

    private func wraps(_ wraps: [KeyWrap], epoch: UInt32 = 0) -> Answers.Wraps {
        Answers.Wraps(
            epoch: epoch,
            wraps: wraps.map {
                .init(
                    member: $0.member.hex, wrap: Base64.encode($0.wrap), by: $0.by.hex,
                    signature: Base64.encode($0.signature))
            })
    }

    private func wrap(_ epoch: UInt32 = 0, for person: Person, by maker: Person, in kept: KeptWorld) throws -> KeyWrap {
        let member = try #require(kept.world.log.member(person.signKey))
        return try KeyWrap.make(
            .generate(epoch: epoch), for: member, in: kept.world.log.id, by: maker.seed.signingKey())
    }

    private func list(_ kept: KeptWorld, epoch: UInt32 = 0) async throws -> Answers.Wraps {
        let answer = try await kept.service.send(
            "GET", Route.wrapsOfEpoch.path(kept.world.log.id.hex, "\(epoch)"))
        #expect(answer.status == 200)
        return try JSONDecoder().decode(Answers.Wraps.self, from: Data(answer.body))
    }

    private func missing(_ kept: KeptWorld, by person: Person) async throws -> [String] {
        let answer = try await kept.member("GET", Route.wrapsMissing.path(kept.world.log.id.hex), by: person)
        return try JSONDecoder().decode(Answers.Missing.self, from: Data(answer.body)).members
    }

    @Test("Wraps are listed openly, in one order for all, and taken only as their maker signed them")
    func openly() async throws {
        let (service, kept) = try await world()
        let people = kept.world.people
        let place = Route.wraps.path(kept.world.log.id.hex)
        func put(_ body: Answers.Wraps, by person: Person) async throws -> Int {
            try await kept.member("PUT", place, json: body, by: person).status
        }
        #expect(try await missing(kept, by: people[1]) == people.map(\.signKey.hex))
        let backwards = try people.reversed().map { try wrap(for: $0, by: people[0], in: kept) }
        #expect(try await put(wraps(backwards), by: people[0]) == 204)
        let others = try people.map { try wrap(for: $0, by: people[2], in: kept) }
        #expect(try await put(wraps(others), by: people[2]) == 204)
        let listed = try await list(kept)
        let makers = [people[0], people[2]].map(\.signKey.hex).sorted()
        #expect(listed.wraps.map(\.member) == people.flatMap { [$0.signKey.hex, $0.signKey.hex] })
        #expect(listed.wraps.map(\.by) == people.flatMap { _ in makers })
        #expect(try await missing(kept, by: people[1]) == [])
        // Another signer's name or signature, a flipped bit, another epoch, a stranger, two for one member, and too
        // long.
        let good = try wrap(for: people[1], by: people[3], in: kept)
        var (flipped, short) = (good.wrap, good.wrap)
        flipped[5] ^= 1
        short.removeLast()
        let outsider = try KeyWrap.make(
            .generate(epoch: 0), for: try #require(World(members: 1).log.members.first), in: kept.world.log.id,
            by: people[3].seed.signingKey())
        let bad: [([KeyWrap], UInt32, Person, Int)] = [
            ([good], 0, people[1], 403),
            (
                [.init(epoch: 0, member: good.member, wrap: flipped, by: good.by, signature: good.signature)], 0,
                people[3], 422
            ),
            (
                [.init(epoch: 0, member: good.member, wrap: short, by: good.by, signature: good.signature)], 0,
                people[3], 422
            ),
            (
                [.init(epoch: 0, member: people[2].signKey, wrap: good.wrap, by: good.by, signature: good.signature)],
                0, people[3], 422
            ),
            ([good], 1, people[3], 400), ([outsider], 0, people[3], 400), ([good, good], 0, people[3], 400),
            ([good, try wrap(for: people[2], by: people[1], in: kept)], 0, people[3], 403),
        ]
        for (i, (list, epoch, person, status)) in bad.enumerated() {
            #expect(try await put(wraps(list, epoch: epoch), by: person) == status, "\(i)")
        }
        let many = Answers.Wraps(epoch: 0, wraps: Array(repeating: wraps([good]).wraps[0], count: 1001))
        #expect(try await put(many, by: people[3]) == 400)
        #expect(try await list(kept).wraps.count == listed.wraps.count, "nothing of these was kept")
        // A second wrap replaces the first.
        let again = try wrap(for: people[1], by: people[0], in: kept)
        #expect(try await put(wraps([again]), by: people[0]) == 204)
        let after = try await list(kept).wraps
        #expect(after.count == listed.wraps.count && after.contains { $0.signature == Base64.encode(again.signature) })
        // Epochs that do not exist.
        for epoch in ["1", "4294967295"] {
            #expect(try await service.send("GET", Route.wrapsOfEpoch.path(kept.world.log.id.hex, epoch)).status == 404)
        }
        for epoch in ["01", "-1", "x", "4294967296"] {
            #expect(try await service.send("GET", Route.wrapsOfEpoch.path(kept.world.log.id.hex, epoch)).status == 400)
        }
        let nowhere = Route.wrapsOfEpoch.path(Bytes32.zero.hex, "0")
        #expect(try await service.send("GET", nowhere).status == 404)
        await service.stop()
    }

    @Test("Whose wraps do not open says so, signed, and is asked for until something new has come")
    func wanted() async throws {
        let (service, kept) = try await world()
        let people = kept.world.people
        let (place, wants) = (
            Route.wraps.path(kept.world.log.id.hex), Route.wrapsWanted.path(kept.world.log.id.hex)
        )
        let junk = try people.map { try wrap(for: $0, by: people[3], in: kept) }
        #expect(try await kept.member("PUT", place, json: wraps(junk), by: people[3]).status == 204)
        #expect(try await missing(kept, by: people[0]) == [])
        #expect(try await kept.member("POST", wants, json: Answers.Wanted(epoch: 0), by: people[1]).status == 204)
        #expect(try await kept.member("POST", wants, json: Answers.Wanted(epoch: 1), by: people[2]).status == 404)
        #expect(try await kept.member("POST", wants, body: [1], by: people[2]).status == 400)
        #expect(try await kept.member("POST", wants, json: Answers.Wanted(epoch: 0), by: Person()).status == 401)
        #expect(try await service.send("POST", wants, body: Array("{\"epoch\":0}".utf8)).status == 401)
        for person in people { #expect(try await missing(kept, by: person) == [people[1].signKey.hex]) }
        // The same wrap again changes nothing; another member's does.
        #expect(try await kept.member("PUT", place, json: wraps([junk[1]]), by: people[3]).status == 204)
        #expect(try await missing(kept, by: people[0]) == [people[1].signKey.hex])
        let fresh = try wrap(for: people[1], by: people[0], in: kept)
        #expect(try await kept.member("PUT", place, json: wraps([fresh]), by: people[0]).status == 204)
        #expect(try await missing(kept, by: people[0]) == [])
        await service.stop()
    }

    // MARK: Invites

    private struct Issued: ~Copyable {
        let name: Bytes32
        let key: Bytes32
        let invite: Invite
    }

    @Test("What lies under an invite's name is its issuer's to leave, once, and goes when the invite is used or closed")
    func invites() async throws {
        let (service, kept) = try await world()
        let (founder, people) = (kept.world.founder, kept.world.people)
        let logKey = kept.world.log.founding.logKey
        func issue() async throws -> Issued {
            let invite = Invite(workplace: kept.world.log.id, logKey: logKey, serviceURL: service.url)
            let key = invite.signingKey().publicKey
            #expect(try await kept.organise(.invitesIssued([.init(key: key, replaces: nil)])).status == 200)
            return Issued(name: invite.lookupName(), key: key, invite: invite)
        }
        func leave(_ keys: [UInt8], for key: Bytes32, under name: Bytes32, by person: Person) async throws -> Int {
            let body = Answers.InviteKeys(invite_key: key.hex, keys: Base64.encode(keys))
            return try await kept.member(
                "PUT", Route.invites.path(kept.world.log.id.hex, name.hex), json: body, by: person
            ).status
        }
        func find(_ name: Bytes32) async throws -> (status: Int, invitation: Answers.Invitation?) {
            let answer = try await service.send("GET", Route.invite.path(name.hex))
            return (answer.status, try? JSONDecoder().decode(Answers.Invitation.self, from: Data(answer.body)))
        }
        let first = try await issue()
        let (name, key) = (first.name, first.key)
        #expect(try await find(name).status == 404)
        #expect(try await leave([1, 2], for: key, under: name, by: people[1]) == 403)
        #expect(try await leave([1, 2], for: people[1].signKey, under: name, by: founder) == 403, "no invite")
        #expect(try await leave([1, 2], for: key, under: name, by: founder) == 204)
        #expect(try await leave([1, 2], for: key, under: name, by: founder) == 204)
        #expect(try await leave([1, 3], for: key, under: name, by: founder) == 409)
        #expect(try await leave([1, 2], for: key, under: Random.bytes32(), by: founder) == 409)
        let found = try await find(name)
        #expect(found.status == 200 && found.invitation?.keys == Base64.encode([1, 2]))
        #expect(found.invitation?.workplace == kept.world.log.id.hex && found.invitation?.log_key == logKey.hex)
        #expect(try await find(key).status == 404, "the invite's public key is no name")
        // Used.
        let newcomer = Person()
        let admission = try WorkplaceStatement.admit(
            to: kept.world.log.id, invite: first.invite, seed: newcomer.seed, ring: newcomer.ring)
        #expect(try await kept.post(admission).status == 200)
        try kept.world.append(admission)
        #expect(try await find(name).status == 404)
        #expect(try await leave([1, 2], for: key, under: name, by: founder) == 422)
        // Revoked.
        let second = try await issue()
        #expect(try await leave([4], for: second.key, under: name, by: founder) == 409, "used once ever")
        #expect(try await leave([4], for: second.key, under: second.name, by: founder) == 204)
        #expect(try await kept.organise(.invitesRevoked([second.key])).status == 200)
        #expect(try await find(second.name).status == 404)
        // Closed with the dismissal of the issuer; other people's stay open.
        #expect(try await kept.organise(.organiserAppointed(people[1].signKey)).status == 200)
        let third = try await issue()
        #expect(try await leave([5], for: third.key, under: third.name, by: founder) == 204)
        let fourth = Invite(workplace: kept.world.log.id, logKey: logKey, serviceURL: service.url)
        let fourthKey = fourth.signingKey().publicKey
        #expect(
            try await kept.organise(.invitesIssued([.init(key: fourthKey, replaces: nil)]), by: people[1]).status == 200
        )
        #expect(try await leave([6], for: fourthKey, under: fourth.lookupName(), by: founder) == 403)
        #expect(try await leave([6], for: fourthKey, under: fourth.lookupName(), by: people[1]) == 204)
        #expect(try await kept.organise(.organiserDismissed(people[1].signKey)).status == 200)
        #expect(try await find(fourth.lookupName()).status == 404)
        #expect(try await find(third.name).status == 200)
        await service.stop()
    }

    // MARK: Quotas

    @Test("What there is no room for is refused before its body is read; what is there already is not")
    func quotaByHead() async throws {
        var limits = ServiceConfiguration.Limits()
        limits.stored = 200_000
        let (service, kept) = try await world(limits: limits)
        let person = kept.world.people[3]
        let small = try object(.draft, ID(Random.bytes32()), by: person, in: kept, size: 4000)
        #expect(try await put(small, by: person, in: kept).status == 204)
        #expect(try await put(small, by: person, in: kept).status == 204)
        let large = try object(.draft, ID(Random.bytes32()), by: person, in: kept, size: 60_000)
        func head(_ object: StoredObject) -> String {
            let path = path(object, in: kept)
            let signed = SignedRequest.headers(
                method: "PUT", path: path, query: "", body: object.bytes, created: kept.clock(),
                by: person.seed.signingKey())
            return "PUT \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(object.bytes.count)\r\n"
                + signed.map { "\($0.name): \($0.value)\r\n" }.joined() + "Expect: 100-continue\r\n\r\n"
        }
        // Nothing of the body comes: whoever waits for it says nothing for a minute.
        let answer = try await RawConnection.talk(to: service.port, head(large))
        #expect(answer.hasPrefix("HTTP/1.1 507 ") && answer.contains("\(ProblemCode.full.rawValue)"), "\(answer)")
        let fits = try object(.draft, ID(Random.bytes32()), by: person, in: kept, size: 4000)
        let word = String(decoding: repeatElement(UInt8(ascii: "x"), count: fits.bytes.count), as: UTF8.self)
        let wanted = try await RawConnection.talk(
            to: service.port, head(fits), until: "100 Continue", thenSending: word)
        #expect(wanted.hasPrefix("HTTP/1.1 100 Continue") && wanted.contains("HTTP/1.1 401 "), "\(wanted)")
        await service.stop()
    }

    @Test("One member fills their part and no more; then they can still be removed and the key rotated")
    func quotas() async throws {
        var limits = ServiceConfiguration.Limits()
        limits.stored = 200_000
        let (service, kept) = try await world(limits: limits)
        let (founder, people) = (kept.world.founder, kept.world.people)
        func fill(_ person: Person) async throws -> Int {
            var bytes = 0
            while bytes < limits.stored {
                let object = try object(.draft, ID(Random.bytes32()), by: person, in: kept, size: 4000)
                let answer = try await put(object, by: person, in: kept)
                guard answer.status == 204 else {
                    #expect(answer.status == 507 && KeptWorld.code(answer) == .full)
                    break
                }
                bytes += object.bytes.count
            }
            return bytes
        }
        let filled = try await fill(people[3])
        #expect(filled > 20_000 && filled <= 25_000)
        let other = try object(.draft, ID(Random.bytes32()), by: people[2], in: kept, size: 4000)
        #expect(try await put(other, by: people[2], in: kept).status == 204, "others go on")
        #expect(try await fill(founder) <= 25_000, "organisers' drafts are as bounded")
        #expect(try await kept.organise(.memberRemoved(people[3].signKey)).status == 200)
        #expect(try await rotate(kept, to: 1).status == 200)
        let place = Route.wraps.path(kept.world.log.id.hex)
        let own = try people.prefix(3).map { try wrap(1, for: $0, by: founder, in: kept) }
        #expect(try await kept.member("PUT", place, json: wraps(own, epoch: 1), by: founder).status == 204)
        let wording = try object(
            .document, ID(kept.petition.manifest.id.bytes), epoch: 1, by: founder, in: kept, size: 4000)
        #expect(try await put(wording, by: founder, in: kept).status == 204)
        await service.stop()
    }
}
