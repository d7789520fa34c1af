import Client
import Testing

@Suite("Names that could be taken for one another")
struct LikenessTests {
    private func likeness(_ a: String, _ b: String) -> Likeness? { Likeness.pairs([a, b]).first?.likeness }

    @Test("The same but for case, width, spaces and order")
    func same() {
        #expect(likeness("Li Wei", "wei  LI") == .same)
        #expect(likeness("Zoë Müller", "ZOE\u{308} MU\u{308}LLER") == .same && likeness("Groß", "GROSS") == .same)
        #expect(likeness("张伟", "张 伟") == .same && likeness("张伟", "伟张") != .same)
        #expect(likeness("王芳", "王 芳") == .same && likeness("ＡＮＡ\u{3000}Ｌｏｐｅｚ", "Ana\u{a0}Lopez") == .same)
        #expect(likeness("Ana\u{200d} Lopez", "Ana Lopez") == .same)
        #expect(likeness("O'Brien, Ann", "Ann OBrien") == nil || likeness("Ann O'Brien", "O'Brien Ann") == .same)
    }

    @Test("Names that differ in a mark are alike, because in many languages they are different names")
    func marks() {
        #expect(likeness("Nguyễn Văn Hòa", "Nguyễn Văn Hóa") == .alike)
        #expect(likeness("かがわ", "かかわ") == .alike && likeness("Zoë Müller", "Zoe Muller") == .alike)
        #expect(likeness("José", "Jose") == .alike && likeness("O'Brien", "OBrien") != .same)
    }

    @Test("Alike: one letter more, less, other or exchanged, or another script's letter")
    func alike() {
        for other in ["Jonson", "Johnsson", "Jahnson", "Jonhson", "Jоhnson"] {
            #expect(likeness("Johnson", other) == .alike)
        }
        #expect(likeness("Johnson", "Jackson") == nil && likeness("Ann", "Anna") == nil)
        #expect(likeness("王芳", "王方") == nil, "one of two characters is another name")
    }

    @Test("Thousands of names are compared at once, each pair named once")
    func many() {
        let names = (0..<4000).map { "Person Number \($0 * 7919)" } + ["Li Wei", "Wei Li"]
        let pairs = Likeness.pairs(names)
        #expect(pairs.contains { $0.first == 4000 && $0.second == 4001 && $0.likeness == .same })
        #expect(Set(pairs.map { [$0.first, $0.second] }).count == pairs.count)
    }

    @Test("Sixteen thousand names of one kind, whatever they have in common, take no time that grows with their square")
    func hostile() {
        let scalars = (0x4e00..<0x4e00 + 16_000).compactMap(UnicodeScalar.init).map { String(Character($0)) }
        let lists = [
            Array(repeating: "Li Wei", count: 16_000), scalars.map { "abcdef" + $0 },
            scalars.indices.map { "Li Wei" + String(repeating: " ", count: $0 % 30 + 1) + "Chen" },
        ]
        for names in lists {
            let start = ContinuousClock.now
            let pairs = Likeness.pairs(names)
            #expect(ContinuousClock.now - start < .seconds(60))
            #expect(pairs.count < 40 * names.count)
            #expect(Set(pairs.flatMap { [$0.first, $0.second] }).count == names.count, "everybody is in a pair")
            #expect(pairs.count { $0.first == 0 } == names.count - 1, "the first is held against everybody")
        }
    }
}
