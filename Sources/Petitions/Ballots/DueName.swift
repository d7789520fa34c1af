// docs/protocol.md, section 6, "Names on a condition", and section 9

import MembershipProofs
import Sodium

/// A standing co-signature with a name whose level has been released: its sealed name must be in the bundle.
public struct DueName: Sendable {
    let petition: ID<Petition>
    /// The co-signer's tag.
    public let tag: LinkingTag
    let standing: PetitionLog.Standing

    /// Whether these bytes are the sealed name that the co-signature announced.
    public func isMet(by sealed: [UInt8]) -> Bool {
        SealedName.digest(of: sealed, petition: petition, tag: tag, sequence: standing.sequence) == standing.nameDigest
    }
}

extension CoSigned {
    /// Whether these bytes are the sealed name that this co-signature announces.
    public func isNamed(by sealed: [UInt8]) -> Bool {
        level > 0
            && SealedName.digest(of: sealed, petition: petition, tag: tag, sequence: sequence) == nameDigest
    }
}

extension PetitionLog {
    /// All due names, in the order of their leaves.
    public var namesDue: [DueName] {
        tags.filter { $0.value.action == .sign && $0.value.level > 0 && isReleased(Int($0.value.level)) }
            .sorted { $0.value.leaf < $1.value.leaf }
            .map { DueName(petition: id, tag: $0.key, standing: $0.value) }
    }

    /// Those of the given sealed names that are due, in the order of their leaves.
    public func due(among sealed: [[UInt8]]) -> [[UInt8]] {
        let (matched, _) = match(names: sealed)
        return matched.sorted { $0.standing.leaf < $1.standing.leaf }.map { $0.sealed }
    }

    func open(names: [[UInt8]]) -> ([ReleasedName], [Fault]) {
        let (matched, faults) = match(names: names)
        let released = SealedName.open(matched, in: self).sorted {
            $0.member == $1.member
                ? $0.name.unicodeScalars.lexicographicallyPrecedes($1.name.unicodeScalars) : $0.member < $1.member
        }
        return (released, faults)
    }

    /// Matches sealed names with due ones. Lines that come in the order of the leaves match at the first comparison.
    /// Others are searched for, within a limit on comparisons that an honest file cannot reach: each comparison costs a
    /// hash, and a hostile file would otherwise force all pairs.
    private func match(names: [[UInt8]]) -> ([SealedName.Due], [Fault]) {
        let due = namesDue
        var isMet = [Bool](repeating: false, count: due.count)
        var matched: [SealedName.Due] = []
        var faults: [Fault] = []
        var next = 0
        var comparisons = 64 * due.count + 4096
        for (line, sealed) in names.enumerated() {
            func meets(_ place: Int) -> Bool {
                guard !isMet[place], comparisons > 0 else { return false }
                comparisons -= 1
                return due[place].isMet(by: sealed)
            }
            guard let place = (next..<due.count).first(where: meets) ?? (0..<next).first(where: meets) else {
                faults.append(
                    Fault(.name(line: line), .nameUnknown)
                )
                continue
            }
            if place < next { faults.append(Fault(.name(line: line), .nameOrder)) }
            isMet[place] = true
            next = max(next, place + 1)
            matched.append(SealedName.Due(sealed: sealed, tag: due[place].tag, standing: due[place].standing))
        }
        let missing = isMet.count { !$0 }
        if missing > 0 { faults.append(Fault(.names, .namesMissing(missing))) }
        return (matched, faults)
    }
}
