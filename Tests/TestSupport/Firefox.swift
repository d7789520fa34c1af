import ChildProcesses
import Foundation

/// A browser in which tests open the page and act as a person does.
public protocol DrivenBrowser {
    /// Opens an address at a width, in light or dark.
    func open(_ url: String, width: Int, dark: Bool) throws
    /// The value of an expression in the page.
    func evaluate(_ expression: String) throws -> Any?
    /// Chooses a file in the input that a CSS selector finds.
    func choose(_ path: String, in selector: String) throws
    func close()
}

/// A headless Firefox, controlled with the Marionette protocol over a loopback port.
public final class Firefox: DrivenBrowser {
    public struct Failed: Error { let why: String }

    private let process: ChildProcess
    private let directory: TemporaryDirectory
    private let connection: Int32
    private var buffer: [UInt8] = []
    private var next = 1

    public init() throws {
        directory = try TemporaryDirectory()
        let (port, profile) = (FreePorts.take(), directory("profile"))
        try FileManager.default.createDirectory(atPath: profile, withIntermediateDirectories: true)
        // It asks nobody for anything but what a test opens.
        let preferences = [
            "marionette.port": "\(port)", "browser.shell.checkDefaultBrowser": "false",
            "datareporting.policy.dataSubmissionEnabled": "false", "network.captive-portal-service.enabled": "false",
            "network.connectivity-service.enabled": "false", "app.normandy.enabled": "false",
            "services.settings.server": "\"data:,\"", "toolkit.telemetry.enabled": "false",
            "browser.safebrowsing.update.enabled": "false", "extensions.update.enabled": "false",
        ]
        let lines = preferences.map { "user_pref(\"\($0.key)\", \($0.value));\n" }
        try Data(lines.joined().utf8).write(to: URL(filePath: profile + "/user.js"))
        let environment = ProcessInfo.processInfo.environment.merging([
            "HOME": directory.path, "MOZ_CRASHREPORTER_DISABLE": "1",
        ]) { $1 }
        process = try ChildProcess(
            ["firefox-esr", "--headless", "--marionette", "--no-remote", "--profile", profile, "about:blank"],
            environment: environment, output: .nothing, error: .nothing)
        connection = try Self.connect(to: port)
        _ = try receive()
        _ = try call("WebDriver:NewSession", ["capabilities": ["alwaysMatch": ["acceptInsecureCerts": false]]])
    }

    private static func connect(to port: Int) throws -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        for _ in 0..<6000 {
            let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            let result = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Foundation.connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if result == 0 { return connection }
            Foundation.close(connection)
            usleep(20_000)
        }
        throw Failed(why: "Firefox does not listen")
    }

    public func close() {
        _ = try? call("Marionette:Quit", ["flags": ["eForceQuit"]])
        Foundation.close(connection)
        process.send(SIGTERM)
        process.wait()
    }

    /// Sends a command, and waits for its response: `[1, id, error, result]`.
    private func call(_ command: String, _ parameters: [String: Any] = [:]) throws -> Any? {
        let id = next
        next += 1
        let body = [UInt8](try JSONSerialization.data(withJSONObject: [0, id, command, parameters] as [Any]))
        let bytes = Array("\(body.count):".utf8) + body
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { write(connection, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Failed(why: "Firefox is gone") }
            sent += count
        }
        while true {
            guard let answer = try receive() as? [Any], answer.count == 4 else { throw Failed(why: "no answer") }
            guard answer[1] as? Int == id else { continue }
            guard answer[2] is NSNull else { throw Failed(why: "\(command): \(answer[2])") }
            return answer[3]
        }
    }

    private func value(_ answer: Any?) -> Any? {
        let value = (answer as? [String: Any])?["value"]
        return value is NSNull ? nil : value
    }

    /// One message: its length in decimal digits, a colon, and JSON.
    private func receive() throws -> Any {
        while true {
            if let colon = buffer.firstIndex(of: UInt8(ascii: ":")),
                let length = Int(String(decoding: buffer[..<colon], as: UTF8.self)),
                buffer.count >= colon + 1 + length
            {
                let message = Data(buffer[(colon + 1)..<(colon + 1 + length)])
                buffer.removeFirst(colon + 1 + length)
                return try JSONSerialization.jsonObject(with: message)
            }
            var waiting = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, 120_000) == 1 else { throw Failed(why: "Firefox does not answer") }
            var chunk = [UInt8](repeating: 0, count: 65_536)
            let count = read(connection, &chunk, chunk.count)
            guard count > 0 else { throw Failed(why: "Firefox is gone") }
            buffer += chunk[..<count]
        }
    }

    /// - Parameter dark: has no effect here.
    public func open(_ url: String, width: Int, dark: Bool) throws {
        _ = try call("WebDriver:SetWindowRect", ["width": width, "height": 900])
        _ = try call("WebDriver:Navigate", ["url": url])
    }

    public func evaluate(_ expression: String) throws -> Any? {
        value(try call("WebDriver:ExecuteScript", ["script": "return (\(expression))", "args": [Any]()]))
    }

    public func choose(_ path: String, in selector: String) throws {
        let found = value(try call("WebDriver:FindElement", ["using": "css selector", "value": selector]))
        guard let element = (found as? [String: Any])?.values.first as? String else {
            throw Failed(why: "no \(selector)")
        }
        _ = try call("WebDriver:ElementSendKeys", ["id": element, "text": path])
    }

    public func screenshot(to path: String) throws {
        let image = value(try call("WebDriver:TakeScreenshot", ["full": true])) as? String ?? ""
        try Data(base64Encoded: image)?.write(to: URL(filePath: path))
    }
}
