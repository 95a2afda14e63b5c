internal import CSouthOpenBLAS
internal import CSouthZlib
import FoundationEssentials
import Glibc

/// The machine that the program runs on, as far as speed depends on it.
public struct Machine: Codable, Equatable, Sendable {
    /// The processor's name.
    public let processor: String
    /// Instruction sets that kernels can use, of those that kernels know.
    public let instructionSets: [String]
    /// Processors that the system offers.
    public let cores: Int
    /// Bytes of memory, and how many of them can be had now.
    public let memoryBytes: Int
    public let availableBytes: Int

    /// The machine of this process.
    public static var current: Machine {
        let cpu = fields("/proc/cpuinfo")
        let memory = fields("/proc/meminfo")
        // `flags` on x86, `Features` on Arm.
        let flags = Set(
            (cpu["flags"] ?? cpu["Features"] ?? "").split(separator: " ").map(String.init))
        let known = [
            "sse4_2", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni",
            "avx512_bf16", "amx_tile", "asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve",
        ]
        func bytes(_ key: String) -> Int {
            (memory[key]?.split(separator: " ").first.flatMap { Int($0) } ?? 0) * 1024
        }
        return Machine(
            processor: cpu["model name"] ?? cpu["CPU part"] ?? "unknown",
            instructionSets: known.filter(flags.contains),
            cores: ProcessInfo.processInfo.activeProcessorCount,
            memoryBytes: bytes("MemTotal"), availableBytes: bytes("MemAvailable"))
    }

    /// The highest resident memory of this process so far, mapped pages included (`VmHWM`).
    public static var peakMemoryBytes: Int {
        let value = fields("/proc/self/status")["VmHWM"]?.split(separator: " ").first
        return (value.flatMap { Int($0) } ?? 0) * 1024
    }

    /// `key: value` lines of a file of the kernel's; the first of a repeated key.
    private static func fields(_ file: String) -> [String: String] {
        guard let bytes = FileManager.default.contents(atPath: file) else { return [:] }
        var fields: [String: String] = [:]
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            let key = parts.first.map { trimmed($0) } ?? ""
            if parts.count == 2, fields[key] == nil { fields[key] = trimmed(parts[1]) }
        }
        return fields
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return String(text)
    }

    /// The libraries that this one is linked with, and their versions as they run.
    package static var libraries: [(name: String, version: String)] {
        let blas = openblas_get_config().map { String(cString: $0) } ?? "unknown"
        let zlib = zlibVersion().map { String(cString: $0) } ?? "unknown"
        return [("OpenBLAS", blas), ("zlib", zlib)]
    }
}
