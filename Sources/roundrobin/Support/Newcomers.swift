import Client

/// Who of a list is to be invited. A list that has grown is given again, so whoever the directory has by name and team
/// is left out; as often as the directory has them, because two people may have one name and one team.
struct Newcomers {
    /// People who have no invite yet: those that the directory does not have, and those whose invite was never issued.
    let toInvite: [DirectoryEntry]
    /// People of the list who are in the directory and have, or had, an invite.
    let known: Int
    /// How many of those the directory does not have.
    var newCount: Int { names.count - knownNames }
    /// The directory's names, and behind them those of new people.
    private let names: [String]
    private let knownNames: Int

    private struct Identity: Hashable {
        let name: String
        let team: String

        init(_ entry: DirectoryEntry) { (name, team) = (Likeness.exact(entry.name), Likeness.exact(entry.team)) }
    }

    init(_ listed: [DirectoryEntry], in directory: Directory) {
        var waiting = Dictionary(grouping: directory.entries.reversed(), by: Identity.init)
        var (toInvite, fresh): ([DirectoryEntry], [DirectoryEntry]) = ([], [])
        for person in listed {
            let identity = Identity(person)
            guard let entry = waiting[identity]?.popLast() else {
                fresh.append(person)
                toInvite.append(person)
                continue
            }
            // One whose invite was never issued, because the connection broke, gets one now.
            if directory.state(of: entry) == .none { toInvite.append(entry) }
        }
        self.toInvite = toInvite
        known = listed.count - toInvite.count
        names = directory.entries.map(\.name) + fresh.map(\.name)
        knownNames = directory.entries.count
    }

    /// Names that could be taken for one another where one of the two is new: what was accepted before is not asked about again. Each
    /// pair of names stands there once.
    var likenesses: [(first: String, second: String, likeness: Likeness)] {
        var seen: Set<[String]> = []
        return Likeness.pairs(names).compactMap { pair in
            guard pair.second >= knownNames, seen.insert([names[pair.first], names[pair.second]]).inserted else {
                return nil
            }
            return (names[pair.first], names[pair.second], pair.likeness)
        }
    }
}
