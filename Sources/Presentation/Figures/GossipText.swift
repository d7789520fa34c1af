import Client
import Petitions

/// What gossip and monitors say.
package enum GossipText {
    package static func id(_ log: GossipLog) -> String {
        switch log {
        case .workplace: "workplace"
        case .petition(let id): id.hex
        }
    }

    package static func name(_ log: GossipLog) -> String {
        switch log {
        case .workplace: words("gossip.workplace")
        case .petition(let id): words("gossip.petition", ["id": String(id.hex.prefix(16))])
        }
    }

    package static func line(_ finding: GossipComparison.Finding) -> String {
        let log = ["log": name(finding.log)]
        switch finding {
        case .consistent(_, let size): return words("gossip.consistent", log.merging(["size": "\(size)"]) { $1 })
        case .withheld(_, let theirs, let ours):
            return Terminal.red(
                words("gossip.withheld", log.merging(["theirs": "\(theirs)", "ours": "\(ours)"]) { $1 }))
        case .forked(_, let size):
            return Terminal.red(words("gossip.forked", log.merging(["size": "\(size)"]) { $1 }))
        case .absent: return words("gossip.absent", log)
        case .foreign: return Terminal.red(words("gossip.foreign", log))
        }
    }

    package static func line(_ event: MonitorEvent) -> String {
        let log = ["log": name(event.log)]
        switch event {
        case .grew(_, let from, let to):
            return words("monitor.grew", log.merging(["from": "\(from)", "to": "\(to)"]) { $1 })
        case .announced: return words("monitor.announced", log)
        case .counts(_, let count, let ring):
            return words("monitor.counts", log.merging(["count": "\(count)", "ring": "\(ring)"]) { $1 })
        case .closed(_, let count): return words("monitor.closed", log.merging(["count": "\(count)"]) { $1 })
        case .fault(let fault): return line(fault, log)
        }
    }

    private static func line(_ fault: MonitorFault, _ log: [String: String]) -> String {
        switch fault {
        case .rewound(_, let seen, let served):
            words("monitor.rewound", log.merging(["seen": "\(seen)", "served": "\(served)"]) { $1 })
        case .forked(_, let size): words("monitor.forked", log.merging(["size": "\(size)"]) { $1 })
        case .gone: words("monitor.gone", log)
        case .unsigned: words("monitor.unsigned", log)
        case .notWitnessed(_, let missing):
            words(
                "monitor.notWitnessed",
                log.merging(["witnesses": Words.list(missing)]) { $1 })
        case .tooFewWitnesses(_, let signed, let asked):
            words("monitor.tooFewWitnesses", log.merging(["signed": "\(signed)", "asked": "\(asked)"]) { $1 })
        case .leaf(_, let what): words("monitor.leaf", log.merging(["what": what]) { $1 })
        case .closedEarly: words("monitor.closedEarly", log)
        case .closesLate: words("monitor.closesLate", log)
        case .unreadable: words("monitor.unreadable", log)
        case .namesMissing(_, let count): words("monitor.namesMissing", log, count: count)
        case .page(let digest): words("monitor.page", ["digest": digest])
        case .pageHeader(let header): words("monitor.pageHeader", ["header": header])
        }
    }
}
