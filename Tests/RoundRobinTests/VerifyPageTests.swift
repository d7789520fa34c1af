import Foundation
import Templates
import TestSupport
import Testing

@Suite("verify-page on the command line", .ownThreads, .serialized)
struct VerifyPageTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("A service's page, a saved one, one with a bit changed, none, and nothing")
    func command() throws {
        let page = try #require(try BrowserPage.find(besideTemplates: TemplateLibrary.standardDirectory()))
        let service = try ServiceProcess(database: directory("a.sqlite"))
        defer { service.kill() }
        for subject in [service.url, service.url + "/app", service.url + "/roundrobin.html"] {
            let said = try Program.run("verify-page", subject)
            #expect(said.status == 0 && said.output.contains(page.digest) && said.error.contains("just now"))
        }
        let saved = directory("saved.html")
        try Data(page.bytes).write(to: URL(filePath: saved))
        let kept = try Program.run("verify-page", saved)
        #expect(kept.status == 0 && kept.error.contains("The file stays as it is"))
        var changed = page.bytes
        changed[changed.count - 100] ^= 1
        try Data(changed).write(to: URL(filePath: saved))
        let other = try Program.run("verify-page", saved)
        #expect(other.status == 1 && other.output.contains("does not know the page"))
        let facts = try Program.run("verify-page", saved, "--json").json()
        #expect(facts["known"] == nil && facts["sha256"] as? String == BrowserPage.digest(of: changed))
        #expect(try Program.run("verify-page", service.url, "--json").json()["known"] as? String == "own")
        #expect(try Program.run("verify-page", service.url + "/v1/nothing").status == 2)
        #expect(try Program.run("verify-page", "nofile.html").status == 2)
        let version = try Program.run("--version")
        #expect(version.status == 0 && version.output.hasSuffix("\nroundrobin.html sha256:\(page.digest)\n"))
    }
}
