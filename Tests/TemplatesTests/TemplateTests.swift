import Foundation
import Templates
import Testing

@Suite("Demand templates")
struct TemplateTests {
    static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "templates").path

    let library: TemplateLibrary

    init() throws { library = try TemplateLibrary(directory: Self.directory) }

    @Test("There are eleven, each in both languages, with the same parameters and bounds")
    func pairs() throws {
        let english = library.templates.filter { $0.language == "en" }
        let chinese = library.templates.filter { $0.language == "zh-Hans" }
        #expect(english.count == 11)
        #expect(english.map(\.name) == chinese.map(\.name))
        for (a, b) in zip(english, chinese) {
            #expect(a.parameters.map(\.name) == b.parameters.map(\.name), "\(a.name)")
            #expect(a.parameters.map(\.kind) == b.parameters.map(\.kind), "\(a.name)")
            #expect(a.parameters.map(\.defaultValue) == b.parameters.map(\.defaultValue), "\(a.name)")
            // The same clauses, one by one.
            func clauses(_ text: String) -> Int { text.split(separator: "\n").count { $0.first?.isNumber == true } }
            #expect(clauses(a.body) == clauses(b.body) && clauses(a.body) >= 5, "\(a.name)")
        }
    }

    @Test("Every declared parameter is used, and rendering leaves nothing unfilled")
    func rendering() throws {
        for template in library.templates {
            let (title, text) = try template.render([:])
            #expect(!title.contains("{{") && !text.contains("{{"), "\(template.name)")
            #expect(
                Set(DemandTemplate.references(in: template.body)) == Set(template.parameters.map(\.name)),
                "\(template.name)")
            #expect(!text.contains("&quot;") && !text.contains("&#"), "\(template.name): nothing is escaped as HTML")
        }
    }

    @Test("Values outside their bounds are refused with a reason")
    func bounds() throws {
        let template = try library.template("informed-consent", language: "en")
        #expect(try template.render(["notice_days": "21"]).text.contains("at least 21 days"))
        #expect(throws: TemplateError.outOfBounds(parameter: "notice_days", value: "6", range: 7...90)) {
            try template.render(["notice_days": "6"])
        }
        #expect(throws: TemplateError.notANumber(parameter: "notice_days", value: "soon")) {
            try template.render(["notice_days": "soon"])
        }
        #expect(throws: TemplateError.unknownParameter("notice", known: template.parameters.map(\.name))) {
            try template.render(["notice": "7"])
        }
        #expect(throws: TemplateError.noSuchTemplate("x", language: "en")) { try library.template("x", language: "en") }
        #expect(throws: TemplateError.noDirectory("/nowhere/demands")) { try TemplateLibrary(directory: "/nowhere") }
    }

    @Test(
        "Damaged templates are refused",
        arguments: [
            "no front matter", "---\n---\n", "---\n---\nbody", "---\ntitle: x\n---\nbody", "---\n[\n---\nbody",
            "---\ntitle: t\nsummary: s\nparameters: []\n---\n{{undeclared}}",
            "---\ntitle: t\nsummary: s\nparameters: [{name: a, description: d, type: integer, default: \"9\", minimum: 1, maximum: 5}]\n---\n{{a}}",
            "---\ntitle: t\nsummary: s\nparameters: [{name: a, description: d, type: date, default: x}]\n---\n{{a}}",
        ])
    func damaged(_ text: String) {
        #expect(throws: TemplateError.self) { try DemandTemplate(parsing: text, name: "x", language: "en", file: "x") }
    }

    @Test("What is wrong with a template is told apart, and YAML by the line of the file")
    func damages() {
        let front = "---\ntitle: t\nsummary: s\n"
        for (text, damage) in [
            ("no front matter", TemplateError.Damage.noFrontMatter), ("---\ntitle: x\n---\nbody", .frontMatter),
            ("---\ntitle: [\nsummary: s\n---\nbody", .yaml(.line(3))),
            (front + "title: u\nparameters: []\n---\nx", .yaml(.twice(key: "title"))),
            (front + "parameters: []\n---\n{{undeclared}}", .undeclared("undeclared")),
        ] {
            #expect(throws: TemplateError.damaged(file: file(damage), damage)) {
                try DemandTemplate(parsing: text, name: "x", language: "en", file: "x.md")
            }
        }
    }

    /// A template knows its file's path only while it is parsed.
    private func file(_ damage: TemplateError.Damage) -> String {
        if case .undeclared = damage { "en/x" } else { "x.md" }
    }
}
