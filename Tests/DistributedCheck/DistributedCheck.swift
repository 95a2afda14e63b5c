import Foundation
import SouthBenchmarks
import TensorCore
import Training

/// Trains a small transformer, alone or under `mpirun`, and writes what came of it: what
/// `Scripts/test-distributed` compares, kills and times.
@main struct DistributedCheck {
    private let options: [String: String]
    private let communicator: Communicator

    static func main() {
        let communicator: Communicator
        do { communicator = try Communicator() } catch {
            print("error: \(error)")
            exit(1)
        }
        do {
            let arguments = CommandLine.arguments.dropFirst()
            if arguments.first == "compare" {
                try compare(Array(arguments.dropFirst()))
            } else {
                try DistributedCheck(Array(arguments), communicator).run()
            }
            try communicator.finish()
        } catch { communicator.abort(after: error) }
    }

    /// `key=value` arguments; the first use of each says what it is.
    private init(_ arguments: [String], _ communicator: Communicator) {
        options = Dictionary(
            arguments.map { argument in
                let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
                return (parts[0], parts.count > 1 ? parts[1] : "")
            }, uniquingKeysWith: { $1 })
        self.communicator = communicator
    }

    private func number(_ key: String, _ otherwise: Int) -> Int {
        options[key].flatMap(Int.init) ?? otherwise
    }

    private func run() throws {
        var sizes = SmallTransformer.Config()
        sizes.width = number("width", 64)
        sizes.layers = number("layers", 2)
        (sizes.heads, sizes.context) = (4, number("context", 32))
        let seed = UInt64(communicator.rank == 0 ? 13 : 99)
        let weights = Weights.fresh(seed: seed)
        let model = try SmallTransformer(sizes, from: weights)
        if options["storage"] == "bf16" {
            for weight in weights.parameters {
                weight.replace(with: weight.value.cast(to: .bfloat16))
            }
        }
        let phase = TrainingPhase("all", [ParameterGroup("all", weights.parameters)])
        let optimizer = try PhaseOptimizer(phase, config(), communicator: communicator)
        let (steps, batch) = (number("steps", 10), number("batch", 8))
        let mine = batch / communicator.size
        let start = communicator.rank * mine
        var times: [Double] = []
        for step in 0..<steps {
            let begin = ContinuousClock.now
            let ids = tokens(step, batch, sizes.context + 1).sliced(0, start..<start + mine)
            let loss = withGradients {
                model.loss(
                    ids.sliced(1, 0..<sizes.context), targets: ids.sliced(1, 1..<sizes.context + 1))
                    * (Float(mine) / Float(batch))
            }
            try optimizer.accumulate(loss, isLast: true)
            _ = try optimizer.step(rate: 1e-3, clip: 1)
            if step > 0 { times.append((ContinuousClock.now - begin) / .seconds(1)) }
            if number("die", -1) == communicator.rank, step == 2 { kill(getpid(), SIGKILL) }
            if number("fail", -1) == communicator.rank, step == 2 { throw Failure() }
            if number("hang", -1) == communicator.rank, step == 2 { sleep(1000) }
            if step == 0 { say("training on \(communicator.size) ranks") }
        }
        if let path = options["checkpoint"] {
            let state = GatheredTensors(optimizer.state())
            if communicator.rank == 0 { try Safetensors.write(state.tensors, to: path) }
            try state.finish()
        }
        try report(times, weights.parameters)
        if let path = options["weights"], communicator.rank == 0 {
            try Safetensors.write(
                weights.parameters.map { ($0.name, $0.value.cast(to: .float32)) }, to: path)
        }
    }

    /// What a test asks a rank to stop with.
    private struct Failure: Error, CustomStringConvertible {
        let description = "asked to fail"
    }

    private func config() -> OptimizerConfig {
        var config = OptimizerConfig()
        config.partitionsState = options["zero"] == "2"
        if options["reduction"] == "bf16" { config.reduction = .bfloat16 }
        config.bucketLength = number("bucket", config.bucketLength)
        return config
    }

    private func tokens(_ step: Int, _ batch: Int, _ time: Int) -> Tensor {
        var random = TorchGenerator(seed: UInt64(step))
        return Tensor(random.integers(batch * time, below: 256).map(Int32.init), [batch, time])
    }

    private func say(_ text: String) {
        guard communicator.rank == 0 else { return }
        FileHandle.standardOutput.write(Data("\(text)\n".utf8))
    }

    private func report(_ times: [Double], _ parameters: [Parameter]) throws {
        var peaks = Array(repeating: 0.0, count: communicator.size)
        peaks[communicator.rank] = Double(Machine.peakMemoryBytes) / 1e6
        let memory = try communicator.sum(peaks).map { String(Int($0)) }
        let median = times.sorted()[times.count / 2]
        let count = parameters.reduce(0) { $0 + $1.value.count }
        say(
            "parameters \(count)  seconds/step \(median)  peak MB by rank "
                + memory.joined(separator: " "))
    }

    /// `compare A B tolerance`: of the largest difference, relative to the largest weight.
    private static func compare(_ arguments: [String]) throws {
        let files = try arguments.prefix(2).map { try Checkpoint(contentsOf: $0) }
        let tolerance = Float(arguments[2]) ?? 0
        var (difference, largest): (Float, Float) = (0, 0)
        for stored in files[0].tensors {
            guard let other = files[1][stored.name] else { throw Failure() }
            let (a, b) = try (stored.tensor().floats(), other.tensor().floats())
            largest = max(largest, a.map(abs).max() ?? 0)
            difference = max(difference, zip(a, b).map { abs($0 - $1) }.max() ?? 0)
        }
        print("largest difference \(difference / largest) of at most \(tolerance)")
        if !(difference <= tolerance * largest) { exit(1) }
    }
}
