import CoSigning
import Petitions

/// Something that happened between two looks at a workplace.
public enum WatchEvent: Sendable, Hashable {
    /// A petition was announced.
    case announced(ID<Petition>)
    /// A petition was opened.
    case opened(ID<Petition>)
    /// A petition's count changed.
    case count(ID<Petition>, from: Int, to: Int)
    /// A petition reached its quorum.
    case quorum(ID<Petition>)
    /// A petition reached a count at which names open.
    case level(ID<Petition>, count: UInt32)
    /// A petition was closed.
    case closed(ID<Petition>)
    /// A petition's ballots were opened.
    case counted(ID<Petition>)
    /// Something was recorded; the petition has this many records now.
    case recorded(ID<Petition>, records: Int)
    /// The number of members changed.
    case members(from: Int, to: Int)
    /// The member has a new task.
    case task(MemberStatus.Task)
    /// Something does not fit what was shown before.
    case alarm(Alarm)

    /// A keyword for scripts.
    public var word: String {
        switch self {
        case .announced: "announced"
        case .opened: "opened"
        case .count: "count"
        case .quorum: "quorum"
        case .level: "level"
        case .closed: "closed"
        case .counted: "counted"
        case .recorded: "recorded"
        case .members: "members"
        case .task: "task"
        case .alarm: "alarm"
        }
    }

    /// The petition that the event is about; nil for others.
    public var petition: ID<Petition>? {
        switch self {
        case .announced(let id), .opened(let id), .count(let id, _, _), .quorum(let id), .level(let id, _),
            .closed(let id), .counted(let id), .recorded(let id, _):
            id
        case .members: nil
        case .alarm(let alarm): if case .petition(let id) = alarm.log { id } else { nil }
        case .task(let task):
            switch task {
            case .cosign(let id), .vote(let id), .sendAgain(let id), .lookAgain(let id), .release(let id),
                .releaseLevel(let id, _),
                .extend(let id, _), .deliver(let id):
                id
            default: nil
            }
        }
    }
}

extension MemberStatus {
    /// The events since an earlier look, in an order that is easy to read.
    public func events(since before: MemberStatus) -> [WatchEvent] {
        var events: [WatchEvent] = []
        if members != before.members { events.append(.members(from: before.members, to: members)) }
        let known = Dictionary(uniqueKeysWithValues: before.opened.map { ($0.id, $0) })
        for id in announced where !before.announced.contains(id) { events.append(.announced(id)) }
        for petition in opened {
            guard let log = petition.log else { continue }
            let id = petition.id
            let earlier = known[id]?.log
            if earlier == nil { events.append(.opened(id)) }
            let (from, to) = (earlier?.cosignatures ?? 0, log.cosignatures)
            if from != to { events.append(.count(id, from: from, to: to)) }
            func isCrossed(_ count: UInt32) -> Bool { UInt64(from) < UInt64(count) && UInt64(to) >= UInt64(count) }
            if isCrossed(log.manifest.quorum) { events.append(.quorum(id)) }
            for level in log.manifest.levels where isCrossed(level.count) {
                events.append(.level(id, count: level.count))
            }
            if earlier?.closure == nil, log.closure != nil { events.append(.closed(id)) }
            if earlier?.isReleased(0) != true, log.isReleased(0) { events.append(.counted(id)) }
            let records = log.records.count
            if records > earlier?.records.count ?? 0 { events.append(.recorded(id, records: records)) }
        }
        return events + tasks.filter { !before.tasks.contains($0) }.map { .task($0) }
    }
}
