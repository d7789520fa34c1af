import Presentation
import Petitions
import Storage

/// What a check of a database found, for an operator.
enum CheckText {
    static func show(_ report: CheckReport, lost: [StorageError.Loss] = [], repaired: Bool = false) {
        for log in report.logs {
            switch log.name {
            case .workplace:
                Terminal.line(
                    words(
                        "care.workplace",
                        ["id": name(log.name), "members": "\(log.members)", "leaves": "\(log.leaves)"]))
            case .petition:
                var line = words(
                    "care.petition",
                    [
                        "id": name(log.name), "count": "\(log.cosignatures)", "tags": "\(log.tags)",
                        "leaves": "\(log.leaves)",
                    ])
                if log.held > 0 { line += words("care.held", ["count": "\(log.held)"]) }
                Terminal.line(line)
            }
        }
        Terminal.line(words("care.objects", count: report.objects))
        for finding in report.findings {
            let text = finding.log.map { Words.pair(name($0), say(finding.what)) } ?? say(finding.what)
            if finding.isRepaired {
                Terminal.line(Terminal.green(words("care.repaired")) + " " + text)
            } else {
                Terminal.line(Terminal.red(words("care.wrong")) + " " + text)
            }
        }
        for loss in lost { Terminal.line(Terminal.red(words("care.wrong")) + " " + say(loss)) }
        guard report.isSound, lost.isEmpty else {
            let derived = report.findings.filter { !$0.isRepaired }.allSatisfy(\.isDerived) && lost.isEmpty
            return Terminal.line(
                derived && !repaired ? words("care.repairNext") : words("care.damagedNext"))
        }
        Terminal.line(Terminal.green(words("care.sound")))
    }

    static func name(_ log: LogName) -> String {
        switch log {
        case .workplace(let id): words("care.workplaceName", ["id": id.hex])
        case .petition(let id): words("care.petitionName", ["id": id.hex])
        }
    }

    static func say(_ loss: StorageError.Loss) -> String {
        words("care.lost", ["log": name(loss.log), "has": "\(loss.has)", "signed": "\(loss.signed)"])
    }

    private static func say(_ what: CheckReport.Finding.What) -> String {
        switch what {
        case .pages(let line): words("care.pages", ["what": line])
        case .leafMissing(let leaf): words("care.leafMissing", ["leaf": "\(leaf)"])
        case .leaf(let leaf, let rule): words("care.leaf", ["leaf": "\(leaf)", "rule": rule])
        case .leafHash(let leaf): words("care.leafHash", ["leaf": "\(leaf)"])
        case .nodes(let count): words("care.nodes", count: count)
        case .size(let size): words("care.size", ["size": "\(size)"])
        case .workplace: words("care.otherWorkplace")
        case .deadline: words("care.deadline")
        case .live: words("care.live")
        case .checkpoint(let size): words("care.checkpoint", ["size": "\(size)"])
        case .contradicted(let size): words("care.contradicted", ["size": "\(size)"])
        case .short(let size): words("care.short", ["size": "\(size)"])
        case .noCheckpoint: words("care.noCheckpoint")
        case .witnessed(let size): words("care.witnessed", ["size": "\(size)"])
        case .nameRow: words("care.nameRow")
        case .surplusName: words("care.surplusName")
        case .nameMissing: words("care.nameMissing")
        case .held: words("care.heldWrong")
        case .promise(let leaf): words("care.promise", ["leaf": "\(leaf)"])
        case .wrap(let id): words("care.wrap", ["id": id])
        case .heldHash: words("care.heldHash")
        case .object(let id): words("care.object", ["id": id])
        case .objectDigest(let id): words("care.objectDigest", ["id": id])
        case .stored(let id): words("care.stored", ["id": id])
        }
    }

    /// The same for programs.
    struct Verdict: Encodable {
        struct Log: Encodable {
            let log, id: String
            let leaves, tags, cosignatures, held, members: Int
        }
        struct Finding: Encodable {
            let log: String?
            let what: String
            let derived, repaired: Bool
        }

        let sound: Bool
        let logs: [Log]
        let objects: Int
        let findings: [Finding]

        init(_ report: CheckReport, lost: [StorageError.Loss]) {
            sound = report.isSound && lost.isEmpty
            objects = report.objects
            logs = report.logs.map { log in
                let (kind, id) =
                    switch log.name {
                    case .workplace(let id): ("workplace", id.hex)
                    case .petition(let id): ("petition", id.hex)
                    }
                return Log(
                    log: kind, id: id, leaves: log.leaves, tags: log.tags, cosignatures: log.cosignatures,
                    held: log.held, members: log.members)
            }
            findings =
                report.findings.map {
                    Finding(
                        log: $0.log.map { CheckText.name($0) }, what: CheckText.say($0.what), derived: $0.isDerived,
                        repaired: $0.isRepaired)
                }
                + lost.map {
                    Finding(log: CheckText.name($0.log), what: CheckText.say($0), derived: false, repaired: false)
                }
        }
    }
}
