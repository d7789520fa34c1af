import CoSigning
import Foundation
import Petitions
import Sodium
import Storage
import TestSupport
import Testing
import TransparencyLog

@testable import Client

@Suite("The drill: a disk is lost, and the service comes back from a backup", .serialized, .takingTurns)
struct RestoreDrillTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private var database: String { directory("a.sqlite") }

    private func loseDisk() throws {
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: database + suffix) }
    }

    @Test("A backup that is behind is refused, a member's export fills it up, and everybody goes on where they were")
    func drill() async throws {
        var service = try await RunningService.start(database: database)
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let members = workplace.members
        let id = try await workplace.openPetition().id
        _ = try #require(try await members[1].cosign(id, choices: [1]))
        // While the service runs.
        #expect(try await SQLiteStore.backUp(database, to: directory("backup")).findings == [])
        let receipt = try #require(try await members[2].cosign(id, choices: [1]))
        let export = try await PublicReader.bundle(of: id, at: service.url, proxy: nil)
        await service.stop()
        try loseDisk()

        await #expect { try await SQLiteStore.restore(directory("backup"), to: database) } throws: { error in
            guard case .wentBack(let lost, 1)? = error as? StorageError else { return false }
            return lost.log == .petition(id) && lost.has == 2 && lost.signed == 3
        }
        #expect(try await SQLiteStore.restore(directory("backup"), to: database, bundles: [export]).findings == [])
        service = try await RunningService.start(database: database, port: service.port)
        // The service gives the same receipt as before, and work continues.
        let again = try await service.send(
            "POST", "/v1/petitions/\(id.hex)/cosignatures",
            body: CoSignatureRequest(statement: export.petition.leaves[2], sealedName: nil).encoding)
        #expect(again.status == 200 && String(decoding: again.body, as: UTF8.self) == receipt.serialized)
        _ = try #require(try await members[3].cosign(id, choices: [1]))
        let audited = try AuditedPetition(auditing: await PublicReader.bundle(of: id, at: service.url, proxy: nil))
        #expect(audited.faults.isEmpty && audited.petition.cosignatures == 3)
        await workplace.close()
        await service.stop()
    }

    @Test("Without a record, and told that nothing was lost, it starts; clients are protected all the same")
    func withoutRecord() async throws {
        var service = try await RunningService.start(database: database)
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let id = try await workplace.openPetition().id
        #expect(try await SQLiteStore.backUp(database, to: directory("backup")).findings == [])
        _ = try #require(try await workplace.members[2].cosign(id, choices: [1]))
        await service.stop()
        try loseDisk()
        let heads = SignedHeads.path(besides: database)
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: heads + suffix) }
        await #expect(throws: StorageError.noHeads(heads)) {
            try await SQLiteStore.restore(directory("backup"), to: database)
        }
        #expect(try await SQLiteStore.restore(directory("backup"), to: database, withoutRecord: true).findings == [])
        service = try await RunningService.start(database: database, port: service.port)
        _ = try await workplace.members[2].view(id)
        #expect(workplace.members[2].alarmKinds == [.older, .receipt])
        await workplace.close()
        await service.stop()
    }

    @Test("A service whose file was put back does not start, and says by how much it went back")
    func putBack() async throws {
        let service = try await RunningService.start(database: database)
        let workplace = try await LiveWorkplace(members: 2, service: service, directory: directory)
        #expect(try await SQLiteStore.backUp(database, to: directory("backup")).findings == [])
        try await workplace.members[0].declareEligible(30)
        await workplace.close()
        try loseDisk()
        try FileManager.default.copyItem(atPath: directory("backup"), toPath: database)
        await #expect { _ = try await RunningService.start(database: database) } throws: { error in
            guard case .wentBack(let lost, 1)? = error as? StorageError else { return false }
            return lost.signed == lost.has + 1
        }
    }
}
