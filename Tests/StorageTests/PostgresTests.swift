import ChildProcesses
import Foundation
import Petitions
import Postgres
import Sodium
import TestSupport
import Testing

@testable import Storage

@Suite("PostgreSQL through libpq", .takingTurns)
struct PostgresTests {
    @Test("Our declarations of libpq are those of its header")
    func header() throws {
        _ = try CompiledLibrary.make("libpq_header.c", in: TemporaryDirectory())
    }

    @Test("The program starts without libpq, which a service loads when it is asked for a PostgreSQL database")
    func isLoadedLate() throws {
        let program = BuiltProgram.service
        let said = try ChildProcess.run(["ldd", program]).output
        #expect(said.contains("libsodium") && !said.contains("libpq"))
    }

    @Test("Every kind of value comes back as it was sent, with nothing, NULL, and what looks like SQL")
    func values() async throws {
        let place = try Engine.postgres.place()
        try await place.open().close()
        let store = try await PostgresStore.inspect(place.database)
        try await store.readOnce { connection in
            for number in [0, 1, -1, Int64.max, .min] {
                #expect(try connection.run("SELECT $1", [.int(number)]).first?.int(0) == number)
            }
            for bytes in [[], [0], Array(0...255), Random.bytes(100_000)] as [[UInt8]] {
                #expect(try connection.run("SELECT $1", [.bytes(bytes)]).first?.bytes(0) == bytes)
            }
            for text in ["", "'; DROP TABLE logs; --", "— 名前 \u{1F512}"] {
                #expect(try connection.run("SELECT $1", [.text(text)]).first?.text(0) == text)
            }
            let nothing = try #require(
                try connection.run("SELECT $1, $2, $3", [.int(nil as Int64?), .bytes(nil), .text(nil)]).first)
            #expect(nothing.int(0) == nil && nothing.bytes(1) == nil && nothing.text(2) == nil && nothing.int(9) == nil)
            #expect(try connection.run("SELECT $1", [.bool(true)]).first?.bool(0) == true)
            #expect(try connection.run("SELECT 7::smallint, -7::integer").map { [$0.int(0), $0.int(1)] } == [[7, -7]])
            let arrays: [PostgresValue] = [
                .ints([1, nil, -3] as [Int64?]), .byteArrays([[], nil, [1, 2]]), .texts(["", nil, "x"]),
            ]
            let rows = try connection.run("SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::text[])", arrays)
            #expect(rows.map { $0.int(0) } == [1, nil, -3])
            #expect(rows.map { $0.bytes(1) } == [[], nil, [1, 2]])
            #expect(rows.map { $0.text(2) } == ["", nil, "x"])
            #expect(try connection.run("SELECT * FROM unnest($1::bytea[])", [.byteArrays([])]).count == 0)
        }
        // A rejected statement spoils neither the connection nor the statements after it.
        for _ in 0..<10 {
            await #expect {
                try await store.readOnce { _ = try $0.run("SELECT 1 / $1", [.int(0)]) }
            } throws: { if case .refusedByServer("22012", _)? = $0 as? StorageError { true } else { false } }
        }
        #expect(await store.canRead())
        try await store.close()
        await #expect(throws: StorageError.self) { try await store.leaves(of: .workplace(.init(.zero))) }
    }

    @Test("An address that is none is refused without repeating what may be a password")
    func addresses() {
        for text in ["postgres://u:secret@[", "file", "postgres://u@h/d?secret=1"] {
            #expect {
                try PostgresAddress(text)
            } throws: { error in !"\(error)".contains("secret") }
        }
        #expect(Databases.hasPassword("postgres://u:p@h/d") && Databases.hasPassword("postgresql://u@h/d?password=p"))
        #expect(!Databases.hasPassword("postgres://u@h/d") && !Databases.hasPassword("a.sqlite"))
    }
}
