import Petitions
import Sodium
import TestSupport
import Testing

@testable import Client
@testable import Presentation
@testable import roundrobin

@Suite("People by number, name, name and team, key and invite; and who of a list is new", .ownThreads)
struct PersonNamingTests {
    private let world: World

    init() throws { world = try World(members: 4) }

    private func directory(_ entries: [DirectoryEntry], pseudonyms: [Bytes32: String] = [:]) -> Directory {
        Directory(entries: entries, people: People(roster: world.log, pseudonyms: pseudonyms), now: 1_796_144_400)
    }

    private func entry(_ name: String, _ team: String = "", member: Int? = nil) -> DirectoryEntry {
        var entry = DirectoryEntry(name: name, team: team)
        entry.member = member.map { world.people[$0].signKey.hex }
        return entry
    }

    private func invited(_ name: String, _ team: String = "", isOpen: Bool = true) throws -> (DirectoryEntry, String) {
        let invite = Invite(workplace: world.log.id, logKey: world.serviceKey.publicKey, serviceURL: "http://a.example")
        let key = invite.signingKey().publicKey
        if isOpen { try world.organise(.invitesIssued([.init(key: key, replaces: nil)])) }
        var entry = DirectoryEntry(name: name, team: team)
        entry.invite = key.hex
        return (entry, invite.url())
    }

    private func refuses(_ reason: ClientError.Invalid, _ name: String, _ directory: Directory) -> String {
        do {
            _ = try Naming.person(name, in: directory, asks: false)
            Issue.record("not refused: \(name)")
        } catch ClientError.invalid(let found, let values) {
            #expect(found == reason, "\(name)")
            return values["people"] ?? ""
        } catch { Issue.record("\(error)") }
        return ""
    }

    @Test(
        "Two of one name are told apart by number, team, invite and id, and both are named when only the name is given")
    func sameNames() throws {
        let (night, nightURL) = try invited("张伟", "夜班")
        let (day, _) = try invited("张伟", "白班")
        let directory = directory([entry("Ana Lopez", "Desk", member: 1), night, day])
        let people = refuses(.personAmbiguous, "张伟", directory)
        #expect(people.contains("p2") && people.contains("夜班") && people.contains("p3") && people.contains("白班"))
        for name in [
            "p2", "P2", "ｐ２", "张伟, 夜班", "张伟，夜班", " 张 伟 ,夜班 ", String(night.id.prefix(8)), night.id,
            String(night.invite?.prefix(16) ?? ""), night.invite ?? "", nightURL, "<" + nightURL + ">",
        ] {
            #expect(try Naming.person(name, in: directory).entry == night, "\(name)")
        }
        #expect(try Naming.person("张伟, 白班", in: directory).entry == day)
        #expect(DirectoryText.handle(0, in: directory) == "2" && DirectoryText.handle(2, in: directory) == "p3")
    }

    @Test("Members by number, key, name in any case and width, beginning of a name, or pseudonym")
    func members() throws {
        let ana = world.people[1].signKey
        let directory = directory(
            [entry("Ana Lopez", "Desk", member: 1), entry("Bo Chan", member: 2)],
            pseudonyms: [world.people[3].signKey: "Grey Heron"])
        for name in [
            "2", "２", "Ana Lopez", "ana  lopez", "ＡＮＡ ＬＯＰＥＺ", "Lopez Ana", "Ana", "ana lopez, desk", "p1", ana.hex,
            String(ana.hex.prefix(8)), ana.hex.uppercased(),
        ] {
            #expect(try Naming.person(name, in: directory).key == ana, "\(name)")
        }
        #expect(try Naming.person("grey heron", in: directory).key == world.people[3].signKey)
        #expect(try Naming.person("1", in: directory).key == world.founder.signKey)
        for name in ["", " ", "Nobody", "9", "0", "p9", "p0", "ffffffffffffffff", "Ana Lopez, Kitchen", ",", "-1"] {
            _ = refuses(.personUnknown, name, directory)
        }
    }

    @Test("A pseudonym takes nobody's place: neither another's name, nor the beginning of another's key")
    func pretenders() throws {
        let (ana, impostor) = (world.people[1].signKey, world.people[3].signKey)
        let named = directory([entry("Ana Lopez", member: 1)], pseudonyms: [impostor: "Ana Lopez"])
        #expect(refuses(.personAmbiguous, "Ana Lopez", named).contains("4"))
        let keyed = directory([], pseudonyms: [impostor: String(ana.hex.prefix(8))])
        #expect(try Naming.person(String(ana.hex.prefix(8)), in: keyed).key == ana)
        let numbered = directory([], pseudonyms: [impostor: "2"])
        #expect(try Naming.person("2", in: numbered).key == ana)
    }

    @Test("A list that has grown invites only who is new, as often as the directory lacks them")
    func grown() throws {
        let (pat, _) = try invited("Pat Sigma", "Night")
        let (qi, _) = try invited("Qi Tau", "Day")
        let (lost, _) = try invited("Lo Stamp", "Day", isOpen: false)
        let directory = directory([pat, qi, lost, entry("Ana", member: 1)])
        func new(_ people: DirectoryEntry...) -> Newcomers { Newcomers(people, in: directory) }
        let same = new(entry("Pat Sigma", "Night"), entry("Qi Tau", "Day"), entry("Ana"), entry("pat sigma", "NIGHT"))
        // Two equal rows, only one in the directory: the other is new, and is asked about.
        #expect(same.toInvite.map(\.name) == ["pat sigma"] && same.known == 3)
        #expect(same.likenesses.map(\.likeness) == [.same])
        let colleague = new(entry("Pat Sigma", "Night"), entry("Qi Tau", "Day"), entry("Pat Sigma", "Day"))
        #expect(colleague.toInvite.map(\.team) == ["Day"] && colleague.toInvite.map(\.name) == ["Pat Sigma"])
        #expect(colleague.likenesses.map(\.likeness) == [.same])
        // A person whose invite was never issued gets one, under the existing entry.
        #expect(new(entry("Lo Stamp", "Day")).toInvite == [lost])
        let twins = new(entry("Zo", "Day"), entry("Zo", "Day"))
        #expect(twins.toInvite.count == 2 && twins.likenesses.count == 1)
        #expect(new(entry("Pat Sigma", "Night")).likenesses.isEmpty)
        let marks = new(entry("Nguyễn Văn Hòa"), entry("Nguyễn Văn Hóa"))
        #expect(marks.toInvite.count == 2 && marks.likenesses.map(\.likeness) == [.alike])
    }
}
