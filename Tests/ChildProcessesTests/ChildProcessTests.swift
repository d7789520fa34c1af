import ChildProcesses
import Foundation
import Testing

@Suite("Programs that run beside this one")
struct ChildProcessTests {
    @Test("What it says on both streams, far more than a pipe holds, and how it ended")
    func said() throws {
        let said = try ChildProcess.run([
            "sh", "-c", "head -c 300000 /dev/zero | tr '\\0' e >&2; head -c 300000 /dev/zero | tr '\\0' o; exit 3",
        ])
        #expect(said.status == 3 && said.output.utf8.count == 300_000 && said.error.utf8.count == 300_000)
        #expect(said.output.allSatisfy { $0 == "o" } && said.error.allSatisfy { $0 == "e" })
        #expect(try ChildProcess.run(["sh", "-c", "kill -TERM $$"]).end == .killed(SIGTERM))
    }

    @Test("A program that is not there is an error, by name")
    func missing() {
        #expect { try ChildProcess(["/nowhere/program"]) } throws: {
            ($0 as? ChildProcess.NotStarted)?.code == ENOENT
                && ($0 as? ChildProcess.NotStarted)?.program == "/nowhere/program"
        }
        #expect(throws: ChildProcess.NotStarted.self) { try ChildProcess([]) }
    }

    @Test(
        "It has the three streams and no other file, however many are open here, and shares this program's process group"
    )
    func files() throws {
        var open: [Int32] = []
        defer { for descriptor in open { close(descriptor) } }
        // From about 1,350 files on, Foundation's Process read past the end of a buffer.
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        for _ in 0..<min(1500, Int(limit.rlim_cur) - 500) { open.append(dup(0)) }
        let said = try ChildProcess.run(["ls", "/proc/self/fd"])
        // The third descriptor is the directory that ls reads.
        #expect(said.output.split(separator: "\n") == ["0", "1", "2", "3"])
        let group = try ChildProcess.run(["sh", "-c", "ps -o pgid= -p $$"]).output
        #expect(Int32(group.trimmingCharacters(in: .whitespacesAndNewlines)) == getpgrp())
    }

    @Test("Environment and directory are those that were given; ignored and blocked signals are not handed on")
    func surroundings() throws {
        let said = try ChildProcess.run(
            ["/bin/sh", "-c", "echo $A-$HOME; pwd"], environment: ["A": "1 2", "PATH": "/usr/bin:/bin"],
            directory: "/usr")
        #expect(said.output == "1 2-\n/usr\n")
        // The runner's libraries ignore SIGPIPE. glibc keeps the first two real-time signals for itself.
        let status = try ChildProcess.run(["sh", "-c", "grep -E '^Sig(Blk|Ign)' /proc/self/status"]).output
        let masks = status.split(whereSeparator: \.isWhitespace).compactMap { UInt64($0, radix: 16) }
        #expect(masks.map { $0 & 0x7fff_ffff } == [0, 0], "\(status)")
    }

    @Test("Pipes both ways: the child sees the end of its input when the caller closes it")
    func pipes() throws {
        let (input, output) = (Pipe(), Pipe())
        let child = try ChildProcess(["cat"], input: .pipe(input), output: .pipe(output))
        try input.fileHandleForWriting.write(contentsOf: Data("there and back".utf8))
        #expect(child.isRunning)
        try input.fileHandleForWriting.close()
        #expect(try output.fileHandleForReading.readToEnd() == Data("there and back".utf8))
        #expect(child.wait() == .exited(0) && !child.isRunning)
        // A signal to a child that has ended must not reach another process.
        child.send(SIGKILL)
        #expect(child.end == .exited(0))
    }
}
