// swift-tools-version: 6.2
import PackageDescription

// Built with `--sanitize fuzzer`, which no other product may be: a package of its own.
let package = Package(
    name: "Fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "roundrobin", path: "..")],
    targets: [
        .executableTarget(
            name: "fuzz-ristretto", dependencies: [.product(name: "RoundRobin", package: "roundrobin")],
            swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
        .executableTarget(
            name: "fuzz-decoders", dependencies: [.product(name: "HostileBytes", package: "roundrobin")],
            swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
    ],
    swiftLanguageModes: [.v6]
)
