// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target of the package is compiled with.
let settings: [SwiftSetting] = [
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

func target(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [], resources: [Resource]? = nil
) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.init(stringLiteral: name), "CTestSupport", "TestSupport"] + dependencies,
        path: "Tests/\(name)Tests",
        exclude: exclude, resources: resources, swiftSettings: settings)
}

/// A Debian library as a module: a module map and a header of inline functions for what Swift cannot import.
func systemLibrary(_ name: String, path: String, pkgConfig: String? = nil, apt: String) -> Target {
    .systemLibrary(name: name, path: path, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

func nio(_ name: String) -> Target.Dependency { .product(name: name, package: "swift-nio") }
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")

let package = Package(
    name: "Reprise",
    products: [
        .library(name: "Reprise", targets: ["Reprise"]),
        .library(name: "Scopes", targets: ["Scopes"]),
        .executable(name: "reprise", targets: ["reprise-cli"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
    ],
    targets: [
        // C libraries.
        systemLibrary("CAlsa", path: "CAlsa", pkgConfig: "alsa", apt: "libasound2-dev"),
        systemLibrary("CV4L2", path: "CV4L2", pkgConfig: "libv4lconvert", apt: "libv4l-dev"),
        systemLibrary("COpus", path: "Sources/COpus", apt: "libopus-dev"),
        systemLibrary("CVPX", path: "Sources/CVPX", pkgConfig: "vpx", apt: "libvpx-dev"),
        systemLibrary("CYUV", path: "Sources/CYUV", apt: "libyuv-dev"),
        systemLibrary("CTurboJPEG", path: "Sources/CTurboJPEG", pkgConfig: "libturbojpeg", apt: "libturbojpeg0-dev"),
        systemLibrary("CPNG", path: "Sources/CPNG", pkgConfig: "libpng", apt: "libpng-dev"),
        systemLibrary("CSpeexDSP", path: "Sources/CSpeexDSP", pkgConfig: "speexdsp", apt: "libspeexdsp-dev"),
        systemLibrary("CXCB", path: "Sources/CXCB", pkgConfig: "xcb", apt: "libxcb1-dev"),
        systemLibrary("COpenSSL", path: "Sources/COpenSSL", apt: "libssl-dev"),
        systemLibrary("CSRTP", path: "Sources/CSRTP", apt: "libsrtp2-dev"),
        systemLibrary("CUDev", path: "Sources/CUDev", apt: "libudev-dev"),
        systemLibrary("CSDL", path: "Sources/CSDL", apt: "libsdl2-dev"),
        .target(name: "CLinux"),

        // The package, lowest first.
        target("Scopes"),
        target("Media", ["CLinux"]),
        target("ALSA", ["Media", "CAlsa", "CSpeexDSP", "CLinux"]),
        target("V4L2", ["Media", "CV4L2", "CLinux"]),
        target("HotPlug", ["Media", "CUDev", "CLinux"]),
        target("ScreenCapture", ["Media", "CXCB", "CLinux"]),
        target("Codecs", ["Media", "COpus", "CVPX", "CYUV", "CTurboJPEG", "CPNG"]),
        target("RTP", ["Media"]),
        target("WebRTC", ["RTP", "Media", "CLinux", "COpenSSL", "CSRTP", logging]),
        target(
            "Rooms",
            [
                "WebRTC", "RTP", "Media", nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"), nio("NIOWebSocket"), nioSSL,
                logging,
            ]),
        target("Calls", ["Scopes", "Rooms", "RTP", "Codecs", "Media", "CLinux", logging]),
        target("Reprise", ["Calls", "WebRTC", "ALSA", "V4L2", "HotPlug", "ScreenCapture", "Media"]),
        .target(name: "CFloor", dependencies: ["CAlsa"], path: "Sources/Benchmarks/CFloor"),
        .executableTarget(
            name: "reprise-cli",
            dependencies: ["Reprise", "Codecs", "ALSA", "V4L2", "ScreenCapture", "CFloor", "CSDL", argumentParser],
            swiftSettings: settings),

        // Tests, a target each; DeviceTests run in the device lab.
        .target(name: "CTestSupport", path: "Tests/CTestSupport"),
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
        tests("Scopes"),
        tests("Media", exclude: ["Threads/rtkit.py"]),
        tests("ALSA", ["Media"]),
        tests("V4L2", ["Media"]),
        tests("HotPlug", ["Media"]),
        tests("ScreenCapture", ["Media", "CXCB"]),
        tests("Codecs", ["Media"]),
        tests("RTP", ["Media"]),
        tests("WebRTC", ["RTP", "Media"]),
        tests("Rooms", ["WebRTC", "RTP", "Media", "COpenSSL", nio("NIOCore"), nio("NIOPosix"), nioSSL]),
        tests("Calls", ["Scopes", "Rooms", "RTP", "Codecs", "Media"]),
        tests("Reprise", ["Calls", "Media"]),
        .testTarget(
            name: "CommandTests", dependencies: ["reprise-cli", "Reprise", "Calls", "ScreenCapture"],
            path: "Tests/CommandTests",
            swiftSettings: settings),
        .testTarget(
            name: "DeviceTests", dependencies: ["Reprise", "ALSA", "V4L2", "HotPlug", "Media", "CAlsa", "TestSupport"],
            path: "Tests/DeviceTests",
            swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)

// Which test targets there are, by name: a build for one step of `make test` need not compile the others'. Unset: all.
if let wanted = Context.environment["REPRISE_TESTS"]?.split(separator: " ").map(String.init) {
    package.targets.removeAll { $0.type == .test && !wanted.contains($0.name) }
}
