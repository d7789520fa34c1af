import Sodium
import TestSupport
import Testing

@testable import Petitions

@Suite("Bundles, documents, objects and invites are parsed strictly")
struct ParsingTests {
    @Test("A bundle in any other form is unreadable")
    func bundleForms() throws {
        let text = String(decoding: try Vectors.bundle("honest-7"), as: UTF8.self)
        var lines = text.split(separator: "\n").map(String.init)
        func unreadable(_ text: String, _ comment: Comment) {
            #expect(throws: PetitionBundle.Unreadable.format, comment) { try PetitionBundle(parsing: Array(text.utf8)) }
        }
        func joined(_ lines: [String]) -> String { lines.joined(separator: "\n") + "\n" }
        unreadable("", "empty")
        unreadable(String(text.dropLast()), "no final line feed")
        unreadable(text + "\n", "an empty line")
        unreadable(text.replacing("\n", with: "\r\n"), "carriage returns")
        unreadable("\u{feff}" + text, "a byte order mark")
        unreadable(joined(lines + [lines[lines.count - 1]]), "two documents")
        unreadable(joined(lines.reversed()), "another order")
        unreadable(joined(Array(lines.dropFirst())), "no header")
        unreadable(joined(lines.filter { !$0.contains("\"petition\", \"leaf\"") }), "no petition leaves")
        unreadable(joined(lines.filter { !$0.contains("\"log\": \"petition\"") }), "no petition log")
        unreadable(text.replacing("roundrobin-bundle/1", with: "roundrobin-bundle/2"), "another format")
        let header = lines[0]
        for bad in [
            header.uppercased(), header.replacing("}", with: ",\"x\":1}"),
            header.replacing("{", with: "{\"format\":\"roundrobin-bundle/1\","),
            header.replacing("\"format\"", with: "\"\\u0066ormat\",\"format\""), header + " ",
            header.replacing("{", with: "{{"),
        ] {
            lines[0] = bad
            unreadable(joined(lines), "header \(bad)")
        }
        lines[0] = header
        let leaf = lines[2]
        for bad in [
            leaf.replacing("\"}", with: " \"}"), leaf.replacing("\"}", with: "=\"}"),
            leaf.replacing("leaf", with: "leave"),
        ] {
            lines[2] = bad
            unreadable(joined(lines), "leaf")
        }
        lines[2] = leaf
        for (from, to) in [("\"leaf\": \"", "\"leaf\": \"\\u"), ("\"leaf\": \"", "\"leaf\": \"*"), ("\"}", "\",}")] {
            lines[2] = leaf.replacing(from, with: to)
            unreadable(joined(lines), "leaf \(to)")
        }
        for half in ["{\"log\":\"workplace\",\"leaf\":\"}", "{\"log\": \"workplace\", \"leaf\": \"}"] {
            lines[2] = half
            unreadable(joined(lines), "a value without an end: \(half)")
        }
        // The same leaf in every spelling that JSON allows: ours, another order, an escaped letter.
        let original = try PetitionBundle(parsing: Array(text.utf8)).workplace.leaves
        let letter = leaf.firstRange(of: "\"leaf\": \"").map { leaf[$0.upperBound] }
        let escaped = "\\u00" + String(try unwrap(letter?.asciiValue), radix: 16)
        let swapped = leaf.replacing("\"log\": \"workplace\", ", with: "")
            .replacing("}", with: ", \"log\": \"workplace\"}")
        for spelling in [
            leaf.replacing(": ", with: ":").replacing(", ", with: ","), leaf.replacing(", ", with: " ,\t"), swapped,
            leaf.replacing("\"leaf\": \"\(try unwrap(letter))", with: "\"leaf\": \"\(escaped)"),
            leaf.replacing("\"leaf\"", with: "\"\\u006ceaf\""),
        ] {
            lines[2] = spelling
            #expect(spelling != leaf)
            #expect(try PetitionBundle(parsing: Array(joined(lines).utf8)).workplace.leaves == original)
        }
        lines[2] = leaf
        // Spaces, and the order of members inside an object, do not matter in JSON.
        lines[0] = header.replacing(": ", with: ":")
        #expect(throws: Never.self) { try PetitionBundle(parsing: Array(joined(lines).utf8)) }
    }

    @Test("Ids that are not those of the first leaves, and invalid first leaves, make a bundle unreadable")
    func bundleIDs() throws {
        let bundle = try PetitionBundle(parsing: Vectors.bundle("honest-7"))
        var other = bundle
        other.workplaceID = ID(.zero)
        #expect(throws: PetitionBundle.Unreadable.ids) { try AuditedPetition(auditing: other) }
        other = bundle
        other.petitionID = ID(.zero)
        #expect(throws: PetitionBundle.Unreadable.ids) { try AuditedPetition(auditing: other) }
        other = bundle
        other.workplace.leaves.removeFirst()
        #expect(throws: PetitionBundle.Unreadable.firstWorkplaceLeaf) { try AuditedPetition(auditing: other) }
        other = bundle
        other.petition.leaves.removeFirst()
        #expect(throws: PetitionBundle.Unreadable.firstPetitionLeaf) { try AuditedPetition(auditing: other) }
    }

    @Test("Checkpoints are checked: foreign, unsigned, of another size or root")
    func bundleCheckpoints() throws {
        let world = try World(members: 4)
        let petition = try PetitionWorld(world)
        try petition.cosign(world.people[1])
        try world.organise(.eligibleDeclared(9))
        let good = petition.bundle
        func faults(_ change: (inout PetitionBundle) -> Void) throws -> [Fault.Place] {
            var bundle = good
            change(&bundle)
            return try AuditedPetition(auditing: bundle).faults.map(\.place)
        }
        #expect(try faults { _ in }.isEmpty)
        #expect(try faults { $0.petition.checkpoint = "nonsense" } == [.log("petition")])
        #expect(try faults { $0.petition.checkpoint = $0.workplace.checkpoint } == [.log("petition")])
        #expect(
            try faults { swap(&$0.workplace.checkpoint, &$0.petition.checkpoint) } == [
                .log("workplace"), .log("petition"),
            ])
        #expect(try faults { $0.workplace.leaves.removeLast() } == [.log("workplace")])
        #expect(try faults { $0.petition.leaves.removeLast() } == [.log("petition")])
    }

    @Test(
        "Strict JSON: what other parsers let pass is refused",
        arguments: [
            "", " ", "{", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "01", "1.", ".5", "+1",
            "1e", "nul", "'a'",
            "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\x41\"", "\"a\nb\"", "\"\u{1}\"", "{} {}", "[1 2]",
            "{a:1}", "\u{feff}{}",
            "// c\n1", "NaN", "Infinity", "\"abc",
        ])
    func badJSON(_ text: String) {
        #expect(throws: JSONValue.ParseError.self) { try JSONValue(parsing: Array(text.utf8)) }
    }

    @Test("JSON that is valid is read, deep nesting is bounded, bad UTF-8 refused")
    func goodJSON() throws {
        #expect(try JSONValue(parsing: Array(" {\"a\" : [ 1, -0.5e+3 , true, null ] } \n".utf8)) != .null)
        #expect(try JSONValue(parsing: Array("\"\\ud83d\\ude00\\n\"".utf8)) == .string("😀\n"))
        // Two names that Swift's String considers equal are two names.
        #expect(try JSONValue(parsing: Array("{\"\u{e9}\":1,\"e\u{301}\":2}".utf8)) != .null)
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONValue.ParseError.tooDeep) { try JSONValue(parsing: Array(deep.utf8)) }
        #expect(throws: JSONValue.ParseError.notUTF8) { try JSONValue(parsing: [0x22, 0xff, 0x22]) }
        for text in ["", "\"\\\n\t\r\u{1}", "李伟 😀", "\u{2028}"] {
            #expect(try JSONValue(parsing: Array(JSONValue.quoted(text).utf8)) == .string(text))
        }
    }

    @Test("A document has exactly its members")
    func documents() throws {
        let document = PetitionDocument(
            language: "zh-Hans", title: "标题 \"x\"", preamble: "",
            demands: [.init(title: "a", text: "b\n"), .init(title: "c", text: "")])
        #expect(try PetitionDocument(parsing: document.bytes, questions: 2) == document)
        #expect(throws: PetitionDocument.Fault.demands) { try PetitionDocument(parsing: document.bytes, questions: 1) }
        let text = String(decoding: document.bytes, as: UTF8.self)
        func refused(_ text: String) {
            #expect(throws: PetitionDocument.Fault.self, "\(text)") {
                try PetitionDocument(parsing: Array(text.utf8), questions: 2)
            }
        }
        refused(text.replacing("\"language\"", with: "\"lang\""))
        refused(text.replacing("\"language\":", with: "\"x\":1,\"language\":"))
        refused(text.replacing("\"preamble\":\"\"", with: "\"preamble\":null"))
        refused(text.replacing("\"preamble\":\"\"", with: "\"preamble\":\"\",\"preamble\":\"\""))
        refused(text.replacing("\"salt\":\"", with: "\"salt\":\"AA"))
        refused(text.replacing("{\"title\":\"a\",", with: "{\"title\":\"a\",\"note\":\"\","))
        refused(text + "x")
        refused("[]")
    }

    @Test("A stored object opens under its key, and no change of it is accepted")
    func objects() throws {
        let (author, workplace) = (Person(), ID<Workplace>(Random.bytes32()))
        let key = GroupKey.generate(epoch: 3)
        let id = ID<Object>(Random.bytes32())
        let object = try StoredObject.seal(
            Array("secret".utf8), kind: .draft, id: id, after: nil, in: workplace, under: key,
            by: author.seed.signingKey())
        #expect(try StoredObject(decoding: object.bytes) == object)
        #expect(try object.open(under: key) == Array("secret".utf8))
        #expect(throws: RuleViolation.commitment) { try object.open(under: .generate(epoch: 3)) }
        #expect(throws: RuleViolation.commitment) { try object.open(under: .generate(epoch: 2)) }
        for flipped in object.bytes.flips() {
            #expect(throws: RuleViolation.self) { try StoredObject(decoding: flipped) }
        }
        #expect(throws: RuleViolation.self) { try StoredObject(decoding: object.bytes + [0]) }
        #expect(throws: RuleViolation.self) { try StoredObject(decoding: []) }
        let next = try StoredObject.seal(
            [], kind: .draft, id: id, after: object, in: workplace, under: key, by: author.seed.signingKey())
        #expect(next.revision == 2 && next.parent == object.digest)
        #expect(try next.open(under: key) == [])
    }

    @Test("Group keys unwrap for their member and epoch alone, and only the committed key")
    func groupKeys() throws {
        let (person, other) = (Person(), Person())
        let workplace = ID<Workplace>(Random.bytes32())
        let key = GroupKey.generate(epoch: 1)
        let wrap = try key.wrap(for: person.keys.boxKey, in: workplace)
        #expect(wrap.count == GroupKey.wrapLength)
        func opens(
            _ wrap: [UInt8], _ person: Person, epoch: UInt32 = 1, commitment: Bytes32, _ workplace: ID<Workplace>
        ) -> Bool {
            let opened = try? GroupKey.unwrap(
                wrap, epoch: epoch, commitment: commitment, by: person.seed.boxKey(), in: workplace)
            return opened != nil
        }
        #expect(opens(wrap, person, commitment: key.commitment, workplace))
        #expect(!opens(wrap, other, commitment: key.commitment, workplace))
        #expect(!opens(wrap, person, epoch: 2, commitment: key.commitment, workplace))
        #expect(!opens(wrap, person, commitment: .zero, workplace))
        #expect(!opens(wrap, person, commitment: key.commitment, ID(.zero)))
        for flipped in wrap.flips() { #expect(!opens(flipped, person, commitment: key.commitment, workplace)) }
    }

    @Test("Invites carry the group keys, and are refused in any other form")
    func invites() throws {
        let workplace = ID<Workplace>(Random.bytes32())
        let invite = Invite(workplace: workplace, logKey: Random.bytes32(), serviceURL: "https://a.example:8443")
        let again = try Invite(parsing: invite.url())
        #expect(again.url() == invite.url())
        #expect(again.signingKey().publicKey == invite.signingKey().publicKey)
        var ring = GroupKeyRing()
        for epoch: UInt32 in [0, 1, 5] { ring.insert(.generate(epoch: epoch)) }
        let sealed = invite.seal(ring, in: workplace)
        let opened = try again.open(sealed, in: workplace)
        #expect(opened.epochs == [0, 1, 5])
        #expect(opened.packed().reveal() == ring.packed().reveal())
        #expect(throws: RuleViolation.invite) { _ = try again.open(sealed, in: ID(Random.bytes32())).epochs }
        for flipped in sealed.flips() {
            #expect(throws: RuleViolation.invite) { _ = try again.open(flipped, in: workplace).epochs }
        }
        let url = invite.url()
        for bad in [
            "", "#", "/join#", url.replacing("/join#", with: "/join"), url.replacing("/join", with: "/jion"),
        ] {
            #expect(throws: RuleViolation.invite, "\(bad)") { _ = try Invite(parsing: bad).url() }
        }
        for bad in [url + "A", String(url.dropLast()), url.replacing("#", with: "##")] {
            #expect(throws: RuleViolation.inviteTyping, "\(bad)") { _ = try Invite(parsing: bad).url() }
        }
    }

    @Test("Wraps are tried in turn: junk, forged and strangers' ones before the good one do no harm")
    func wrapsInTurn() throws {
        let world = try World(members: 4)
        let key = GroupKey.generate(epoch: 0)
        try world.organise(.groupKeyRotated(epoch: 0, commitment: key.commitment))
        let (reader, makers) = (world.people[1], [world.people[2], world.people[3], Person()])
        let member = try #require(world.log.member(reader.signKey))
        func opens(_ wraps: [KeyWrap]) -> Bool {
            GroupKey.unwrap(wraps, epoch: 0, in: world.log, as: reader.signKey, by: reader.seed.boxKey()) != nil
        }
        func made(by person: Person, _ key: borrowing GroupKey) throws -> KeyWrap {
            try KeyWrap.make(key, for: member, in: world.log.id, by: person.seed.signingKey())
        }
        let good = try made(by: makers[0], key)
        let junk = try made(by: makers[1], .generate(epoch: 0))
        #expect(try opens([junk, made(by: makers[2], key), good]))
        #expect(!opens([junk]))
        #expect(try !opens([made(by: makers[2], key)]), "by somebody who never was a member")
        let forged = KeyWrap(
            epoch: 0, member: good.member, wrap: good.wrap, by: makers[1].signKey, signature: good.signature)
        #expect(!opens([forged]))
        // A wrap stays valid if its maker has left since.
        try world.organise(.memberRemoved(makers[0].signKey))
        #expect(opens([good]))
    }

    @Test("A revision follows its parent, and is by somebody entitled")
    func revisions() throws {
        let world = try World(members: 3)
        let key = GroupKey.generate(epoch: 0)
        let next = GroupKey.generate(epoch: 1)
        let (founder, member) = (world.founder, world.people[1])
        func seal(
            _ kind: StoredObject.Kind, _ id: ID<Object>, after: StoredObject? = nil, by person: Person,
            under key: borrowing GroupKey
        ) throws -> StoredObject {
            try StoredObject.seal(
                [1], kind: kind, id: id, after: after, in: world.log.id, under: key, by: person.seed.signingKey())
        }
        let id = ID<Object>(Random.bytes32())
        let first = try seal(.draft, id, by: member, under: next)
        let second = try seal(.draft, id, after: first, by: founder, under: next)
        #expect(throws: Never.self) {
            try first.follows(nil); try second.follows(first)
        }
        #expect(throws: RuleViolation.objectParent) { try second.follows(nil) }
        #expect(throws: RuleViolation.objectParent) { try second.follows(second) }
        let (other, older) = (
            try seal(.comment, id, after: first, by: member, under: next),
            try seal(.draft, id, after: first, by: member, under: key)
        )
        #expect(throws: RuleViolation.objectParent) { try other.follows(first) }
        #expect(throws: RuleViolation.epoch) { try older.follows(first) }
        func standing(
            _ kind: StoredObject.Kind, _ person: Person, _ id: ID<Object>? = nil, founder: Person? = nil
        ) throws -> StoredObject.Standing {
            try seal(kind, id ?? ID(Random.bytes32()), by: person, under: key)
                .standing(in: world.log, founder: founder?.signKey)
        }
        let stranger = Person()
        for kind in StoredObject.Kind.allCases { #expect(try standing(kind, stranger) == .never, "\(kind)") }
        #expect(try standing(.draft, member) == .entitled)
        #expect(try standing(.comment, member) == .entitled)
        #expect(try standing(.comment, member, founder: founder) == .never, "over another's comment")
        #expect(try standing(.directory, member, .directory(of: member.signKey)) == .entitled)
        #expect(try standing(.directory, member, .directory(of: founder.signKey)) == .never)
        #expect(try standing(.directory, founder, .directory(of: member.signKey)) == .entitled)
        let part = ID<Object>.directoryPart(1, of: ID(Random.bytes32()))
        #expect(try standing(.directory, member, part) == .never)
        #expect(try standing(.directory, founder, part) == .entitled)
        #expect(try standing(.trustee, member, .trustee(member.signKey)) == .entitled)
        #expect(try standing(.trustee, founder, .trustee(member.signKey)) == .never)
        for kind: StoredObject.Kind in [.record, .adoption, .plan] {
            #expect(try standing(kind, member) == .never && standing(kind, founder) == .entitled)
        }
        let petition = ID<Petition>(Random.bytes32())
        #expect(try standing(.document, founder, petition.document) == .never, "not announced")
        try world.organise(.petitionAnnounced(petition, rosterSize: world.size))
        #expect(try standing(.document, founder, petition.document) == .entitled)
        try world.organise(.organiserAppointed(world.people[2].signKey))
        #expect(try standing(.document, world.people[2], petition.document) == .never, "announced by another")
        try world.organise(.organiserDismissed(founder.signKey), by: world.people[2])
        #expect(try standing(.adoption, founder) == .former)
        try world.organise(.memberRemoved(member.signKey), by: world.people[2])
        #expect(try standing(.draft, member) == .former)
    }

    @Test("A posted co-signature is framed one way only")
    func requests() throws {
        let request = CoSignatureRequest(statement: [1, 2], sealedName: nil)
        #expect(try CoSignatureRequest(decoding: request.encoding) == request)
        let named = CoSignatureRequest(statement: [1], sealedName: [9])
        #expect(try CoSignatureRequest(decoding: named.encoding) == named)
        for bad: [UInt8] in [[], [0, 0, 0, 0], [0, 1, 7], [0, 1, 7, 0, 0, 0], [0, 2, 7, 0]] {
            #expect(throws: RuleViolation.self) { try CoSignatureRequest(decoding: bad) }
        }
    }
}
