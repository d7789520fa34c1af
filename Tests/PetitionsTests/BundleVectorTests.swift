import Petitions
import Sodium
import TestSupport
import Testing

@Suite("Bundles give the known verdicts")
struct BundleVectorTests {
    struct File: Decodable {
        struct Verdict: Decodable {
            struct Name: Decodable, Equatable { let member: Int; let name: String }
            let unreadable: String?
            let petition: String?
            let ring: Int?
            let eligible: UInt32?
            let cosignatures: Int?
            let withdrawn: Int?
            let closed: Bool?
            let spoiled: Int?
            let questions: [[Int]]?
            let names: [Name]?
            let fault_leaves: [[String]]?
            let faults: [String]?
        }
        let cases: [String: Verdict]
    }

    @Test("Every bundle of the vectors")
    func verdicts() throws {
        let file: File = try Vectors.load("bundles")
        #expect(file.cases.count == 23)
        for (name, verdict) in file.cases {
            let bytes = try Vectors.bundle(name)
            if verdict.unreadable != nil {
                #expect(throws: PetitionBundle.Unreadable.self, "\(name)") {
                    try AuditedPetition(auditing: PetitionBundle(parsing: bytes))
                }
                continue
            }
            let audited = try AuditedPetition(auditing: PetitionBundle(parsing: bytes))
            #expect(audited.petition.id.hex == verdict.petition, "\(name)")
            #expect(audited.tally.ring == verdict.ring, "\(name)")
            #expect(audited.tally.eligible == verdict.eligible, "\(name)")
            #expect(audited.tally.cosignatures == verdict.cosignatures, "\(name)")
            #expect(audited.tally.withdrawn == verdict.withdrawn, "\(name)")
            #expect(audited.tally.closed == verdict.closed, "\(name)")
            #expect(audited.tally.spoiled == verdict.spoiled, "\(name)")
            #expect(audited.tally.questions == verdict.questions, "\(name)")
            #expect(
                audited.names.map { File.Verdict.Name(member: $0.member, name: $0.name) } == verdict.names, "\(name)")
            let leaves = audited.faults.compactMap { fault -> [String]? in
                if case .leaf(let log, let index) = fault.place { [log, String(index)] } else { nil }
            }
            #expect(leaves == verdict.fault_leaves, "\(name)")
            // Each names its place; how its rule is worded is the verifier's own.
            func places(_ faults: [String]) -> [String] {
                faults.map { String($0.prefix { $0 != ":" }) }.sorted()
            }
            #expect(
                places(audited.faults.map(\.description)) == places(verdict.faults ?? []), "\(name): \(audited.faults)")
        }
    }

    @Test("A bundle survives being written and read again")
    func roundTrip() throws {
        let bundle = try PetitionBundle(parsing: Vectors.bundle("honest-7"))
        let again = try PetitionBundle(parsing: bundle.serialized)
        #expect(again.serialized == bundle.serialized)
        #expect(try AuditedPetition(auditing: again).faults.isEmpty)
    }
}
