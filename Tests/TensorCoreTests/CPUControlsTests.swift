import Foundation
import TensorCore
import TestSupport
import Testing

/// A little of everything that has versions or is shared among threads.
private func sampleResults(_ device: Device) -> [Tensor] {
    let x = numbers("x", [2, 48, 21, 20], on: device)
    let wide = numbers("wide", [700, 130], on: device)
    let weight = numbers("weight", [70, 130], on: device)
    let half = numbers("weight", [70, 130], on: device, .bfloat16)
    let heads = numbers("q", [2, 150, 96], on: device).splitHeads(4)
    let filter = numbers("filter", [40, 48, 3, 3], on: device)
    let sliding = ConvolutionGeometry(stride: [1, 1], padding: [1, 1], dilation: [1, 1])
    let striding = ConvolutionGeometry(stride: [2, 2], padding: [1, 1], dilation: [1, 1])
    let arriving = numbers("arriving", [2, 40, 11, 10], on: device)
    let norm = numbers("norm", [48], on: device)
    return [
        wide.linear(weight, activation: .gelu), wide.linear(half),
        wide.sliced(0, 0..<2).linear(half), wide.sliced(0, 3..<4).linear(weight),
        wide.matmul(weight.transposed()), wide.softmax(), wide.squared().sum(), wide.max([1]),
        wide.transposed() * wide.transposed().exp(), wide.tanh(), wide.cast(to: .float16),
        x.convolved(with: filter, sliding), x.convolved(with: filter, striding),
        arriving.transposeConvolved(with: filter, striding),
        arriving.transposeConvolved(with: filter, sliding),
        device.backend.convolutionWeightGradient(x, gradient: arriving, kernel: [3, 3], striding),
        x.groupNorm(groups: 8, weight: norm, bias: norm, epsilon: 1e-5, activation: .silu),
        attention(heads, heads, heads, mask: .causal), attention(heads, heads, heads),
        attention(heads.sliced(2, 0..<1), heads, heads),
    ] + samplesInOtherOrders(device) + samplesOfBlocks(device)
}

/// Of what picks, orders, resizes, transforms and draws.
private func samplesInOtherOrders(_ device: Device) -> [Tensor] {
    let x = numbers("x", [2, 3, 70, 50], on: device)
    let rows = numbers("rows", [120, 210], on: device)
    let few = rows.sliced(0, 0..<40)
    let ids = Tensor(recipeNumbers("ids", 120).map { Int32(($0 + 0.5) * 40) }, device: device)
    let places = ids.reshaped(120, 1).broadcast(to: [120, 210])
    var generator = TorchGenerator(seed: 3)
    var counter = CounterGenerator(seed: 3)
    return [
        rows.selected(0, at: ids), rows.sliced(0, 0..<40).adding(rows, 0, at: ids),
        rows.gathered(0, at: places), rows.scatterAdded(rows, 0, at: places),
        rows.sorted(0).indices, rows.top(20).values, rows.sorted(descending: true).values,
        x.resized(to: [31, 60], .smoothCubic), x.resized(to: [80, 60], .linear),
        few.realFourierTransform(), few.framed(202, hop: 8).realFourierTransform(),
        few.shortTimeFourierTransform(64, hop: 20, window: .hannWindow(64, device: device)),
        generator.normal([200, 300], device: device), generator.uniform([999], device: device),
        counter.normal([200, 300], device: device), counter.uniform([999], device: device),
    ]
}

/// Of weights in blocks.
private func samplesOfBlocks(_ device: Device) -> [Tensor] {
    let many = numbers("many", [45, 512], on: device)
    return [DType.q8_0, .q4_0, .q4_K, .q6_K].flatMap { dtype in
        let weight = numbers("blocks", [70, 512], on: device, dtype)
        return [
            many.linear(weight), many.sliced(0, 0..<1).linear(weight),
            many.sliced(0, 0..<7).linear(weight), weight.cast(to: .float32),
            device.backend.matmul(
                many.sliced(1, 0..<70).unsqueezed(0), weight.unsqueezed(0)),
        ]
    }
}

/// The same results with every instruction set and number of threads, within a tolerance relative
/// to the largest of each.
private func expectAgreementOfAllKernels(
    _ tolerance: Float, _ results: (Device) -> [Tensor]
) {
    let expected = results(.reference)
    for set in InstructionSet.allCases {
        let used = set.use()
        #expect(used.rawValue <= set.rawValue && InstructionSet.current == used)
        ThreadPool.limit(to: 1)
        let alone = results(.cpu)
        ThreadPool.limit(to: .init(Int32.max))
        for _ in 0..<3 {
            let shared = results(.cpu)
            for (a, b) in zip(alone, shared) {
                #expect(a.withBytes { Data($0) } == b.withBytes { Data($0) })
            }
        }
        for (index, (found, wanted)) in zip(alone, expected).enumerated() {
            let largest = wanted.floats().map(abs).max() ?? 0
            #expect(
                found.isClose(to: wanted.on(.cpu), absolute: tolerance * max(largest, 1)),
                "\(set): result \(index)")
        }
    }
}

// Settings belong to the process, so these have one of their own.
@Suite struct CPUControlsTests {
    @Test func everyInstructionSetAgreesWithTheReferenceOnAnyNumberOfThreads() async {
        await #expect(processExitsWith: .success) {
            BlockProducts.areExact(true)
            expectAgreementOfAllKernels(2e-6, sampleResults)
        }
    }

    @Test func roundedActivationsStayCloseWithEveryInstructionSet() async {
        await #expect(processExitsWith: .success) {
            BlockProducts.areExact(false)
            expectAgreementOfAllKernels(5e-5, samplesOfBlocks)
        }
    }

    @Test func readsTheEnvironment() throws {
        // A test run with these set checks that they are obeyed.
        let environment = ProcessInfo.processInfo.environment
        if let threads = environment["SOUTHGPT_THREADS"].flatMap(Int.init), threads > 0 {
            #expect(ThreadPool.count == min(threads, 128))
        } else {
            #expect(ThreadPool.count == min(ProcessInfo.processInfo.activeProcessorCount, 128))
        }
        if environment["SOUTHGPT_KERNELS"] == "baseline" {
            #expect(InstructionSet.current == .baseline)
        }
    }

    /// What a process of this program writes to its standard error under these settings.
    private func complaints(_ settings: [String: String]) throws -> String {
        let (process, errors) = (Process(), Pipe())
        process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["--testing-library", "swift-testing", "--list-tests"]
        process.environment = ProcessInfo.processInfo.environment.merging(settings) { $1 }
        (process.standardOutput, process.standardError) = (FileHandle.nullDevice, errors)
        try process.run()
        defer { process.waitUntilExit() }
        let said = try errors.fileHandleForReading.readToEnd() ?? Data()
        return String(decoding: said, as: UTF8.self)
    }

    @Test func saysThatItDoesNotKnowAnInstructionSet() throws {
        let complaint =
            "expected baseline, avx2, avx512 or avx512vnni; the best that this machine has are used."
        #expect(
            try complaints(["SOUTHGPT_KERNELS": "axv2"])
                .contains("SOUTHGPT_KERNELS is 'axv2', \(complaint)\n"))
        for known in ["", "baseline", "avx512vnni"] {
            #expect(try !complaints(["SOUTHGPT_KERNELS": known]).contains("SOUTHGPT_KERNELS"))
        }
    }

    @Test func severalCallersShareThePool() async {
        let x = numbers("x", [300, 200], on: .cpu)
        let expected = x.matmul(x.transposed()).floats()
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<10).allSatisfy { _ in x.matmul(x.transposed()).floats() == expected }
                }
            }
            for await same in group { #expect(same) }
        }
    }
}
