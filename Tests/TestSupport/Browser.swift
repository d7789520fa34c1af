import ChildProcesses
import Foundation

/// A headless Chromium, controlled with the DevTools protocol over two pipes; nothing listens on a port.
public final class Browser: DrivenBrowser {
    public struct Failed: Error { let why: String }

    private let process: ChildProcess
    private let directory: TemporaryDirectory
    private let (toBrowser, fromBrowser): (Int32, Int32)
    private var buffer: [UInt8] = []
    private var next = 1
    private var session: String?
    /// Every address that was requested since the last `open`.
    public private(set) var requests: [String] = []

    /// - Parameter arguments: further ones of the browser.
    public init(arguments: [String] = []) throws {
        directory = try TemporaryDirectory()
        let (input, output) = (directory("to"), directory("from"))
        guard mkfifo(input, 0o600) == 0, mkfifo(output, 0o600) == 0 else { throw Failed(why: "mkfifo") }
        // For reading and writing, so that opening does not wait for the other side.
        toBrowser = Foundation.open(input, O_RDWR | O_CLOEXEC)
        fromBrowser = Foundation.open(output, O_RDWR | O_CLOEXEC)
        let command = [
            "/bin/sh", "-c",
            "exec chromium --headless --no-sandbox --disable-gpu --remote-debugging-pipe --no-first-run "
                + "--disable-background-networking \(arguments.joined(separator: " ")) --user-data-dir='\(directory("profile"))' 3<'\(input)' 4>'\(output)'",
        ]
        process = try ChildProcess(command, output: .nothing, error: .nothing)
        let target = try call("Target.createTarget", ["url": "about:blank"])
        guard let id = target["targetId"] as? String,
            let session = try call("Target.attachToTarget", ["targetId": id, "flatten": true])["sessionId"] as? String
        else { throw Failed(why: "no target") }
        self.session = session
        for domain in ["Page", "Network", "Accessibility", "Runtime"] { try call(domain + ".enable") }
    }

    public func close() {
        process.send(SIGTERM)
        process.wait()
        Foundation.close(toBrowser)
        Foundation.close(fromBrowser)
    }

    /// Sends a command and waits for its response, and records the requests that pages make meanwhile.
    @discardableResult
    public func call(_ method: String, _ parameters: [String: Any] = [:]) throws -> [String: Any] {
        let id = next
        next += 1
        var message: [String: Any] = ["id": id, "method": method, "params": parameters]
        if let session { message["sessionId"] = session }
        let bytes = [UInt8](try JSONSerialization.data(withJSONObject: message)) + [0]
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { write(toBrowser, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Failed(why: "the browser is gone") }
            sent += count
        }
        while true {
            let answer = try receive()
            if answer["id"] as? Int == id {
                if let error = answer["error"] { throw Failed(why: "\(method): \(error)") }
                return answer["result"] as? [String: Any] ?? [:]
            }
        }
    }

    private func receive() throws -> [String: Any] {
        while true {
            if let end = buffer.firstIndex(of: 0) {
                let message = try JSONSerialization.jsonObject(with: Data(buffer[..<end])) as? [String: Any] ?? [:]
                buffer.removeFirst(end + 1)
                if message["method"] as? String == "Network.requestWillBeSent",
                    let request = (message["params"] as? [String: Any])?["request"] as? [String: Any],
                    let url = request["url"] as? String
                {
                    requests.append(url)
                }
                return message
            }
            var waiting = pollfd(fd: fromBrowser, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, 30_000) == 1 else { throw Failed(why: "the browser does not answer") }
            var chunk = [UInt8](repeating: 0, count: 65_536)
            let count = read(fromBrowser, &chunk, chunk.count)
            guard count > 0 else { throw Failed(why: "the browser is gone") }
            buffer += chunk[..<count]
        }
    }

    /// Opens a page at a width, in light or dark, and waits until its layout is complete.
    public func open(_ url: String, width: Int = 1000, dark: Bool = false, language: String = "en") throws {
        requests = []
        try call(
            "Emulation.setDeviceMetricsOverride",
            ["width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false])
        try call(
            "Emulation.setEmulatedMedia",
            ["features": [["name": "prefers-color-scheme", "value": dark ? "dark" : "light"]]])
        try call("Network.setExtraHTTPHeaders", ["headers": ["Accept-Language": language]])
        try call("Page.navigate", ["url": url])
        for _ in 0..<100 {
            if try evaluate("document.readyState") as? String == "complete",
                try evaluate("location.href.split('#')[0]") as? String
                    == url.split(separator: "#").first.map(String.init)
            {
                return
            }
            usleep(20_000)
        }
        throw Failed(why: "\(url) does not load")
    }

    public func open(_ url: String, width: Int, dark: Bool) throws {
        try open(url, width: width, dark: dark, language: "en")
    }

    public func choose(_ path: String, in selector: String) throws {
        let document = try call("DOM.getDocument")["root"] as? [String: Any]
        let input = try call("DOM.querySelector", ["nodeId": document?["nodeId"] ?? 0, "selector": selector])["nodeId"]
        try call("DOM.setFileInputFiles", ["files": [path], "nodeId": input ?? 0])
    }

    public func evaluate(_ script: String) throws -> Any? {
        let result = try call("Runtime.evaluate", ["expression": script, "returnByValue": true])
        if let exception = result["exceptionDetails"] { throw Failed(why: "\(exception)") }
        return (result["result"] as? [String: Any])?["value"]
    }

    public struct Node {
        public let role: String
        public let name: String
    }

    /// What a screen reader gets.
    public func accessibility() throws -> [Node] {
        let tree = try call("Accessibility.getFullAXTree")["nodes"] as? [[String: Any]] ?? []
        return tree.filter { $0["ignored"] as? Bool != true }.map { node in
            func text(_ key: String) -> String { (node[key] as? [String: Any])?["value"] as? String ?? "" }
            return Node(role: text("role"), name: text("name"))
        }
    }

    public func screenshot(to path: String) throws {
        let image = try call("Page.captureScreenshot", ["captureBeyondViewport": true])["data"] as? String ?? ""
        try Data(base64Encoded: image)?.write(to: URL(filePath: path))
    }

    /// Texts whose contrast with their background is below the minimum of WCAG 2.2, 1.4.3 (4.5, or 3 for large text).
    public func poorContrast() throws -> [String] {
        try evaluate(Self.contrast) as? [String] ?? ["no answer"]
    }

    private static let contrast = """
        (() => {
          const parse = c => (c.match(/[0-9.]+/g) || []).map(Number);
          const light = c => { const f = v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
            return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]); };
          const behind = e => { for (let n = e; n; n = n.parentElement) {
            const c = parse(getComputedStyle(n).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
          const poor = [];
          const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walk.nextNode()) {
            const text = walk.currentNode.textContent.trim(), e = walk.currentNode.parentElement;
            if (!text || e.closest('style')) continue;
            const s = getComputedStyle(e), size = parseFloat(s.fontSize), bold = parseInt(s.fontWeight) >= 700;
            const a = light(parse(s.color)), b = light(behind(e));
            const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            if (ratio < (size >= 24 || (bold && size >= 18.66) ? 3 : 4.5)) poor.push(text.slice(0, 40) + ' ' + ratio.toFixed(2));
          }
          return poor;
        })()
        """
}
