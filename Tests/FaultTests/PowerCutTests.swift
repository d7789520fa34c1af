import Foundation
import NIOHTTP1
import Storage
import Synchronization
import TestSupport
import Testing

/// The real service writes to a disk that records everything. Then the power goes after each of its operations, and the
/// files that a disk may have kept, with or without what was not synced, are opened again and checked from the leaves
/// up.
@Suite("Whenever the power goes, what was acknowledged is there and the whole log holds", .serialized, .takingTurns)
struct PowerCutTests {
    let directory: TemporaryDirectory
    let library: String

    init() throws {
        directory = try TemporaryDirectory()
        library = try CompiledLibrary.make("recording_disk.c", in: directory)
    }

    private func record(_ more: [String]) async throws -> (DiskTrace, Workload) {
        let root = directory("disk")
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        let service = try await ServiceProgram(
            database: root + "/a.sqlite",
            environment: ["LD_PRELOAD": library, "DISK_DIRECTORY": root, "DISK_TRACE": directory("trace")],
            log: directory("log"), more)
        let info = try #require(await service.send(.GET, "/v1/service"))
        // A close states the log's size and root, which mixing changes.
        let workload = try Workload(info: info.body, ends: more.isEmpty)
        for (i, request) in workload.requests.enumerated() {
            var answer = try #require(await service.send(.POST, request.path, request.body))
            // Another statement of the tag is waiting to be mixed.
            for _ in 0..<100 where answer.status == 409 {
                try await Task.sleep(for: .milliseconds(50))
                answer = try #require(await service.send(.POST, request.path, request.body))
            }
            try #require((200..<300).contains(answer.status), "\(i): \(String(decoding: answer.body, as: UTF8.self))")
        }
        await service.stop()
        return (try DiskTrace(directory("trace")), workload)
    }

    /// The operations after which the power goes. With ROUNDROBIN_FAULTS=all every one, otherwise each sync,
    /// truncation, unlink and response with its neighbours, and every ninth write in between.
    private func cuts(_ trace: DiskTrace) -> [Int] {
        let all = ProcessInfo.processInfo.environment["ROUNDROBIN_FAULTS"] == "all"
        return trace.operations.indices.filter { i in
            all || i % 9 == 0
                || (i - 1...i + 1).contains { j in
                    guard trace.operations.indices.contains(j) else { return false }
                    if case .write = trace.operations[j] { return false }
                    return true
                }
        }
    }

    @Test(
        "After every write, sync, truncation, unlink and answer, whatever was kept of what was not synced",
        arguments: [[], ["--mix-every", "1", "--mix-at-least", "1"]])
    func everywhere(_ more: [String]) async throws {
        let (trace, workload) = try await record(more)
        let cuts = Set(cuts(trace))
        let (cases, answers) = Self.cases(trace, cuts)
        #expect(answers == workload.requests.count)
        #expect(cases.count > 300)
        print("power cut in \(cases.count) ways, of \(trace.operations.count) operations")
        let faults = await Self.judge(cases, workload, in: directory)
        #expect(faults == [], "\(faults.count) of \(cases.count)")
    }

    @Test("The check notices a disk that syncs nothing, and a database that is synced after the answer")
    func evilTwins() async throws {
        let (trace, workload) = try await record([])
        var unsynced = trace
        unsynced.operations.removeAll { if case .sync(let file) = $0 { file.hasSuffix("-wal") } else { false } }
        var late = trace
        for i in late.operations.indices.dropFirst() {
            // Moves each response before the sync of what it acknowledges.
            guard case .response = late.operations[i],
                let sync = late.operations[..<i].lastIndex(where: {
                    if case .sync(let file) = $0 { file.hasSuffix("a.sqlite-wal") } else { false }
                })
            else { continue }
            late.operations.remove(at: i)
            late.operations.insert(.response, at: sync)
        }
        var unrecorded = trace
        unrecorded.operations.removeAll { if case .sync(let file) = $0 { file.hasSuffix(".heads-wal") } else { false } }
        for trace in [unsynced, late, unrecorded] {
            let cuts = Set(
                trace.operations.indices.filter { i in
                    if case .response = trace.operations[i] { true } else { false }
                })
            let faults = await Self.judge(Self.cases(trace, cuts).0, workload, in: directory)
            #expect(
                faults.contains {
                    $0.contains("lost") || $0.contains("wentBack") || $0.contains("not recorded")
                        || $0.contains("does not open")
                })
        }
    }

    private typealias Case = (what: String, files: [String: [UInt8]], acknowledged: Int)

    private static func cases(_ trace: DiskTrace, _ cuts: Set<Int>) -> ([Case], answers: Int) {
        var disk = Disk()
        // The first response is to the request for the log's key.
        var answers = -1
        var cases: [Case] = []
        var seen: Set<Int> = []
        var chance = FixedChance(state: 1)
        for (i, operation) in trace.operations.enumerated() {
            disk.apply(operation)
            if case .response = operation { answers += 1 }
            guard cuts.contains(i) else { continue }
            for fate in Disk.Fate.allCases {
                let files = disk.files(fate, &chance)
                var hasher = Hasher()
                hasher.combine(files)
                hasher.combine(answers)
                guard seen.insert(hasher.finalize()).inserted else { continue }
                cases.append(("operation \(i), \(fate)", files, max(0, answers)))
            }
        }
        return (cases, answers)
    }

    private static func judge(
        _ cases: [Case], _ workload: Workload, in directory: TemporaryDirectory
    ) async -> [String] {
        await withTaskGroup(of: [String].self) { group in
            let width = ProcessInfo.processInfo.activeProcessorCount
            for worker in 0..<width {
                group.addTask {
                    var faults: [String] = []
                    for i in stride(from: worker, to: cases.count, by: width) {
                        let place = directory("case-\(i)")
                        defer { try? FileManager.default.removeItem(atPath: place) }
                        do {
                            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
                            for (file, bytes) in cases[i].files {
                                let name = (file as NSString).lastPathComponent
                                try Data(bytes).write(to: URL(filePath: place + "/" + name))
                                #expect(chmod(place + "/" + name, 0o600) == 0)
                            }
                            let found = await workload.faults(
                                of: place + "/a.sqlite", acknowledged: cases[i].acknowledged)
                            if !found.isEmpty { faults.append("\(cases[i].what): \(found)") }
                        } catch { faults.append("\(cases[i].what): \(error)") }
                    }
                    return faults
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
    }
}
