import CoSigning
import Foundation
import Petitions
import ServiceAPI
import Sodium
import Synchronization
import TestSupport
import Testing

@testable import Client

@Suite("A directory that is longer than one object, over the real service", .serialized, .takingTurns)
struct DirectoryTests {
    /// Small ones, so that some dozens of people take several parts.
    private static let sizes = DirectoryPart.Sizes(object: 3000, part: 1500)

    private func people(_ count: Int, _ name: String = "Person") -> [DirectoryEntry] {
        (1...count).map { DirectoryEntry(name: "\(name) \($0)") }
    }

    private func small(_ body: () async throws -> Void) async throws {
        try await DirectoryPart.Sizes.$present.withValue(Self.sizes) { try await body() }
    }

    /// Writes of the directory, by their paths.
    private static func writes(_ exchanges: [Operator.Exchange]) -> [String] {
        exchanges.map(\.request).filter { $0.method == "PUT" && $0.path.contains("/objects/4/") }.map(\.path)
    }

    private func refuses(_ reason: ClientError.Invalid, _ body: () async throws -> Void) async {
        await #expect {
            try await body()
        } throws: { error in
            if case ClientError.invalid(reason, _) = error { true } else { false }
        }
    }

    @Test("It grows from one object into parts, and a change writes one part and the index")
    func grows() async throws {
        let stage = try await Stage(members: 3)
        let (founder, second) = (stage.members[0], stage.members[1])
        try await small {
            let first = people(4)
            let one = try await stage.inspector.watch { try await founder.changeDirectory { $0 += first } }
            #expect(Self.writes(one).count == 1, "it fits into one object")
            let more = people(60, "Newcomer")
            let all = first + more
            let grown = try await stage.inspector.watch { try await founder.changeDirectory { $0 += more } }
            let parts = Self.writes(grown).count - 1
            #expect(parts > 4)
            let read = try await stage.inspector.watch {
                let entries = try await founder.directory().entries
                #expect(entries == all)
            }
            #expect(read.count { $0.request.path.contains("/objects/4/") } == 1, "parts come with the list")
            // Members who may not read it see neither entries nor how it is divided.
            #expect(try await stage.members[2].people().all.count == 3)
            try await founder.appoint(second.signKey)
            let change = try await stage.inspector.watch {
                try await second.changeDirectory { $0[20].note = "tall" }
            }
            #expect(Self.writes(change).count == 2)
            #expect(try await founder.directory().entries[20].note == "tall")
            // Two organisers at once: neither loses what they wrote.
            nonisolated(unsafe) let (a, b) = (founder, second)
            async let left: Void = a.changeDirectory { $0[1].note = "A" }
            async let right: Void = b.changeDirectory { $0[1].team = "B" }
            _ = try await (left, right)
            let entries = try await founder.directory().entries
            #expect(entries.map(\.id) == all.map(\.id) && entries[1].note == "A" && entries[1].team == "B")
            // Nothing changes, nothing is written; and it shrinks without leaving anybody behind.
            let nothing = try await stage.inspector.watch { try await second.changeDirectory { _ in } }
            #expect(Self.writes(nothing).isEmpty)
            try await founder.changeDirectory { $0.removeAll { $0.name.hasPrefix("Newcomer") } }
            #expect(try await second.directory().entries.map(\.id) == first.map(\.id))
            await refuses(.directoryFull) {
                try await founder.changeDirectory { $0 += people(DirectoryPart.mostEntries) }
            }
        }
        await stage.close()
    }

    @Test(
        "A new organiser reads parts from before a change of the group key, and one who was dismissed reads nothing new"
    )
    func offices() async throws {
        let stage = try await Stage(members: 4)
        let (founder, second) = (stage.members[0], stage.members[1])
        try await small {
            let all = people(40)
            try await founder.changeDirectory { $0 += all }
            try await founder.rotateGroupKey()
            // They may have no group key but the newest.
            let appointed = try await stage.inspector.watch { try await founder.appoint(second.signKey) }
            #expect(Self.writes(appointed).count > 3)
            try await founder.changeDirectory { $0[0].note = "x" }
            #expect(try await second.directory().entries.map(\.id) == all.map(\.id))
            let dismissed = try await stage.inspector.watch { try await second.dismiss(founder.signKey) }
            #expect(Self.writes(dismissed).count == 1, "the index alone: what the dismissed could read they had")
            #expect(try await second.directory().entries.map(\.id) == all.map(\.id), "parts by the dismissed count")
            await #expect(throws: ClientError.self) { _ = try await founder.directory() }
            try await second.changeDirectory { $0[39].note = "secret" }
            // With the bytes in hand, too: neither the index nor the part that was written since opens.
            let index = try await founder.session { session in
                let name = StoredObject.Name(.directory, .directory(of: session.device.workplaceID.bytes))
                let text = try await session.text(name).plaintext
                return session.read(DirectoryText.self, text)?.register?.open(
                    in: session.device.workplaceID, as: session.signKey, by: session.device.identity.seed.boxKey())
            }
            #expect(index == nil)
        }
        await stage.close()
    }

    @Test("An organiser whom it was not sealed to writes over nothing, and the next change of another one lets them in")
    func notSealed() async throws {
        let stage = try await Stage(members: 3)
        let (founder, second) = (stage.members[0], stage.members[1])
        for sizes in [DirectoryPart.Sizes(), Self.sizes] {
            try await DirectoryPart.Sizes.$present.withValue(sizes) {
                let all = people(40)
                try await founder.changeDirectory { $0 = all }
                try await founder.rotateGroupKey()
                stage.inspector.answer { $0.method == "PUT" && $0.path.contains("/objects/4/") ? .drop : nil }
                await #expect(throws: ClientError.self) { try await founder.appoint(second.signKey) }
                stage.inspector.beHonest()
                #expect(try await second.roster().isOrganiser(second.signKey))
                await refuses(.directoryClosed) {
                    try await second.changeDirectory { $0.append(DirectoryEntry(name: "Mine")) }
                }
                let repair = try await stage.inspector.watch { try await founder.changeDirectory { _ in } }
                #expect(!Self.writes(repair).isEmpty)
                #expect(try await second.directory().entries == all)
                try await second.changeDirectory { $0.append(DirectoryEntry(name: "Mine")) }
                #expect(try await founder.directory().entries.count == 41)
                try await founder.dismiss(second.signKey)
            }
        }
        await stage.close()
    }

    @Test(
        "Cut off after any number of writes, it is the old directory or the new one, and the next change goes through")
    func cutOff() async throws {
        let stage = try await Stage(members: 2)
        let (founder, second) = (stage.members[0], stage.members[1])
        try await small {
            try await founder.changeDirectory { $0 += people(40) }
            try await founder.appoint(second.signKey)
            var old = try await second.directory().entries
            var isDone = false
            var count = 0
            while !isDone {
                var new = old
                for place in stride(from: 0, to: new.count, by: 7) { new[place].note = "\(count)" }
                new += [DirectoryEntry(name: "Late \(count)")]
                let written = Mutex(0)
                let most = count
                // The last write that came may have been taken, and its answer lost.
                let isTaken = count % 2 == 1
                stage.inspector.answer { request in
                    guard request.method == "PUT", request.path.contains("/objects/4/") else { return nil }
                    let place = written.withLock { written in
                        written += 1
                        return written
                    }
                    if place <= most { return nil }
                    return place == most + 1 && isTaken ? .dropAfter : .drop
                }
                let device = try stage.device(like: try stage.copy(of: founder))
                do {
                    try await device.changeDirectory { $0 = new }
                    isDone = true
                } catch {}
                device.close()
                stage.inspector.beHonest()
                let now = try await second.directory().entries
                #expect(now == old || now == new, "after \(count) writes")
                #expect(!isDone || now == new)
                old = now
                count += 1
            }
            #expect(count > 5)
            try await second.changeDirectory { $0[0].note = "on" }
            #expect(try await second.directory().entries.count == old.count)
        }
        await stage.close()
    }

    @Test("A service that serves an old part, another part or none, or an index of another time, is found out")
    func twins() async throws {
        let stage = try await Stage(members: 2)
        let founder = stage.members[0]
        try await small {
            try await founder.changeDirectory { $0 += people(40) }
            let before = try stage.copy(of: founder)
            let workplace = founder.workplaceID
            func object(_ name: StoredObject.Name, _ revision: UInt32) async throws -> StoredObject {
                try await founder.session { try await $0.object(name, revision) }
            }
            let names = (1...2).map { DirectoryPart.name(workplace, UInt32($0)) }
            let index = StoredObject.Name(.directory, .directory(of: workplace.bytes))
            let oldIndex = try await object(index, 1)
            let oldParts = [try await object(names[0], 1), try await object(names[1], 1)]
            try await founder.changeDirectory { $0[0].note = "new" }
            let newest = try await founder.directory().entries
            let newPart = try await object(names[0], 2)
            func device() throws -> Member { try stage.device(like: before) }
            func serve(_ id: ID<Object>, _ bytes: [UInt8]?) -> Operator.Script {
                { request in
                    guard request.method == "GET", request.path.contains("/objects/4/\(id.hex)") else { return nil }
                    return .response(bytes.map { .bytes($0) } ?? .problem("not-found", 404))
                }
            }
            // What the list has for the part is taken only where the index names it.
            let hidden: Operator.Script = { request in
                guard request.method == "GET", request.path.hasSuffix("/objects") else { return nil }
                return .changed { response in
                    guard let answer = try? JSONDecoder().decode(Answers.Objects.self, from: Data(response.body)) else {
                        return response
                    }
                    var response = response
                    let objects = answer.objects.map { listed in
                        listed.id != names[0].id.hex
                            ? listed
                            : Answers.Object(
                                kind: 4, id: listed.id, revision: 1, bytes: Base64.encode(oldParts[0].bytes))
                    }
                    response.body = [UInt8](
                        (try? JSONEncoder().encode(Answers.Objects(objects: objects, next: answer.next))) ?? Data())
                    return response
                }
            }
            stage.inspector.answer(hidden)
            let honest = try device()
            #expect(try await honest.directory().entries == newest, "it asks for the one that the index names")
            honest.close()
            for bytes in [oldParts[0].bytes, oldParts[1].bytes, nil] {
                stage.inspector.answer([hidden, serve(names[0].id, bytes)])
                let device = try device()
                await refuses(.directoryPart) { _ = try await device.directory() }
                await refuses(.directoryPart) { try await device.changeDirectory { $0 = [] } }
                device.close()
            }
            // The old index with what belongs to it is the old directory to who has seen no other, and a rollback to everybody else.
            for served in [[oldIndex, oldParts[0]], [oldIndex]] {
                stage.inspector.answer([Texts.serving(served)])
                let unaware = try device()
                // With the newest part in the list, too, as it is for somebody who reads while another organiser writes.
                #expect(try await unaware.directory().entries.map(\.note) == newest.map { _ in "" })
                unaware.close()
            }
            await #expect {
                _ = try await founder.directory()
            } throws: { if case ClientError.objectRolledBack = $0 { true } else { false } }
            // Neither index goes with the other's parts.
            stage.inspector.answer([Texts.serving([oldIndex]), serve(names[0].id, newPart.bytes)])
            let mixed = try device()
            await refuses(.directoryPart) { _ = try await mixed.directory() }
            mixed.close()
        }
        await stage.close()
    }
}

@Suite("A run of invites that is cut off is finished by the next one", .serialized, .takingTurns)
struct InviteRunTests {
    @Test("Wherever it is cut off: every address that was kept admits, and nobody is invited twice or lost")
    func finished() async throws {
        let stage = try await Stage(members: 1)
        let founder = stage.members[0]
        var names: [String] = []
        for (round, cut) in ["/objects/4/", "/statements", "/invites/"].enumerated() {
            for isTaken in [false, true] {
                let people = (1...20).map { DirectoryEntry(name: "Person \(round)\(isTaken) \($0)") }
                var kept: [String] = []
                var isKept = false
                let seen = Mutex(0)
                stage.inspector.answer { request in
                    guard ["PUT", "POST"].contains(request.method), request.path.contains(cut) else { return nil }
                    let place = seen.withLock { seen in
                        seen += 1
                        return seen
                    }
                    // In the middle of the keys, at once elsewhere; and for good.
                    if cut == "/invites/", place <= 10 { return nil }
                    return isTaken && cut != "/objects/4/" ? .dropAfter : .drop
                }
                await #expect(throws: ClientError.self) {
                    try await founder.session { session in
                        _ = try await session.invite(
                            people, expires: nil,
                            InviteSteps(
                                keep: {
                                    kept = $0.map(\.url)
                                    isKept = true
                                }, drop: { isKept = false }))
                    }
                }
                stage.inspector.beHonest()
                try await founder.session { session in
                    #expect((session.unfinishedInvites > 0) == isKept, "\(cut)")
                    #expect(isKept == (cut != "/objects/4/"), "\(cut)")
                    try await session.finishInvites()
                    #expect(session.unfinishedInvites == 0)
                }
                if isKept {
                    names += people.map(\.name)
                    for url in [kept[0], kept[19]] {
                        let newcomer = try await stage.workplace.join(url)
                        #expect(newcomer.device.identity.groupKeys.epochs == [0])
                    }
                }
                let directory = try await founder.directory()
                #expect(directory.entries.map(\.name) == names, "\(cut)")
                #expect(directory.entries.allSatisfy { directory.state(of: $0) != .none })
            }
        }
        #expect(try await founder.roster().openInvites.count == names.count - 8)
        await stage.close()
    }

    @Test("In batches: one that is cut off costs nobody else's invite, and the run is taken up where it was")
    func batches() async throws {
        let stage = try await Stage(members: 1)
        let founder = stage.members[0]
        let people = (1...25).map { DirectoryEntry(name: "Person \($0)") }
        let seen = Mutex(0)
        stage.inspector.answer { request in
            guard request.method == "PUT", request.path.contains("/invites/") else { return nil }
            let place = seen.withLock { seen in
                seen += 1
                return seen
            }
            return place > 13 ? .drop : nil
        }
        try await InviteBatch.$size.withValue(10) {
            var kept: [[IssuedInvite]] = []
            var issued: [Int] = []
            var progress: [Int] = []
            func steps() -> InviteSteps {
                InviteSteps(
                    keep: { kept.append($0) }, drop: { kept.removeLast() }, issued: { issued.append($0.count) },
                    progress: { progress.append($0.done) })
            }
            await #expect(throws: ClientError.self) {
                _ = try await founder.session { try await $0.invite(people, expires: nil, steps()) }
            }
            stage.inspector.beHonest()
            #expect(kept.map(\.count) == [10, 10] && issued == [10] && progress == progress.sorted())
            try await founder.session { session in
                try await session.finishInvites()
                let directory = try await session.directory()
                #expect(directory.entries.map(\.name) == people.prefix(20).map(\.name))
                _ = try await session.invite(Array(people.suffix(5)), expires: nil, steps())
            }
            #expect(kept.map(\.count) == [10, 10, 5])
            let directory = try await founder.directory()
            #expect(directory.entries.map(\.name) == people.map(\.name))
            #expect(directory.entries.compactMap(\.invite) == kept.joined().compactMap(\.entry.invite))
            #expect(try await founder.roster().openInvites.count == 25)
            _ = try await stage.workplace.join(kept[1][9].url)
            // All of them anew: in batches too, with one new group key.
            let now = try await founder.directory()
            let open = now.entries.filter { now.state(of: $0) == .invited }
            let epochs = try await founder.roster().groupKeys.count
            kept = []
            _ = try await founder.session { try await $0.reissue(open, expires: nil, steps()) }
            #expect(kept.map(\.count) == [10, 10, 4])
            #expect(kept.joined().map(\.entry.name) == people.map(\.name).filter { $0 != "Person 20" })
            #expect(try await founder.roster().groupKeys.count == epochs + 1)
        }
        await stage.close()
    }

    @Test("A service that takes no more for now is waited for")
    func waits() async throws {
        let stage = try await Stage(members: 1)
        let founder = stage.members[0]
        let seen = Mutex(0)
        stage.inspector.answer { request in
            guard request.method == "PUT", request.path.contains("/invites/") else { return nil }
            let place = seen.withLock { seen in
                seen += 1
                return seen
            }
            guard place == 5 else { return nil }
            return .response(.problem("too-many", 429, wait: 1))
        }
        var waits: [UInt32] = []
        let people = (1...20).map { DirectoryEntry(name: "Person \($0)") }
        let issued = try await founder.session { session in
            session.onWaiting = { waits.append($0) }
            return try await session.invite(people, expires: nil, InviteSteps { _ in })
        }
        #expect(issued.count == 20 && waits == [1])
        // One that asks for too long is not waited for.
        stage.inspector.answer { request in
            request.path.contains("/invites/") ? .response(.problem("too-many", 429, wait: 100_000)) : nil
        }
        await #expect {
            _ = try await founder.session {
                try await $0.invite([DirectoryEntry(name: "A")], expires: nil, InviteSteps { _ in })
            }
        } throws: { ($0 as? ClientError)?.isRefusal(.tooMany) == true }
        await stage.close()
    }
}
