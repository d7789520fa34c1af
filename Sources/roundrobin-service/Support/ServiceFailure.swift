import Presentation
import Service
import Storage

/// Errors of a service and its database as people read them.
extension Failure {
    init(ofService error: any Error) {
        switch error {
        case let error as StorageError: self.init(Self.say(error), next: Self.next(error))
        case let error as ListeningError: self = Self.say(error)
        case let error as ServeSettings.FileFault:
            self.init(
                words("serve.wrongFile", ["file": error.file, "why": "\(error.fault)"]),
                next: words("serve.wrongFileNext"))
        case TLSError.unreadable(let path): self.init(words("failure.tlsUnreadable", ["path": path]))
        case TLSError.mismatch: self.init(words("failure.tlsMismatch"))
        case TLSError.exposed(let path):
            self.init(
                words("failure.tlsExposed", ["path": path]), next: words("failure.tlsExposedNext", ["path": path]))
        default: self.init(error)
        }
    }

    private static func say(_ error: ListeningError) -> Failure {
        switch error {
        case .inUse(let address):
            Failure(words("failure.address", ["address": address]), next: words("failure.addressNext"))
        case .notASocket(let path):
            Failure(words("failure.notASocket", ["path": path]), next: words("failure.notASocketNext"))
        case .noDirectory(let path):
            Failure(words("failure.noDirectory", ["path": path]), next: words("failure.noDirectoryNext"))
        case .tooLong(let path, let limit):
            Failure(
                words("failure.longPath", ["path": path, "limit": "\(limit)"]), next: words("failure.addressNext"))
        case .refused(let address, let why):
            Failure(
                words("failure.addressRefused", ["address": address, "why": why]), next: words("failure.addressNext"))
        }
    }

    private static func next(_ error: StorageError) -> String {
        switch error {
        case .wentBack: words("failure.wentBackNext")
        case .contradicted: words("failure.contradictedNext")
        case .replaced: words("failure.replacedNext")
        case .inUse: words("failure.inUseNext")
        case .noFile: words("failure.noFileNext")
        case .noDirectory: words("failure.noDatabaseDirectoryNext")
        case .named(let name): words("failure.namedNext", ["name": name])
        case .exposed(let path): words("failure.exposedNext", ["path": path])
        case .otherHeads: words("failure.otherHeadsNext")
        case .databaseGone: words("failure.databaseGoneNext")
        case .otherRecord: words("failure.otherRecordNext")
        case .exists: words("failure.existsNext")
        case .noHeads: words("failure.noHeadsNext")
        case .foreignBundle: words("failure.foreignBundleNext")
        case .unanswered: words("failure.unansweredNext")
        case .occupied: words("failure.occupiedNext")
        case .moved: words("failure.movedNext")
        case .unreachable: words("failure.unreachableNext")
        default: words("failure.databaseNext")
        }
    }

    private static func say(_ error: StorageError) -> String {
        switch error {
        case .diskFull: words("failure.diskFull")
        case .diskFails(let what): words("failure.diskFails", ["what": what])
        case .readOnly: words("failure.readOnly")
        case .cannotOpen(let why): words("failure.cannotOpen", ["why": why])
        case .noFile(let path): words("failure.noFile", ["path": path])
        case .noDirectory(let path): words("failure.noDatabaseDirectory", ["path": path])
        case .named(let name): words("failure.named", ["name": name])
        case .notOurs: words("failure.notOurs")
        case .damaged: words("failure.damaged")
        case .conflict, .quota: words("failure.conflict")
        case .wentBack(let lost, let logs):
            words("failure.wentBack", ["lost": CheckText.say(lost), "logs": "\(logs)"])
        case .contradicted(let lost): words("failure.contradicted", ["lost": CheckText.say(lost)])
        case .replaced(let path): words("failure.replaced", ["path": path])
        case .inUse(let path): words("failure.inUse", ["path": path])
        case .exposed(let path): words("failure.exposed", ["path": path])
        case .otherHeads: words("failure.otherHeads")
        case .databaseGone(let path, let record): words("failure.databaseGone", ["path": path, "record": record])
        case .otherRecord(let path): words("failure.otherRecord", ["path": path])
        case .unrecorded: words("failure.unrecorded")
        case .unanswered: words("failure.unanswered")
        case .occupied(let name): words("failure.occupied", ["name": name])
        case .moved(let path): words("failure.moved", ["path": path])
        case .unreachable(let why): words("failure.unreachable", ["why": why])
        case .exists(let path): words("failure.exists", ["path": path])
        case .noHeads(let path): words("failure.noHeads", ["path": path])
        case .foreignBundle: words("failure.foreignBundle")
        case .refusedByServer(let code, let message):
            words("failure.refusedByServer", ["code": code, "message": message])
        case .other(let code): words("failure.database", ["code": "\(code)"])
        }
    }
}
