// swift-tools-version: 6.2
import PackageDescription

// `make test` sets ROUNDROBIN_STRICT so that a warning fails the build there, while a newer compiler's new warning
// cannot keep anybody else from building.
let strict = Context.environment["ROUNDROBIN_STRICT"] != nil
let settings: [SwiftSetting] =
    [.enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility")]
    + (strict ? [.treatAllWarnings(as: .error)] : [])

// Arithmetic is optimised in debug builds too: it is a hundred times slower otherwise, and so would the demo and the tests
// be. Checks of bounds and overflow stay in either way.
let arithmetic = settings + [.unsafeFlags(["-O"], .when(configuration: .debug))]

// The prover tells valgrind what it lets go of, for Tests/ConstantTime: in debug builds, and, to look at what the optimiser
// makes of all modules together, in any build with ROUNDROBIN_MEMCHECK.
let watched = ["-Xcc", "-DRR_MEMCHECK"]
let proving =
    arithmetic
    + [
        Context.environment["ROUNDROBIN_MEMCHECK"] == nil
            ? .unsafeFlags(watched, .when(configuration: .debug)) : .unsafeFlags(watched)
    ]

let package = Package(
    name: "roundrobin",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "roundrobin", targets: ["roundrobin"]),
        .executable(name: "roundrobin-service", targets: ["roundrobin-service"]),
        // For Benchmarks/, a package of its own.
        .library(
            name: "RoundRobin", targets: ["Sodium", "Ristretto", "MembershipProofs", "TransparencyLog", "Petitions"]),
        .library(name: "HostileBytes", targets: ["HostileBytes"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-http-structured-headers.git", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache.git", from: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        .target(name: "Sodium", dependencies: ["CSodium"], swiftSettings: arithmetic),
        .target(name: "CProcess"),
        .target(name: "ChildProcesses", dependencies: ["CProcess"], swiftSettings: settings),
        .target(name: "CPostgres", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .target(name: "Postgres", dependencies: ["CPostgres"], swiftSettings: settings),
        // Vector kernels; each function names the processor features that it needs, so no flags are.
        .target(name: "CLanes", cSettings: [.unsafeFlags(["-O2"], .when(configuration: .debug))]),
        .target(name: "Ristretto", dependencies: ["CLanes", "Sodium"], swiftSettings: arithmetic),
        .target(name: "MembershipProofs", dependencies: ["CLanes", "Ristretto", "Sodium"], swiftSettings: proving),
        .target(name: "ScalarClasses", swiftSettings: settings),
        .target(name: "TransparencyLog", dependencies: ["ScalarClasses", "Sodium"], swiftSettings: settings),
        .target(
            name: "Petitions",
            dependencies: ["Ristretto", "ScalarClasses", "Sodium", "MembershipProofs", "TransparencyLog"],
            swiftSettings: settings),
        .target(
            name: "CoSigning",
            dependencies: ["MembershipProofs", "Petitions", "Ristretto", "Sodium", "TransparencyLog"],
            swiftSettings: settings),
        .target(name: "ServiceAPI", dependencies: ["Petitions", "Sodium"], swiftSettings: settings),
        .target(
            name: "Storage",
            dependencies: [
                "CProcess", "Sodium", "MembershipProofs", "TransparencyLog", "Petitions", "Postgres",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: settings),
        .target(
            name: "Service",
            dependencies: [
                "CProcess", "RequestSignatures", "ServiceAPI", "Sodium", "MembershipProofs", "TransparencyLog",
                "Petitions", "Storage", "Templates",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP2", package: "swift-nio-extras"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),
        .target(
            name: "RequestSignatures",
            dependencies: [
                "Sodium", .product(name: "StructuredFieldValues", package: "swift-http-structured-headers"),
            ],
            swiftSettings: settings),
        .target(
            name: "Client",
            dependencies: [
                "CProcess", "CoSigning", "RequestSignatures", "ServiceAPI", "Sodium", "MembershipProofs",
                "TransparencyLog",
                "Petitions",
                "TextDiff",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings),
        .target(name: "TextDiff", swiftSettings: settings),
        .systemLibrary(name: "CQRencode", pkgConfig: "libqrencode", providers: [.apt(["libqrencode-dev"])]),
        .target(name: "QRCode", dependencies: ["CQRencode"], swiftSettings: settings),
        .target(
            name: "Templates",
            dependencies: ["ScalarClasses", "Sodium", "Yams", .product(name: "Mustache", package: "swift-mustache")],
            swiftSettings: settings),
        // What people read: every figure and sentence, for the terminal, pages and JSON.
        .target(
            name: "Presentation",
            dependencies: [
                "ChildProcesses", "Client", "CoSigning", "CProcess", "MembershipProofs", "Petitions", "QRCode",
                "ScalarClasses", "ServiceAPI", "Sodium", "Templates", "TextDiff", "TransparencyLog",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "roundrobin",
            dependencies: [
                "ChildProcesses", "Client", "CoSigning", "MembershipProofs", "Petitions", "Presentation", "Sodium",
                "Templates", "TextDiff", "TransparencyLog", "Yams",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "roundrobin-service",
            dependencies: [
                "Client", "MembershipProofs", "Petitions", "Presentation", "Ristretto", "Service", "Sodium",
                "Storage", "TransparencyLog", "Yams",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        // `make web` runs it. Web and CWeb, the page's module, are compiled by Scripts/web-module.sh alone.
        .executableTarget(name: "web-page", dependencies: ["Sodium", "Templates"], swiftSettings: settings),
        // `make demo` runs it.
        .executableTarget(
            name: "roundrobin-demo",
            dependencies: [
                "Client", "CoSigning", "Petitions", "Presentation", "Service", "Sodium", "Templates",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .target(
            name: "TestSupport",
            dependencies: [
                "ChildProcesses", "Sodium", "MembershipProofs", "TransparencyLog", "Petitions",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
            ], path: "Tests/TestSupport", swiftSettings: settings),
        .target(name: "CMemcheck", dependencies: ["CLanes"], path: "Tests/ConstantTime/CMemcheck"),
        // No product: ConstantTimeTests runs it under valgrind.
        .executableTarget(
            name: "ConstantTime",
            dependencies: ["CMemcheck", "MembershipProofs", "Petitions", "Ristretto", "Sodium"],
            path: "Tests/ConstantTime/Program", swiftSettings: settings),
        // `make soak` runs it.
        .executableTarget(
            name: "soak",
            dependencies: [
                "ChildProcesses", "roundrobin-service", "MembershipProofs", "Petitions", "Sodium", "TestSupport",
                "TransparencyLog",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ], path: "Tests/Soak", exclude: ["soak_faults.c"], swiftSettings: settings),
        // Also for Fuzz/, a package of its own.
        .target(
            name: "HostileBytes",
            dependencies: [
                "Client", "CoSigning", "MembershipProofs", "Petitions", "RequestSignatures", "Sodium", "Templates",
                "TransparencyLog",
            ], path: "Tests/HostileBytes", resources: [.copy("fixture.rrbundle")], swiftSettings: settings),
        .testTarget(
            name: "HostileBytesTests",
            dependencies: [
                "CoSigning", "HostileBytes", "MembershipProofs", "Petitions", "RequestSignatures", "Sodium",
                "TestSupport",
                "TransparencyLog",
            ], exclude: ["decoders.corpus", "pack.py"], swiftSettings: settings),
        .testTarget(name: "ChildProcessesTests", dependencies: ["ChildProcesses"], swiftSettings: settings),
        .testTarget(name: "ScalarClassesTests", dependencies: ["ScalarClasses"], swiftSettings: settings),
        .testTarget(name: "SodiumTests", dependencies: ["Sodium", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "RistrettoTests", dependencies: ["Ristretto", "Sodium", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "MembershipProofsTests",
            dependencies: ["ChildProcesses", "ConstantTime", "MembershipProofs", "Ristretto", "Sodium", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "TransparencyLogTests", dependencies: ["TransparencyLog", "Sodium", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "PetitionsTests",
            dependencies: ["Petitions", "MembershipProofs", "TransparencyLog", "Sodium", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "CoSigningTests",
            dependencies: ["CoSigning", "Petitions", "MembershipProofs", "TransparencyLog", "Sodium", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "StorageTests",
            dependencies: [
                "ChildProcesses", "roundrobin-service", "Storage", "MembershipProofs", "Petitions", "Postgres",
                "TransparencyLog", "Sodium", "TestSupport",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            exclude: ["libpq_header.c"],
            swiftSettings: settings),
        .testTarget(
            name: "ServiceTests",
            dependencies: [
                "ChildProcesses", "Service", "ServiceAPI", "Client", "CoSigning", "RequestSignatures", "Petitions",
                "MembershipProofs", "TransparencyLog", "Storage", "Templates", "Sodium", "TestSupport", "TextDiff",
                "Presentation", "Yams",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            exclude: ["noticing_resolver.c"],
            swiftSettings: settings),
        .testTarget(
            name: "FaultTests",
            dependencies: [
                "ChildProcesses", "roundrobin-service", "soak", "Storage", "Petitions", "MembershipProofs",
                "TransparencyLog",
                "Service",
                "ServiceAPI", "Sodium", "RequestSignatures", "TestSupport",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            exclude: ["recording_disk.c"],
            swiftSettings: settings),
        .testTarget(
            name: "ClientTests",
            dependencies: [
                "ChildProcesses", "Client", "CoSigning", "Petitions", "Sodium", "TestSupport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "TextDiffTests", dependencies: ["ChildProcesses", "TextDiff", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "TemplatesTests", dependencies: ["Templates"], swiftSettings: settings),
        .testTarget(
            name: "RoundRobinTests",
            dependencies: [
                "ChildProcesses", "roundrobin", "roundrobin-demo", "roundrobin-service", "Client", "CoSigning",
                "MembershipProofs", "Petitions", "Presentation", "QRCode", "ServiceAPI", "Sodium",
                "Templates", "TestSupport", "TextDiff", "TransparencyLog", "Yams",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            exclude: ["cofactor_libsodium.c"],
            swiftSettings: settings),
        .testTarget(
            name: "WebTests",
            dependencies: [
                "ChildProcesses", "Client", "roundrobin", "HostileBytes", "Petitions", "Presentation", "Sodium",
                "Templates",
                "TestSupport", "TransparencyLog",
            ],
            swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
