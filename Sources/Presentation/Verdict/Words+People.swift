import Petitions
import Sodium

extension Words {
    /// What the log and the workplace know a member by: number, key and pseudonym.
    package static func handle(_ person: NamedMember) -> String {
        let key = String(person.key.hex.prefix(8))
        guard let number = person.number else { return words("person.unknown", ["key": key]) }
        var values = ["number": "\(number)", "key": key]
        guard let pseudonym = person.pseudonym else { return words("person.member", values) }
        values["name"] = Terminal.harmless(pseudonym)
        return person.isConfusable ? words("person.confusable", values) : words("person.named", values)
    }
}
