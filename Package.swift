// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// A C library of the system, found through pkg-config.
func system(_ name: String, _ module: String, apt: [String]) -> Target {
    .systemLibrary(
        name: name, path: "Sources/System/\(name)", pkgConfig: module, providers: [.apt(apt)])
}

/// One of our libraries.
func library(
    _ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil
) -> Target {
    .target(
        name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

/// One executable, in `Sources/Tools/<folder>`.
func tool(_ name: String, _ folder: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name,
        dependencies: dependencies + [
            "ToolOptions", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        path: "Sources/Tools/\(folder)", swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.byName(name: name), "TestSupport"] + dependencies,
        swiftSettings: strict)
}

let libraries = [
    "TensorCore", "MediaIO", "ModelZoo", "Diffusion", "Dialogue", "SouthGPT",
    "DataPipeline", "Training", "Evaluation", "SouthServer", "MelodyMini",
]
let tools = [
    "southgpt-infer", "southgpt-checkpoint", "southgpt-bench", "southgpt-doctor",
    "southgpt-preprocess", "southgpt-embed", "southgpt-train", "southgpt-evaluate",
    "southgpt-demo",
]

let package = Package(
    name: "south-gpt",
    products: libraries.map { .library(name: $0, targets: [$0]) }
        + tools.map { .executable(name: $0, targets: [$0]) },
    traits: [
        .trait(
            name: "MPI",
            description: "Training over OpenMPI (apt: libopenmpi-dev openmpi-bin)"),
        .trait(name: "Server", description: "The HTTP server of southgpt-demo, on Hummingbird"),
        .default(enabledTraits: []),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(
            url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    ],
    targets: [
        system("CSouthOpenBLAS", "openblas", apt: ["libopenblas-dev"]),
        system("CSouthLAPACKE", "lapacke", apt: ["liblapacke-dev"]),
        system("CSouthSndfile", "sndfile", apt: ["libsndfile1-dev"]),
        system("CSouthJPEG", "libjpeg", apt: ["libjpeg-dev"]),
        system("CSouthPNG", "libpng", apt: ["libpng-dev"]),
        system("CSouthZlib", "zlib", apt: ["zlib1g-dev"]),
        system(
            "CSouthFFmpeg", "libavformat libavcodec libavutil libswscale libswresample",
            apt: [
                "libavformat-dev", "libavcodec-dev", "libavutil-dev", "libswscale-dev",
                "libswresample-dev",
            ]),
        system("CSouthOpenMPI", "ompi-c", apt: ["libopenmpi-dev", "openmpi-bin"]),

        .target(
            name: "CSouthKernels",
            cSettings: [.define("NDEBUG", .when(configuration: .release))],
            linkerSettings: [.linkedLibrary("m"), .linkedLibrary("pthread")]),
        .target(name: "CSouthImageCodecs", dependencies: ["CSouthJPEG", "CSouthPNG"]),
        .target(
            name: "CSouthCommunicator",
            dependencies: [.target(name: "CSouthOpenMPI", condition: .when(traits: ["MPI"]))],
            cSettings: [.define("SOUTHGPT_MPI", .when(traits: ["MPI"]))]),

        library(
            "TensorCore", ["CSouthKernels", "CSouthLAPACKE", "CSouthOpenBLAS", "CSouthZlib"]),
        library(
            "MediaIO",
            ["TensorCore", "CSouthFFmpeg", "CSouthImageCodecs", "CSouthKernels", "CSouthSndfile"]),
        library("ModelZoo", ["TensorCore"]),
        library("Diffusion", ["ModelZoo", "TensorCore"]),
        library("Dialogue", ["ModelZoo", "TensorCore"]),
        library("SouthGPT", ["Dialogue", "Diffusion", "MediaIO", "ModelZoo", "TensorCore"]),
        library(
            "DataPipeline",
            [
                "Dialogue", "MediaIO", "ModelZoo", "TensorCore",
                .product(name: "Yams", package: "Yams"),
            ]),
        library(
            "Training",
            [
                "CSouthCommunicator", "DataPipeline", "Dialogue", "Diffusion", "MediaIO",
                "ModelZoo",
                "SouthGPT", "TensorCore",
            ]),
        library(
            "Evaluation",
            [
                "DataPipeline", "Dialogue", "Diffusion", "MediaIO", "ModelZoo", "SouthGPT",
                "TensorCore",
            ]),
        library(
            "SouthServer",
            [
                "Dialogue", "Diffusion", "MediaIO", "ModelZoo", "SouthGPT", "TensorCore",
                .product(
                    name: "Hummingbird", package: "hummingbird",
                    condition: .when(traits: ["Server"])),
            ], resources: [.copy("page")]),
        library("MelodyMini", ["SouthGPT", "TensorCore"], resources: [.copy("model")]),

        library(
            "SouthBenchmarks",
            ["CSouthOpenBLAS", "Diffusion", "MediaIO", "ModelZoo", "TensorCore", "Training"]),

        .target(
            name: "ToolOptions",
            dependencies: [
                "Diffusion", "MediaIO", "MelodyMini", "ModelZoo", "SouthGPT",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/Tools/ToolOptions", swiftSettings: strict),
        tool(
            "southgpt-infer", "Infer",
            ["Diffusion", "MediaIO", "ModelZoo", "SouthGPT", "TensorCore"]),
        tool("southgpt-checkpoint", "Checkpoint", ["SouthGPT", "TensorCore"]),
        tool("southgpt-bench", "Bench", ["SouthBenchmarks", "TensorCore"]),
        tool("southgpt-doctor", "Doctor", ["MelodyMini", "SouthGPT"]),
        tool(
            "southgpt-preprocess", "Preprocess",
            ["DataPipeline", "Dialogue", "MelodyMini", "ModelZoo", "SouthGPT", "TensorCore"]),
        tool(
            "southgpt-embed", "Embed",
            ["DataPipeline", "Diffusion", "ModelZoo", "SouthGPT", "TensorCore"]),
        tool(
            "southgpt-train", "Train", ["DataPipeline", "MelodyMini", "SouthGPT", "Training"]),
        tool(
            "southgpt-evaluate", "Evaluate",
            ["DataPipeline", "Evaluation", "MelodyMini", "ModelZoo", "SouthGPT"]),
        tool("southgpt-demo", "Demo", ["MelodyMini", "SouthGPT", "SouthServer"]),

        .target(
            name: "TestSupport", dependencies: ["TensorCore"], path: "Tests/TestSupport",
            swiftSettings: strict),
        .target(
            name: "ModelTestSupport", dependencies: ["SouthGPT", "TensorCore"],
            path: "Tests/ModelTestSupport",
            swiftSettings: strict),
        tests("TensorCore", []),
        tests("MediaIO", ["TensorCore"]),
        tests("ModelZoo", ["TensorCore"]),
        tests("Diffusion", ["ModelZoo", "TensorCore"]),
        tests("Dialogue", ["ModelZoo", "TensorCore"]),
        tests(
            "SouthGPT",
            ["Dialogue", "Diffusion", "MediaIO", "ModelTestSupport", "ModelZoo", "TensorCore"]),
        tests("SouthBenchmarks", ["ModelZoo", "TensorCore"]),
        tests("DataPipeline", ["Dialogue", "MediaIO", "ModelZoo", "TensorCore"]),
        tests(
            "Training",
            [
                "DataPipeline", "Dialogue", "Diffusion", "MediaIO", "ModelTestSupport", "ModelZoo",
                "SouthBenchmarks", "SouthGPT", "TensorCore",
            ]),
        tests(
            "Evaluation",
            ["DataPipeline", "MediaIO", "ModelTestSupport", "ModelZoo", "SouthGPT", "TensorCore"]),
        tests("SouthServer", ["MediaIO", "ModelTestSupport", "SouthGPT", "TensorCore"]),
        tests("MelodyMini", ["ModelTestSupport", "ModelZoo", "SouthGPT", "TensorCore"]),
        .testTarget(
            name: "ConsumerTests", dependencies: ["TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "ToolTests", dependencies: ["SouthGPT", "MediaIO", "TensorCore", "TestSupport"],
            swiftSettings: strict),

        .executableTarget(
            name: "DistributedCheck", dependencies: ["SouthBenchmarks", "TensorCore", "Training"],
            path: "Tests/DistributedCheck", swiftSettings: strict),

        .executableTarget(
            name: "TensorsInTenMinutes", dependencies: ["TensorCore"],
            path: "Examples/TensorsInTenMinutes", swiftSettings: strict),
        .executableTarget(
            name: "AnyToAny", dependencies: ["ModelZoo", "SouthGPT"], path: "Examples/AnyToAny",
            swiftSettings: strict),
        .executableTarget(
            name: "MelodyInTenLines", dependencies: ["MelodyMini", "SouthGPT"],
            path: "Examples/MelodyInTenLines", swiftSettings: strict),
        .executableTarget(
            name: "TwoTurns", dependencies: ["ModelZoo", "SouthGPT"], path: "Examples/TwoTurns",
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu17
)

// libFuzzer brings the entry point that this lacks: only the builds that Scripts/fuzz makes have it.
if Context.environment["SOUTHGPT_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "southgpt-fuzz",
            dependencies: ["DataPipeline", "MediaIO", "ModelZoo", "TensorCore", "TestSupport"],
            path: "Tests/Fuzz", swiftSettings: strict))
}
