import Foundation
import Logging
import Service
import Yams

/// A service's configuration file: YAML, with nothing in it that the service does not know. docs/operations.md has all of it.
struct ServiceFile {
    /// What is wrong, and where.
    struct Fault: Error, CustomStringConvertible {
        let place: String
        let what: String
        var description: String { place.isEmpty ? what : "\(place): \(what)" }
    }

    var database: String?
    var heads: String?
    var listen: String?
    var name: String?
    var tlsCertificate: String?
    var tlsKey: String?
    var mixEvery: Int?
    var mixAtLeast: Int?
    var witnesses: String?
    var witnessPatience: Int?
    var metrics: String?
    var drain: Int?
    var logLevel: String?
    var logFormat: String?
    var limits = ServiceConfiguration.Limits()

    init() {}

    init(contentsOf path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Fault(place: path, what: "cannot be read")
        }
        try self.init(parsing: String(decoding: data, as: UTF8.self))
    }

    init(parsing text: String) throws {
        let root: Node?
        do { root = try Yams.compose(yaml: text) } catch { throw Fault(place: "", what: "it is no YAML: \(error)") }
        // A file of nothing but comments.
        guard let root else { return }
        var file = try Section(root, "")
        database = try file.text("database")
        heads = try file.text("heads")
        listen = try file.text("listen")
        name = try file.text("name")
        metrics = try file.text("metrics")
        drain = try file.number("drain", 0...300)
        if var tls = try file.section("tls") {
            tlsCertificate = try tls.text("certificate")
            tlsKey = try tls.text("key")
            try tls.finish()
        }
        if var mix = try file.section("mix") {
            mixEvery = try mix.number("every", 1...21_600)
            mixAtLeast = try mix.number("at-least", 1...10_000)
            try mix.finish()
        }
        if var section = try file.section("witnesses") {
            witnesses = try section.text("policy")
            witnessPatience = try section.number("patience", 1...60)
            try section.finish()
        }
        if var log = try file.section("log") {
            logLevel = try log.text("level")
            logFormat = try log.text("format")
            try log.finish()
        }
        if var section = try file.section("limits") {
            try Self.read(&section, into: &limits)
            try section.finish()
        }
        try file.finish()
    }

    private static func read(_ section: inout Section, into limits: inout ServiceConfiguration.Limits) throws {
        func number(
            _ key: String, _ place: WritableKeyPath<ServiceConfiguration.Limits, Int>, _ range: ClosedRange<Int>
        )
            throws
        {
            if let value = try section.number(key, range) { limits[keyPath: place] = value }
        }
        func seconds(_ key: String, _ place: WritableKeyPath<ServiceConfiguration.Limits, Duration>) throws {
            if let value = try section.number(key, 1...3600) { limits[keyPath: place] = .seconds(value) }
        }
        func rate(
            _ key: String, _ place: WritableKeyPath<ServiceConfiguration.Limits, ServiceConfiguration.Rate>
        ) throws {
            guard var rate = try section.section(key) else { return }
            if let burst = try rate.number("burst", 0...10_000_000) { limits[keyPath: place].burst = burst }
            if let hourly = try rate.number("per-hour", 1...1_000_000_000) {
                limits[keyPath: place].perSecond = Double(hourly) / 3600
            }
            try rate.finish()
        }
        try number("object-bytes", \.object, 4096...16 << 20)
        try number("workplace-bytes", \.stored, 1 << 16...1 << 50)
        try number("waiting-statements", \.queue, 1...1_000_000)
        try number("connections", \.connections, 1...1_000_000)
        try number("connections-per-network", \.connectionsPerNetwork, 1...1_000_000)
        try number("answer-bytes", \.answers, 32 << 20...1 << 40)
        try number("cosignatures-per-tag", \.replacements, 1...1_000_000)
        try seconds("head-seconds", \.idle)
        try seconds("body-seconds", \.request)
        try seconds("answer-seconds", \.answer)
        try rate("requests", \.requests)
        try rate("foundings", \.foundings)
        try rate("statements", \.statements)
        try rate("objects", \.objects)
    }

    /// A mapping whose keys are taken one by one; what is left over is a mistake.
    private struct Section {
        private var left: [String: Node] = [:]
        /// Where each key stands.
        private var lines: [String: Int] = [:]
        private let place: String

        init(_ node: Node, _ place: String) throws {
            self.place = place
            guard case .mapping(let mapping) = node else { throw Fault(place: place, what: "must be keys with values") }
            for (key, value) in mapping {
                guard let name = key.string, left.updateValue(value, forKey: name) == nil else {
                    throw Fault(place: place, what: "a key stands there twice")
                }
                lines[name] = key.mark?.line
            }
        }

        private func at(_ key: String) -> String { place.isEmpty ? key : "\(place).\(key)" }

        /// The same for who looks for it.
        private func found(_ key: String) -> String { at(key) + (lines[key].map { " (line \($0))" } ?? "") }

        mutating func text(_ key: String) throws -> String? {
            guard let node = left.removeValue(forKey: key) else { return nil }
            guard case .scalar(let scalar) = node, !scalar.string.isEmpty else {
                throw Fault(place: found(key), what: "must be a text")
            }
            return scalar.string
        }

        mutating func number(_ key: String, _ range: ClosedRange<Int>) throws -> Int? {
            guard let text = try text(key) else { return nil }
            guard let number = Int(text.replacing("_", with: "")), range.contains(number) else {
                throw Fault(place: found(key), what: "must be a number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }

        mutating func section(_ key: String) throws -> Section? {
            guard let node = left.removeValue(forKey: key) else { return nil }
            return try Section(node, at(key))
        }

        func finish() throws {
            if let key = left.keys.sorted().first { throw Fault(place: found(key), what: "is not known") }
        }
    }
}
