import ChildProcesses
import Foundation
import Templates
import TestSupport
import Testing

/// The page as `make web` makes it, opened from a file in a real browser.
struct PageDriver {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let file = root.appending(path: ".build/web/roundrobin.html").path
    static let module = root.appending(path: ".build/web/module/roundrobin.wasm").path

    static func html() throws -> String {
        try #require(FileManager.default.fileExists(atPath: file), "make web makes the page")
        return try String(contentsOfFile: file, encoding: .utf8)
    }

    let browser: any DrivenBrowser

    /// Opens the page, and waits until it can verify.
    /// - Parameter url: of the file, if no service serves it.
    init(_ browser: any DrivenBrowser, width: Int = 1000, dark: Bool = false, url: String = "file://" + file) throws {
        self.browser = browser
        _ = try Self.html()
        try browser.open(url, width: width, dark: dark)
        try wait("document.documentElement.dataset.ready !== undefined")
        // A worker's console is not seen here, so what it could not do is seen by the notice.
        try wait("!document.getElementById('form').hidden")
    }

    func wait(_ condition: String) throws {
        for _ in 0..<3000 {
            if try browser.evaluate(condition) as? Bool == true { return }
            usleep(20_000)
        }
        throw Timeout(condition: condition)
    }

    struct Timeout: Error { let condition: String }

    func speak(_ language: Language) throws {
        _ = try browser.evaluate("document.querySelector('[data-language=\(language.rawValue)]').click()")
        try wait("!document.getElementById('result').ariaBusy || document.getElementById('result').ariaBusy != 'true'")
    }

    /// What the page says of a file.
    struct Said {
        let outcome: String
        /// A line for each of the page's blocks, without bars and without what only sets lines apart.
        let lines: [String]
    }

    /// Chooses a file as a person does, and waits for the result.
    func verify(_ path: String, id: String = "", exact: Bool = false) throws -> Said {
        _ = try browser.evaluate(
            """
            (() => {
              delete document.getElementById('result').dataset.outcome;
              document.getElementById('id').value = '\(id)';
              document.getElementById('exact').checked = \(exact);
              // Choosing the same file again is no change.
              document.getElementById('file').value = '';
            })()
            """)
        try browser.choose(path, in: "#file")
        try wait("document.getElementById('result').dataset.outcome !== undefined")
        return try said()
    }

    func said() throws -> Said {
        let lines = try browser.evaluate(
            """
            [...document.querySelectorAll('#lines > p, #lines > h3, #lines li, #lines dt, #lines dd')].map((e) => {
              const copy = e.cloneNode(true);
              for (const bar of copy.querySelectorAll('.bar')) bar.remove();
              return copy.textContent;
            })
            """)
        return Said(
            outcome: try browser.evaluate("document.getElementById('result').dataset.outcome") as? String ?? "",
            lines: lines as? [String] ?? [])
    }
}
