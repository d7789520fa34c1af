import ArgumentParser
import Client
import Foundation
import Petitions
import Sodium
import Synchronization
import Templates

/// The texts of the language that the person reads: `--lang`, else as POSIX has it.
package enum Words {
    package static let option = "--lang"

    /// What `--lang` names; nil when it is not given, or names a language that the program does not speak.
    package static func language(in arguments: [String]) -> Language? {
        for (i, argument) in arguments.prefix(while: { $0 != "--" }).enumerated() {
            if argument == option, i + 1 < arguments.count { return Language(tag: arguments[i + 1]) }
            if argument.hasPrefix(option + "=") { return Language(tag: String(argument.dropFirst(option.count + 1))) }
        }
        return nil
    }

    /// The arguments without `--lang`, which every command takes.
    package static func without(_ arguments: [String]) -> [String] {
        var rest: [String] = []
        var place = 0
        while place < arguments.count, arguments[place] != "--" {
            if arguments[place] == option {
                place += 2
                continue
            }
            if !arguments[place].hasPrefix(option + "=") { rest.append(arguments[place]) }
            place += 1
        }
        return rest + arguments.dropFirst(min(place, arguments.count))
    }

    package static let language =
        language(in: CommandLine.arguments) ?? Language.preferred(in: ProcessInfo.processInfo.environment)

    /// Nil when the texts are not where they belong: then keys are shown, so that nothing is refused in silence.
    package static let messages = try? Messages(language, directory: TemplateLibrary.standardDirectory())

    /// The same, for what takes the texts of any language.
    package static var texts: Messages { messages ?? Messages.none(language) }

    private static let directory = Mutex<DirectoryNames?>(nil)

    /// From here on people are named as this directory has them.
    package static func naming(by names: DirectoryNames) { directory.withLock { $0 = names } }

    /// A person, wherever one is named: as the directory has them for somebody who may read it, with the number only to
    /// tell two of one name apart; else by number, key and pseudonym.
    package static func name(_ person: NamedMember) -> String {
        guard let listed = directory.withLock({ $0 })?.listed(person) else { return handle(person) }
        var values = ["name": Terminal.harmless(listed.name), "number": person.number.map(String.init) ?? ""]
        if listed.isShared, person.number != nil { return words("person.listedTwice", values) }
        guard let pseudonym = person.pseudonym, !person.isConfusable, pseudonym != listed.name else {
            return values["name"] ?? ""
        }
        values["pseudonym"] = Terminal.harmless(pseudonym)
        return words("person.listedNamed", values)
    }

    /// The same with the handle beside the directory's name, where a question is about this person and no other.
    package static func whole(_ person: NamedMember) -> String {
        guard let listed = directory.withLock({ $0 })?.listed(person) else { return handle(person) }
        return pair(Terminal.harmless(listed.name), handle(person))
    }
}

/// A text of the program in the person's language.
package func words(_ key: String, _ values: [String: String] = [:], count: Int? = nil) -> String {
    Words.messages?(key, values, count: count)
        ?? ([key] + values.sorted { $0.key < $1.key }.map(\.value)).joined(separator: " ")
}

extension Words {
    /// A key that is used with the texts of another language than the person's.
    package static func key(_ key: String) -> String { key }
}

/// What `--help` says of an argument or option, and what stands for its value there.
package func help(_ key: String, _ value: String? = nil) -> ArgumentHelp {
    ArgumentHelp("\(words("help." + key))", valueName: value)
}
