import Foundation

/// A C file of a test, compiled to be loaded into a program before everything else.
public enum CompiledLibrary {
    struct Failed: Error { let source: String }

    /// - Parameter file: beside the caller.
    public static func make(_ file: String, in directory: TemporaryDirectory, caller: String = #filePath) throws
        -> String
    {
        let source = URL(filePath: caller).deletingLastPathComponent().appending(path: file).path
        let library = directory(file + ".so")
        let compiler = Process()
        compiler.executableURL = URL(filePath: "/usr/bin/env")
        compiler.arguments = ["cc", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source, "-ldl", "-lpthread"]
        try compiler.run()
        compiler.waitUntilExit()
        guard compiler.terminationStatus == 0 else { throw Failed(source: source) }
        return library
    }
}
