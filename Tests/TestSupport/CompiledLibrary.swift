import ChildProcesses
import Foundation

/// A test's C file, compiled so that it can be loaded into a program before everything else.
public enum CompiledLibrary {
    struct Failed: Error {
        let source: String
        let said: String
    }

    /// - Parameter file: its name; it is next to the caller's file.
    public static func make(_ file: String, in directory: TemporaryDirectory, caller: String = #filePath) throws
        -> String
    {
        let source = URL(filePath: caller).deletingLastPathComponent().appending(path: file).path
        let library = directory(file + ".so")
        let said = try ChildProcess.run([
            "cc", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source, "-ldl", "-lpthread",
        ])
        guard said.status == 0 else { throw Failed(source: source, said: said.error) }
        return library
    }
}
