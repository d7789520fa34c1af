import Foundation
import TestSupport
import Testing

@Suite(
    "A page that was saved as a file reads the service and sends to it, without credentials", .ownThreads, .serialized)
struct CrossOriginTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Runs an asynchronous script in the page, and waits for its result.
    private func run(_ script: String, in browser: Browser) throws -> String {
        let result = try browser.call(
            "Runtime.evaluate",
            [
                "expression": "(async () => { try { \(script) } catch (error) { return 'refused: ' + error.name } })()",
                "awaitPromise": true, "returnByValue": true,
            ])
        return (result["result"] as? [String: Any])?["value"] as? String ?? ""
    }

    @Test("From a file, in a real browser: a checkpoint is read, bytes are posted, signed requests may be made")
    func file() throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        let world = try Stage(service: service, directory: directory)
        let id = try world.petition()
        let page = directory("page.html")
        try Data("<!doctype html><title>x</title><h1>x</h1>".utf8).write(to: URL(filePath: page))
        let browser = try Browser()
        defer { browser.close() }
        try browser.open("file://" + page)
        #expect(try run("return String(self.origin)", in: browser) == "null")
        let base = service.url
        let checkpoint = try run(
            "const r = await fetch('\(base)/petition/\(id)/checkpoint'); return r.status + ' ' + await r.text()",
            in: browser)
        #expect(checkpoint.hasPrefix("200 ") && checkpoint.contains("/petition/\(id)\n"), "\(checkpoint)")
        // These bytes are not a co-signature, and the page can read that the service says so.
        let posted = try run(
            """
            const r = await fetch('\(base)/v1/petitions/\(id)/cosignatures', {
                method: 'POST', headers: {'Content-Type': 'application/octet-stream'}, body: new Uint8Array([1, 2, 3]) });
            return r.status + ' ' + (await r.json()).type
            """, in: browser)
        #expect(posted.hasPrefix("400 urn:roundrobin:problem:"), "\(posted)")
        let signed = try run(
            """
            const r = await fetch('\(base)/v1/workplaces/\(String(repeating: "0", count: 64))/wraps', {
                method: 'PUT', body: '{}', headers: {'Content-Type': 'application/json', 'Signature': 'rr=:AA==:',
                'Signature-Input': 'rr=()', 'Content-Digest': 'sha-256=:AA==:'} });
            return r.status + ' ' + (await r.json()).type
            """, in: browser)
        #expect(signed == "401 urn:roundrobin:problem:not-authenticated", "\(signed)")
        let credentials = try run(
            "const r = await fetch('\(base)/v1/service', {credentials: 'include'}); return r.status + ''", in: browser)
        #expect(credentials == "refused: TypeError", "\(credentials)")
        let custom = try run(
            "const r = await fetch('\(base)/v1/service', {headers: {'X-Member': 'a'}}); return r.status + ''",
            in: browser)
        #expect(custom == "refused: TypeError", "no other header goes out: \(custom)")
        let pages = try run("const r = await fetch('\(base)/verify'); return r.status + ''", in: browser)
        #expect(pages == "refused: TypeError", "pages for people are not for other pages: \(pages)")
    }
}
