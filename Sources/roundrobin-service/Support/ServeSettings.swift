import Client
import Foundation
import Petitions
import Presentation
import Service
import Yams

/// What somebody has set: by a flag, else in the environment, else in the configuration file.
struct ServeSettings {
    /// What is wrong, and where.
    struct Fault: Error, CustomStringConvertible {
        let place: String
        let what: String
        var description: String {
            place.isEmpty ? what : words("settingFault.place", ["place": place, "what": what])
        }
    }

    /// What is wrong in the configuration file.
    struct FileFault: Error {
        let file: String
        let fault: Fault
    }

    /// Values that fit their settings, by key.
    private var values: [String: String] = [:]

    /// What stands in a YAML file, with nothing in it that the service does not know.
    /// - Parameter file: its path; nil for nothing.
    /// - Throws: `FileFault`.
    init(file: String?) throws(FileFault) {
        guard let file else { return }
        do { try read(file: file) } catch { throw FileFault(file: file, fault: error) }
    }

    private mutating func read(file: String) throws(Fault) {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw Fault(place: file, what: words("settingFault.unreadable"))
        }
        let text: String
        do { text = try OutsideText.read([UInt8](data)) } catch {
            switch error {
            case .encoding: throw Fault(place: file, what: words("settingFault.encoding"))
            case .control(let line, let scalar):
                throw Fault(
                    place: words("settingFault.fileLine", ["file": file, "line": "\(line)"]),
                    what: words("settingFault.control", ["code": ReadableText.code(scalar)]))
            }
        }
        try read(text)
    }

    /// Takes what the environment says instead, and what the command line says instead of either.
    /// - Parameter flags: by key.
    /// - Throws: `Fault`.
    mutating func take(environment: [String: String], flags: [String: String]) throws(Fault) {
        for setting in Setting.all {
            // An empty variable is one that somebody meant to unset.
            if let text = environment[setting.variable], !text.isEmpty { try set(setting, text, at: setting.variable) }
            if let text = flags[setting.key] { try set(setting, text, at: "--" + setting.flag) }
        }
    }

    private mutating func set(_ setting: Setting, _ text: String, at place: String) throws(Fault) {
        switch setting.kind {
        case .text: values[setting.key] = text
        case .choice(let choices):
            guard choices.contains(text) else {
                throw Fault(
                    place: place, what: words("settingFault.choice", ["choices": Words.list(choices)]))
            }
            values[setting.key] = text
        case .number(let range):
            guard let number = Int(text.replacing("_", with: "")), range.contains(number) else {
                throw Fault(
                    place: place,
                    what: words(
                        "settingFault.number", ["from": "\(range.lowerBound)", "to": "\(range.upperBound)"]))
            }
            values[setting.key] = "\(number)"
        }
    }

    // MARK: The file

    private mutating func read(_ text: String) throws(Fault) {
        let root: Node?
        do { root = try Yams.compose(yaml: text) } catch {
            throw Fault(place: "", what: TemplateText.say(yaml: error, in: text))
        }
        // A file of nothing but comments has no root.
        guard let root else { return }
        try read(root, in: "", line: nil)
    }

    /// Takes up a section's settings, and those of the sections in it.
    private mutating func read(_ node: Node, in section: String, line: Int?) throws(Fault) {
        guard case .mapping(let mapping) = node else {
            throw Fault(place: Self.place(section, line), what: words("settingFault.mapping"))
        }
        var seen: Set<String> = []
        for (name, value) in mapping {
            guard let text = name.string, seen.insert(text).inserted else {
                throw Fault(place: section, what: words("settingFault.twice"))
            }
            let key = section.isEmpty ? text : section + "." + text
            let line = name.mark?.line
            if let setting = Setting.all.first(where: { $0.key == key }) {
                guard case .scalar(let scalar) = value, !scalar.string.isEmpty else {
                    throw Fault(place: Self.place(key, line), what: words("settingFault.scalar"))
                }
                try set(setting, scalar.string, at: Self.place(key, line))
            } else if Setting.all.contains(where: { $0.key.hasPrefix(key + ".") }) {
                try read(value, in: key, line: line)
            } else {
                throw Fault(place: Self.place(key, line), what: words("settingFault.unknown"))
            }
        }
    }

    private static func place(_ key: String, _ line: Int?) -> String {
        line.map { words("settingFault.line", ["key": key, "line": "\($0)"]) } ?? key
    }

    // MARK: What was set

    subscript(setting: Setting) -> String? { values[setting.key] }

    /// A number that was set, or nil.
    func number(_ setting: Setting) -> Int? { values[setting.key].flatMap { Int($0) } }

    var limits: ServiceConfiguration.Limits {
        var limits = ServiceConfiguration.Limits()
        for setting in Setting.limits {
            if let number = number(setting) { setting.limit?(&limits, number) }
        }
        return limits
    }
}
