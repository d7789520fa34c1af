import MembershipProofs
import Petitions
import Sodium
import Templates
import TransparencyLog

/// What verifying leaves open, and what the reader must know to judge the count: said after every verdict.
package struct NotProven {
    /// Where the reader has the count from, and so where the id must not come from.
    package enum Origin {
        case file, service
        /// A file, whose id is the one that the reader gave.
        case named
        /// A letter to the employer, who is not sent looking for members.
        case letter
    }

    package let audited: AuditedPetition
    private let origin: Origin
    /// Keys of the ring by who issued their invites; the founder's has no invite.
    let admissions: [Bytes32: Int]

    package init(_ audited: AuditedPetition, from origin: Origin = .file) {
        (self.audited, self.origin) = (audited, origin)
        var admissions: [Bytes32: Int] = [:]
        for key in audited.petition.seats(in: audited.workplace) {
            let invite = audited.workplace.member(key)?.inviteKey
            if let issuer = invite.flatMap({ audited.workplace.issuer(ofInvite: $0) }) {
                admissions[issuer, default: 0] += 1
            }
        }
        self.admissions = admissions
    }

    var ring: Int { audited.petition.ring.count }
    private var admitted: Int { admissions.values.reduce(0, +) }
    private var most: Int { admissions.values.max() ?? 0 }

    /// Names that the co-signers gave for a count that is reached, and that are not open in this file.
    var sealedNames: Int {
        let reached = ConditionalNames(audited).levels.filter { audited.tally.cosignatures >= Int(clamping: $0.count) }
        return reached.filter { !$0.isOpen }.reduce(0) { $0 + $1.names }
    }

    package func lines(_ texts: Messages) -> [String] {
        let id = ["id": audited.petition.id.hex]
        var lines: [String] = []
        switch origin {
        case .file: lines.append(texts("notProven.id", id))
        case .named: lines.append(texts("notProven.idGiven", id))
        case .service: lines.append(texts("notProven.idFromService", id))
        case .letter: lines.append(texts("notProven.idInLetter", id))
        }
        lines.append(texts("notProven.people", count: ring))
        if !admissions.isEmpty {
            let values = ["admitted": "\(admitted)", "most": "\(most)", "ring": "\(ring)"]
            lines.append(texts("notProven.admitted", values, count: admissions.count))
        }
        lines.append(trustees(texts))
        let everybody = Everybody(audited).lines(texts)
        lines += everybody
        if everybody.isEmpty, ring < Disclosure.comfortableRing {
            lines.append(texts("notProven.smallRing", count: ring))
        }
        if !(audited.witnessed.petition.map { !$0.times.isEmpty } ?? false) { lines.append(texts("notProven.times")) }
        if audited.document == nil { lines.append(texts("notProven.wording")) }
        if sealedNames > 0 { lines.append(texts("notProven.names", count: sealedNames)) }
        return lines
    }

    private func trustees(_ texts: Messages) -> String {
        let people = audited.petition.acceptances.map { acceptance -> String in
            let person = audited.workplace.person(acceptance.signKey)
            let key = String(person.key.hex.prefix(8))
            guard let number = person.number else { return texts("person.unknown", ["key": key]) }
            return texts("person.member", ["number": "\(number)", "key": key])
        }
        let manifest = audited.petition.manifest
        return texts(
            "notProven.trustees",
            ["threshold": "\(manifest.threshold)", "people": texts.list(people)],
            count: manifest.trustees.count)
    }

    package func show() {
        Terminal.line()
        Terminal.line(Terminal.bold(words("notProven.head")))
        for line in lines(Words.texts) { Terminal.line("· " + line) }
    }

    /// With a verdict as JSON, which has no room for it: on the standard error.
    package func note() {
        Terminal.note(words("notProven.head"))
        for line in lines(Words.texts) { Terminal.note("· " + line) }
    }
}
