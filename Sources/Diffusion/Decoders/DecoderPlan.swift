import ModelZoo
import TensorCore

/// What a run will take, known before it begins.
public struct DecoderPlan: Sendable, Equatable {
    /// Bytes of tensors at the peak, weights aside.
    public let peakBytes: Int
    /// Evaluations of the UNet, both branches of guidance as one.
    public let steps: Int
    /// Multiplications and additions of one of them.
    public let operationsPerStep: Double
    /// Multiplications and additions before and after them: encoding and decoding.
    public let otherOperations: Double

    /// Seconds that the run may take on a machine of that speed.
    ///
    /// - Parameter operationsPerSecond: as `Machine.measuredSpeed()` finds
    public func seconds(operationsPerSecond: Double) -> Double {
        (Double(steps) * operationsPerStep + otherOperations) / operationsPerSecond
    }
}

extension MediaDecoder {
    /// What a run with these options will take, without computing it.
    ///
    /// - Throws: `DecoderError` for options that the decoder refuses
    public func plan(for options: DecoderOptions) throws -> DecoderPlan {
        try plan(DecoderRequest(options, for: config), options)
    }

    /// Bytes of tensors that a run with these options holds at its peak, weights aside, without
    /// computing it.
    ///
    /// - Throws: `DecoderError` for options that the decoder refuses
    public func bytesNeeded(for options: DecoderOptions) throws -> Int {
        try plan(for: options).peakBytes
    }

    func plan(_ request: DecoderRequest, _ options: DecoderOptions) throws -> DecoderPlan {
        let start = modality == .image ? options.start : nil
        var evaluations = try config.scheduler(options, steps: request.steps).timesteps.count
        if let start, start.mask == nil || start.strength < 1 {
            evaluations -= start.skipped(steps: request.steps)
        }
        let (guided, batched) = (request.guidance > 1, request.batchesGuidance)
        var shape = request.latentShape
        shape[0] = request.count
        let step = try planned { networks, device in
            var shown = shape
            shown[0] *= guided && batched ? 2 : 1
            shown[1] = config.unet.inChannels
            // The scheduler keeps a few of these; they are small beside the networks' own.
            _ = networks.evaluate(
                .zeros(shown, device: device), 1,
                .zeros([shown[0]] + config.conditioningShape, device: device), {})
        }
        let decoding = try planned { networks, device in
            _ = networks.media(.zeros(shape, device: device), request) {}
        }
        var (bytes, others) = (max(step.peakBytes, decoding.peakBytes), decoding.operations)
        if let start {
            let encoding = try planned { networks, device in
                let pixels = Tensor.zeros([1] + start.picture.shape, device: device)
                _ = networks.encode(pixels, request) {}
            }
            bytes = max(bytes, encoding.peakBytes)
            others += encoding.operations * (config.paintsInMasks ? 2 : 1)
        }
        return DecoderPlan(
            peakBytes: bytes, steps: evaluations,
            operationsPerStep: step.operations * (guided && !batched ? 2 : 1),
            otherOperations: others)
    }

    private func planned(
        _ pass: (DecoderNetworks, Device) throws -> Void
    ) throws -> PassPlan {
        try MemoryBudget.plan { device in
            try pass(DecoderNetworks(config) { _ in .shapesOnly(device: device) }, device)
        }
    }
}
