import Foundation

/// Paths of the programs that were built with the tests.
public enum BuiltProgram {
    /// The directory in which all of them are.
    public static let directory = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .path
    public static let roundrobin = directory + "/roundrobin"
    public static let service = directory + "/roundrobin-service"
    public static let demo = directory + "/roundrobin-demo"
    public static let soak = directory + "/soak"
}
