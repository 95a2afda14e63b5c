import TensorCore
import TestSupport
import Testing

@Suite struct BufferPoolTests {
    private func figures(_ pool: BufferPool) -> [Int] {
        [pool.usage.current, pool.usage.peak, pool.usage.cached]
    }

    @Test func recyclesBuffersAndCountsThem() {
        let pool = BufferPool(cacheFloor: 0)
        var first: HostStorage? = pool.storage(byteCount: 1000)
        let address = first?.hostPointer
        #expect(figures(pool) == [1024, 1024, 0])
        first = nil
        #expect(figures(pool) == [0, 1024, 1024])
        var second: HostStorage? = pool.storage(byteCount: 1020)
        #expect(second?.hostPointer == address)
        #expect(pool.usage.systemRequests == 1)
        second = nil
        #expect(second == nil)
        pool.resetPeak()
        #expect(figures(pool) == [0, 0, 1024])
        pool.trim()
        #expect(figures(pool) == [0, 0, 0])
    }

    @Test func keepsNoMoreThanAQuarterAboveThePeak() {
        let pool = BufferPool(cacheFloor: 0)
        for size in [1 << 20, 1 << 19, 1 << 18] { _ = pool.storage(byteCount: size) }
        // Together they would exceed what was ever needed: the one that waited longest went back.
        #expect(figures(pool) == [0, 1 << 20, (1 << 19) + (1 << 18)])
    }

    @Test func whatAnEarlierPassLeftGoesBackBeforeWhatThisOneUses() {
        let pool = BufferPool(cacheFloor: 1 << 20)
        // Four at a time, then none of that size again.
        _ = (0..<4).map { _ in pool.storage(byteCount: 1 << 18) }
        for _ in 0..<5 { _ = pool.storage(byteCount: 1 << 20) }
        #expect(pool.usage.systemRequests == 4 + 1)
    }

    @Test func aRepeatedPassTakesNothingFromTheSystem() async {
        await #expect(processExitsWith: .success) {
            let x = recipeInput("x", [70, 96])
            let weight = recipeInput("w", [96, 96])
            func pass() {
                let y = x.linear(weight, activation: .gelu).softmax()
                _ = attention(
                    y.reshaped(1, 1, 70, 96), y.reshaped(1, 1, 70, 96),
                    x[0..<70].reshaped(1, 1, 70, 96))
                _ = (y.transposed().dense() * 2).sum()
            }
            pass()
            let before = BufferPool.shared.usage
            pass()
            let after = BufferPool.shared.usage
            precondition(after.systemRequests == before.systemRequests && after == before)
            precondition(TensorMemory.peak >= TensorMemory.current && TensorMemory.cached > 0)
            TensorMemory.releaseCached()
            precondition(TensorMemory.cached == 0)
        }
    }
}

@Suite struct MemoryBudgetTests {
    @Test func refusesWhatExceedsTheLimitAndSetsNothingAside() throws {
        let budget = MemoryBudget(limit: 100 << 20)
        try budget.reserve(60 << 20, for: "The language model")
        let error = #expect(throws: MemoryError.self) {
            try budget.reserve(50 << 20, for: "The decoder of video")
        }
        #expect(
            error?.description == "The decoder of video: needs 110 MiB of memory together with "
                + "what is loaded; allowed are 100 MiB. Allow more, or ask for less.")
        budget.release(20 << 20)
        try budget.reserve(50 << 20, for: "The decoder of video")
    }

    @Test func refusesAPassThatTheMachineCannotHold() throws {
        let budget = MemoryBudget()
        let error = #expect(throws: MemoryError.self) {
            try budget.reserving(1 << 60, for: "Decoding an image") { Issue.record("it ran") }
        }
        guard case .exhausted(let needed, let available, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(needed == 1 << 60 && available > 0 && available < 1 << 50)
        // Mapped files are the system's to drop.
        try budget.reserve(1 << 60, for: "A mapped file", mapped: true)
    }

    @Test func givesAPassesMemoryBackWhenItEnds() throws {
        let budget = MemoryBudget(limit: 1 << 20)
        for _ in 0..<3 { try budget.reserving(1 << 20, for: "A pass") {} }
    }
}

@Suite struct PlanningTests {
    /// A convolution, a norm, attention and a linear map, forward and backward.
    private func pass(_ device: Device) -> Tensor {
        let x = Tensor.zeros([2, 32, 16, 16], device: device)
        let weight = Tensor.zeros([64, 32, 3, 3], device: device)
        let geometry = ConvolutionGeometry(stride: [1, 1], padding: [1, 1], dilation: [1, 1])
        return withGradients {
            let y = x.differentiable().convolved(with: weight, geometry)
                .groupNorm(groups: 8, weight: nil, bias: nil, epsilon: 1e-5, activation: .silu)
            let rows = y.flattened(2...3).transposed().splitHeads(4)
            let z = attention(rows, rows, rows)
            return z.linear(.zeros([256, 64], device: device), activation: .gelu).sum()
        }
    }

    @Test func foreseesTheShapesAndMemoryOfAPass() async {
        await #expect(processExitsWith: .success) {
            let suite = PlanningTests()
            let foreseen = MemoryBudget.bytesNeeded { device in
                _ = suite.pass(device).backward()
            }
            TensorMemory.resetPeak()
            let before = TensorMemory.current
            _ = suite.pass(.cpu).backward()
            let taken = TensorMemory.peak - before
            // Kernels may need copies that the plan does not know of, and the other way round.
            let ratio = Double(taken) / Double(foreseen)
            precondition(abs(ratio - 1) < 0.2, "\(taken) bytes taken, \(foreseen) foreseen")
        }
    }

    @Test func readingAPlannedTensorStopsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            _ = MemoryBudget.bytesNeeded { device in
                _ = Tensor.zeros([2], device: device).floats()
            }
        }
    }
}
