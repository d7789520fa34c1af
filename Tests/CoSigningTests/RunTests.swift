import CoSigning
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@Suite("What a run asks for")
struct RunTests {
    private func entries(_ workplace: ServedWorkplace, _ name: LogName) -> [RunRequest] {
        Tile.entries(upTo: UInt64(workplace.served.logs[name]?.leaves.count ?? 0)).map { .entries(name, $0) }
    }

    private func whole(_ workplace: ServedWorkplace, _ name: LogName) -> [RunRequest] {
        [.checkpoint(name)] + entries(workplace, name)
    }

    private func log(_ petition: PetitionWorld) -> LogName { .petition(petition.log.id) }

    @Test("A run about one petition reads its log, the workplace's, the document, names if there are levels, and wraps")
    func onePetition() throws {
        let workplace = try ServedWorkplace(members: 3)
        for levels in [[], [5, 9]] as [[UInt32]] {
            let petition = try workplace.open(levels: levels)
            let id = petition.log.id
            let expected =
                whole(workplace, workplace.roster) + whole(workplace, log(petition)) + [.document(id)]
                + (levels.isEmpty ? [] : [.names(id)]) + [.checkpoint(workplace.roster), .wraps(epoch: 0)]
            let (reading, requests) = workplace.served.run(Run(.petition(id), of: workplace.id))
            #expect(requests == expected)
            #expect(reading.wanted == id)
            _ = try reading.view(of: id, for: workplace.world.founder.identity())
        }
    }

    @Test("A run by the beginning of an id looks the id up, and looks again at a workplace's log that has grown")
    func prefix() throws {
        let workplace = try ServedWorkplace(members: 3)
        let petition = try workplace.open(levels: [5])
        let id = petition.log.id
        let run = Run(.prefix(String(id.hex.prefix(8))), of: workplace.id)
        let start =
            whole(workplace, workplace.roster) + whole(workplace, log(petition)) + [.document(id), .names(id)]
            + [.checkpoint(workplace.roster)]
        let (reading, requests) = workplace.served.run(run)
        #expect(requests == start + [.wraps(epoch: 0)])
        #expect(reading.wanted == id)

        let before = workplace.served
        try workplace.world.admit()
        try petition.extend()
        workplace.serve()
        // The petition's log refers to a roster entry that the first reading lacks.
        var looks = 0
        let (again, more) = drive(run) {
            if $0 == .checkpoint(workplace.roster) { looks += 1 }
            if case .petition? = $0.log { return workplace.served.answer($0) }
            return looks < 2 ? before.answer($0) : workplace.served.answer($0)
        }
        #expect(
            more.suffix(3) == [.checkpoint(workplace.roster)] + entries(workplace, workplace.roster) + [
                .wraps(epoch: 0)
            ])
        #expect(try again.view(of: id, for: workplace.world.founder.identity()).petition.ringEpoch == 1)

        for prefix in ["", "0123456789abcdef0", id.hex + "0", "zz", "\u{301}"] {
            try workplace.open()
            let (reading, requests) = workplace.served.run(Run(.prefix(prefix), of: workplace.id))
            #expect(requests == whole(workplace, workplace.roster), "none or several: nothing more is asked for")
            #expect(reading.wanted == nil)
        }
    }

    @Test("A run about everything reads each announced petition, the unopened too, then what is not a log")
    func everything() throws {
        let workplace = try ServedWorkplace(members: 3)
        let run = Run(.everything, of: workplace.id)
        #expect(workplace.served.run(run).requests == whole(workplace, workplace.roster))
        let (first, second, unopened) = (try workplace.open(), try workplace.open(levels: [4]), try workplace.open())
        workplace.served.logs[log(unopened)] = nil
        let expected =
            whole(workplace, workplace.roster) + whole(workplace, log(first)) + whole(workplace, log(second))
            + [.checkpoint(log(unopened))]
            + [.document(first.log.id), .document(second.log.id), .names(second.log.id)]
            + [.checkpoint(workplace.roster), .wraps(epoch: 0)]
        #expect(workplace.served.run(run).requests == expected)
    }

    @Test("A run about the roster reads the workplace's log alone")
    func roster() throws {
        let workplace = try ServedWorkplace(members: 3)
        try workplace.open()
        #expect(
            workplace.served.run(Run(.roster, of: workplace.id)).requests == whole(workplace, workplace.roster))
    }

    @Test("A petition that is announced and not opened is asked for like any other")
    func unopened() throws {
        let workplace = try ServedWorkplace(members: 3)
        let petition = try workplace.open()
        let id = petition.log.id
        workplace.served.logs[log(petition)] = nil
        let start =
            whole(workplace, workplace.roster) + [.checkpoint(log(petition)), .checkpoint(workplace.roster)]
        let run = Run(.petition(id), of: workplace.id)
        let (reading, requests) = workplace.served.run(run)
        #expect(requests == start)
        #expect(throws: CoSigningError.logMissing(log(petition))) {
            try reading.view(of: id, for: workplace.world.founder.identity())
        }
        workplace.served.documents = [:]
        #expect(workplace.served.run(run).requests == start)
    }

    @Test("A vote is read with the petition that it asks about, and that petition's own answers are left")
    func vote() throws {
        let story = try VoteStory()
        let (workplace, vote) = (story.workplace, story.vote)
        let about = log(story.petition)
        let end: [RunRequest] = [
            .document(story.petition.log.id), .document(vote.log.id), .checkpoint(workplace.roster), .wraps(epoch: 0),
        ]
        let (reading, requests) = workplace.served.run(Run(.petition(vote.log.id), of: workplace.id))
        #expect(
            requests
                == whole(workplace, workplace.roster) + whole(workplace, log(vote)) + whole(workplace, about) + end)
        #expect(
            try reading.view(of: vote.log.id, for: workplace.world.founder.identity()).about?.id
                == story.petition.log.id)
        let all = workplace.served.run(Run(.everything, of: workplace.id)).requests
        #expect(Set(all).count == all.count - 1, "only the workplace's checkpoint is asked for twice")
    }

    @Test("A chain of votes that a service makes up is followed one step")
    func chain() throws {
        let workplace = try ServedWorkplace(members: 3)
        let world = workplace.world
        var about: Manifest.Response?
        for _ in 0..<6 {
            let manifest = try PetitionWorld.manifest(
                world, trustees: [world.founder], nonces: [Random.bytes32()], threshold: 1, levels: [],
                document: PetitionDocument(
                    language: "en", title: "", preamble: "", demands: [.init(title: "", text: "")]),
                about: about)
            let leaf = try PetitionStatement.open(
                manifest,
                acceptances: [.make(manifest.id, trustee: 1, nonce: .zero, by: SigningKey(seed: .random(32)))],
                sequence: 0, by: SigningKey(seed: .random(32)))
            workplace.served.logs[.petition(manifest.id)] = workplace.signed([leaf.bytes], of: manifest.id)
            about = .init(petition: manifest.id, digest: Random.bytes32())
        }
        let last = try #require(about).petition
        let requests = workplace.served.run(Run(.petition(last), of: workplace.id)).requests
        #expect(requests == whole(workplace, workplace.roster), "what is not announced is not asked for")
        try world.organise(.petitionAnnounced(last, rosterSize: world.size))
        workplace.serve()
        let all = workplace.served.run(Run(.everything, of: workplace.id)).requests
        #expect(all.filter { if case .checkpoint(.petition) = $0 { true } else { false } }.count == 1)
    }

    @Test("A long log is read tile by tile, and what has come meanwhile from the last tile on")
    func tiles() throws {
        let workplace = try ServedWorkplace(members: 3)
        let world = workplace.world
        while world.log.size < 600 { try world.organise(.eligibleDeclared(UInt32(world.log.size))) }
        let petition = try workplace.open()
        let size = UInt64(world.log.size)
        let tiles = [
            Tile(kind: .entries, index: 0), Tile(kind: .entries, index: 1),
            Tile(kind: .entries, index: 2, count: Int(size) - 512),
        ]
        let run = Run(.prefix(petition.log.id.hex), of: workplace.id)
        let before = workplace.served
        #expect(
            before.run(run).requests.prefix(4) == [.checkpoint(workplace.roster)]
                + tiles.map { .entries(workplace.roster, $0) })
        while world.log.size < 770 { try world.organise(.eligibleDeclared(70)) }
        workplace.serve()
        var looks = 0
        let (reading, requests) = drive(run) {
            if $0 == .checkpoint(workplace.roster) { looks += 1 }
            return looks < 2 ? before.answer($0) : workplace.served.answer($0)
        }
        #expect(
            requests.suffix(4) == [
                .checkpoint(workplace.roster), .entries(workplace.roster, Tile(kind: .entries, index: 2)),
                .entries(workplace.roster, Tile(kind: .entries, index: 3, count: 2)), .wraps(epoch: 0),
            ])
        #expect(try reading.judgedRoster().log.size == 770)
    }

    @Test("Broken answers end a run in as few steps, and the same ones call for the same requests")
    func broken() throws {
        let story = try VoteStory()
        let workplace = story.workplace
        try story.vote.cosign(workplace.world.people[1], choices: [1])
        workplace.serve()
        let id = story.vote.log.id
        func note(_ size: String, _ origin: String) -> RunAnswer {
            .bytes(Array("\(origin)\n\(size)\n\(Base64.encode(Bytes32.zero.bytes))\n\n\u{2014} a AAAAAAA=\n".utf8))
        }
        for scope in [.petition(id), .prefix(id.hex), .everything, .roster] as [Run.Scope] {
            let run = Run(scope, of: workplace.id)
            let honest = workplace.served.run(run).requests
            for request in honest {
                guard case .bytes(let bytes) = workplace.served.answer(request) else { continue }
                var broken: [RunAnswer] = [
                    .missing, .bytes([]), .bytes(bytes.dropLast()), .bytes(bytes + [0]),
                    .bytes([UInt8](repeating: 0xff, count: 300)), .bytes(Array(bytes.dropFirst())),
                    .bytes(Array("{\"wraps\":[{}],\"names\":[0]}".utf8)), .bytes(Array("[]".utf8)),
                ]
                if case .checkpoint = request {
                    broken += ["18446744073709551615", "4194305", "4194304", "257", "1", "0", "00", "-1"].map {
                        note($0, "x")
                    }
                }
                for answer in broken {
                    var served = workplace.served
                    served.instead[request] = answer
                    let (reading, requests) = served.run(run)
                    #expect(requests == served.run(run).requests)
                    #expect(requests.count <= honest.count + 2)
                    let place = try #require(honest.firstIndex(of: request))
                    #expect(requests.prefix(place + 1) == honest.prefix(place + 1))
                    // Nothing traps, whatever is done with the reading.
                    _ = try? reading.view(of: id, for: workplace.world.founder.identity())
                    _ = try? reading.bundle(of: id, for: workplace.world.founder.identity())
                    var memory = Memory()
                    memory.compare(reading, in: .anonymous, as: workplace.world.founder.signKey, at: 0)
                    memory.settle(by: reading, at: 0)
                }
            }
        }
    }
}

extension RunRequest {
    /// The log that the request is about.
    var log: LogName? {
        switch self {
        case .checkpoint(let name), .entries(let name, _): name
        case .document, .names, .wraps: nil
        }
    }
}

/// A closed petition, the employer's response, and an open vote on it.
struct VoteStory {
    let workplace: ServedWorkplace
    let petition: PetitionWorld
    let response: RecordDocument
    let vote: PetitionWorld

    /// - Parameters:
    ///   - members: how many the workplace has.
    ///   - isRecorded: whether the response is in the petition's log.
    ///   - preamble: the vote document's preamble, in place of the terms.
    init(members: Int = 3, isRecorded: Bool = true, preamble: String? = nil) throws {
        workplace = try ServedWorkplace(members: members)
        petition = try workplace.open()
        try petition.close()
        response = try RecordDocument(
            .response, language: "en", date: "2026-12-08", party: "", note: "",
            demands: [.init(number: 1, answer: .countered, text: "Half.")])
        if isRecorded { try petition.record(response) }
        let terms = RatificationTerms(
            petition: petition.log.id, response: response.digest, demands: [1], majority: .half)
        let document = PetitionDocument(
            language: "en", title: "Vote", preamble: preamble ?? terms.line,
            demands: [.init(title: "One", text: "Half.")])
        vote = try workplace.open(ratifying: terms, document: document)
    }
}
