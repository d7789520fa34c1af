import Client
import CoSigning
import Foundation
import Petitions
import Sodium

/// What waits and what happened, as a member reads it.
package enum StatusText {
    package static func show(_ status: MemberStatus) {
        Terminal.line(
            Terminal.barred(status.members, of: Int(status.eligible)) { bar in
                words(
                    "status.workplace",
                    ["bar": bar, "members": "\(status.members)", "eligible": "\(status.eligible)"])
            })
        if status.members > Int(status.eligible) { Terminal.warning(words("members.tooMany")) }
        let (open, closed) = (status.opened.filter(\.isOpen), status.opened.filter { !$0.isOpen })
        for petition in open { show(petition, status) }
        for id in status.announced {
            let title = status.plannedTitles[id].map { Terminal.bold(Terminal.harmless($0)) + "  " } ?? ""
            Terminal.line("\n" + title + words("petition.announced"))
            Terminal.line(Terminal.faint("  " + id.hex))
        }
        for petition in status.petitions {
            if let failure = petition.failure {
                Terminal.warning("\(petition.id.hex.prefix(16))  \(failure.what) \(failure.nextStep)")
            }
        }
        if !closed.isEmpty { Terminal.line("\n" + Terminal.bold(words("status.closed"))) }
        for petition in closed {
            guard let tally = petition.tally, let manifest = petition.log?.manifest else { continue }
            let receipts =
                petition.receipts > 0 ? [words("status.receipts", count: petition.receipts)] : []
            Terminal.line(
                "  \(petition.id.hex.prefix(16))  \(PetitionText.title(petition))  "
                    + words(
                        "status.count", ["count": "\(tally.cosignatures)", "ring": "\(tally.ring)"])
                    + "  "
                    + Words.clauses([PetitionText.own(petition.own, manifest, standing: petition.standing)] + receipts))
            notes(petition, status)
        }
        Terminal.line("\n" + Terminal.bold(words("status.waits")))
        if status.tasks.isEmpty { Terminal.line("  " + words("status.nothing")) }
        for task in status.tasks { Terminal.line("  · " + line(task, status)) }
        guard !status.news.isEmpty else { return }
        Terminal.line("\n" + Terminal.bold(words("status.news")))
        for one in status.news { Terminal.line("  · " + line(one, status)) }
    }

    package static func line(_ news: MemberStatus.News, _ status: MemberStatus) -> String {
        func petition(_ id: ID<Petition>) -> [String: String] { values(id, status) }
        func people(_ people: [NamedMember]) -> [String: String] {
            ["people": list(people.map(Words.name))]
        }
        switch news {
        case .alone: return words("news.alone")
        case .invited(let names, let count):
            guard !names.isEmpty else { return words("news.invited", count: count) }
            return words("news.invitedNames", ["people": list(names.map(Terminal.harmless))], count: count)
        case .offers(let plan, let from): return words("news.offers", values(plan, status).merging(people(from)) { $1 })
        case .acceptances(let plan, let from):
            return words("news.acceptances", values(plan, status).merging(people(from)) { $1 })
        case .releases(let id, let from, let needed):
            return words("news.releases", petition(id).merging(people(from)) { $1 }, count: needed)
        case .quorumReached(let id): return words("news.quorumReached", petition(id))
        case .outsideRing(let id): return words("news.outsideRing", petition(id))
        case .intended(let id, let notBefore):
            return notBefore > status.time
                ? words("news.intendedLater", petition(id).merging(["time": Moment.describe(notBefore)]) { $1 })
                : words("news.intended", petition(id))
        case .draft(let id, let revision, let comments):
            let known = values(id, status).merging(["revision": "\(revision)"]) { $1 }
            return comments == 0
                ? words("news.draft", known) : words("news.draftWithComments", known, count: comments)
        case .counted(let id): return words("news.counted", petition(id))
        }
    }

    /// The first few of many.
    private static func list(_ names: [String]) -> String {
        Words.list(names, atMost: 8)
    }

    private static func values(_ id: ID<Petition>, _ status: MemberStatus) -> [String: String] {
        ["id": String(id.hex.prefix(8)), "title": title(id, status)]
    }

    private static func values(_ id: ID<Object>, _ status: MemberStatus) -> [String: String] {
        ["id": String(id.hex.prefix(8)), "title": Terminal.harmless(status.titles[id] ?? "")]
    }

    /// Its own; or its plan's while it has none.
    private static func title(_ id: ID<Petition>, _ status: MemberStatus) -> String {
        let found = status.petitions.first { $0.id == id }
        if found?.view == nil, let planned = status.plannedTitles[id] { return Terminal.harmless(planned) }
        return found.map(PetitionText.title) ?? ""
    }

    private static func notes(_ petition: PetitionSummary, _ status: MemberStatus) {
        guard let view = petition.view else { return }
        for line in PetitionText.notes(view, at: status.time) { Terminal.warning(line) }
    }

    private static func show(_ petition: PetitionSummary, _ status: MemberStatus) {
        guard let log = petition.log, let tally = petition.tally else { return }
        let manifest = log.manifest
        let until =
            manifest.closes == 0
            ? words("status.untilClosed") : words("status.until", ["time": Moment.describe(manifest.closes)])
        Terminal.line("\n" + Terminal.bold(PetitionText.title(petition)) + "  " + until)
        Terminal.line(Terminal.faint("  " + petition.id.hex))
        let count = tally.cosignatures
        func row(_ whole: Int, _ text: @escaping ([String: String]) -> String) -> Terminal.BarRow {
            Terminal.BarRow(count, of: whole) { "  " + text(["bar": $0, "count": "\(count)", "whole": "\(whole)"]) }
        }
        let rows =
            [
                row(Int(manifest.quorum)) { words("status.quorum", $0) },
                row(Int(tally.eligible)) { words("status.eligible", $0) },
            ] + manifest.levels.map { row(Int($0.count)) { words("status.level", $0) } }
        for line in Terminal.barred(rows) { Terminal.line(line) }
        var own = PetitionText.own(petition.own, manifest, standing: petition.standing)
        if petition.receipts > 0 { own = Words.clauses([own, words("status.receipts", count: petition.receipts)]) }
        Terminal.line("  " + words("status.you", ["own": own]))
        notes(petition, status)
    }

    package static func line(_ task: MemberStatus.Task, _ status: MemberStatus) -> String {
        func petition(_ id: ID<Petition>) -> [String: String] { values(id, status) }
        func text(_ id: ID<Object>) -> [String: String] { values(id, status) }
        switch task {
        case .offer(let plan): return words("task.offer", text(plan))
        case .accept(let plan): return words("task.accept", text(plan))
        case .assemble(let plan): return words("task.assemble", text(plan))
        case .open(let plan): return words("task.open", text(plan))
        case .cosign(let id): return words("task.cosign", petition(id))
        case .vote(let id): return words("task.vote", petition(id))
        case .sendAgain(let id): return words("task.sendAgain", petition(id))
        case .lookAgain(let id): return words("task.lookAgain", petition(id))
        case .release(let id): return words("task.release", petition(id))
        case .releaseLevel(let id, let count):
            return words(
                "task.releaseLevel", petition(id).merging(["level": "\(count)"]) { $1 }, count: Int(count))
        case .comments(let draft, let count): return words("task.comments", text(draft), count: count)
        case .extend(let id, let missing): return words("task.extend", petition(id), count: missing)
        case .deliver(let id): return words("task.deliver", petition(id))
        case .rotateKey: return words("task.rotateKey")
        case .expiredInvites(let count): return words("task.expiredInvites", count: count)
        }
    }

    package static func line(_ event: WatchEvent, _ status: MemberStatus) -> String {
        var values: [String: String] = [:]
        if let id = event.petition {
            values["id"] = String(id.hex.prefix(8))
            let title = title(id, status)
            values["title"] = title.isEmpty ? String(id.hex.prefix(16)) : title
        }
        switch event {
        case .announced: return words("event.announced", values)
        case .opened: return words("event.opened", values)
        case .count(let id, let from, let to):
            values["from"] = "\(from)"
            values["to"] = "\(to)"
            let ring = status.petitions.first { $0.id == id }?.tally?.ring ?? 0
            values["bar"] = Terminal.bar(to, of: ring)
            return words("event.count", values)
        case .quorum: return words("event.quorum", values)
        case .level(_, let count):
            return words("event.level", values.merging(["level": "\(count)"]) { $1 }, count: Int(count))
        case .closed: return words("event.closed", values)
        case .counted: return words("event.counted", values)
        case .recorded: return words("event.recorded", values)
        case .members(let from, let to): return words("event.members", ["from": "\(from)", "to": "\(to)"])
        case .task(let task): return words("event.task", ["task": line(task, status)])
        case .alarm(let alarm): return Notices.line(alarm)
        }
    }

    package struct Facts: Encodable {
        package struct OfPetition: Encodable {
            package let petition: String
            package let title: String?
            package let kind: String
            package let open: Bool
            package let cosignatures: Int
            package let ring: Int
            package let live_seats: Int
            package let eligible: UInt32
            package let quorum: UInt32
            package let closes: UInt64
            package let you: String
            package let receipts: Int
        }
        package let members: Int
        package let eligible: UInt32
        package let petitions: [OfPetition]
        package let announced: [String]
        package let alarms: [String]
        package let waits: [String]
        package let news: [String]

        package init(_ status: MemberStatus) {
            (members, eligible) = (status.members, status.eligible)
            petitions = status.opened.compactMap { summary in
                guard let view = summary.view, let tally = summary.tally else { return nil }
                return OfPetition(
                    petition: summary.id.hex, title: view.document?.title,
                    kind: summary.isRatification ? "ratification" : "petition", open: summary.isOpen,
                    cosignatures: tally.cosignatures, ring: tally.ring, live_seats: view.seats.count,
                    eligible: tally.eligible, quorum: view.petition.manifest.quorum,
                    closes: view.petition.manifest.closes, you: summary.own.fact, receipts: summary.receipts)
            }
            alarms = status.alarms.map { Notices.line($0) }
            announced = status.announced.map(\.hex)
            waits = status.tasks.map { StatusText.line($0, status) }
            news = status.news.map { StatusText.line($0, status) }
        }
    }
}
