/// `scheduler_config.json`. Only what the file says is kept; what it leaves out takes the default
/// of the sampler in use, so that another `kind` on the same file behaves as in diffusers.
public struct SchedulerConfig: Codable, Equatable, Sendable {
    /// The sampler. Setting it swaps the sampler and keeps the file's own keys.
    public var kind: SchedulerKind
    public var numTrainTimesteps: Int?
    public var betaStart: Double?
    public var betaEnd: Double?
    public var betaSchedule: BetaSchedule?
    public var trainedBetas: [Float]?
    public var timestepSpacing: TimestepSpacing?
    public var stepsOffset: Int?
    public var predictionType: PredictionType?
    public var setAlphaToOne: Bool?
    public var clipSample: Bool?
    public var clipSampleRange: Float?
    public var thresholding: Bool?
    public var rescaleBetasZeroSnr: Bool?
    public var skipPrkSteps: Bool?
    public var solverOrder: Int?
    public var solverType: String?
    public var algorithmType: String?
    public var lowerOrderFinal: Bool?
    public var eulerAtFinal: Bool?
    public var predictX0: Bool?
    public var finalSigmasType: String?
    public var useKarrasSigmas: Bool?
    public var useExponentialSigmas: Bool?
    public var useBetaSigmas: Bool?
    public var useLuLambdas: Bool?
    public var useFlowSigmas: Bool?
    public var interpolationType: String?
    public var originalInferenceSteps: Int?
    public var timestepScaling: Float?

    /// A config that leaves everything to the sampler's defaults.
    public init(_ kind: SchedulerKind) { self.kind = kind }

    enum CodingKeys: String, CodingKey {
        // The one key whose published name is no Swift name.
        case kind = "_className"
        case numTrainTimesteps, betaStart, betaEnd, betaSchedule, trainedBetas, timestepSpacing
        case stepsOffset, predictionType, setAlphaToOne, clipSample, clipSampleRange, thresholding
        case rescaleBetasZeroSnr, skipPrkSteps, solverOrder, solverType, algorithmType
        case lowerOrderFinal, eulerAtFinal, predictX0, finalSigmasType, useKarrasSigmas
        case useExponentialSigmas, useBetaSigmas, useLuLambdas, useFlowSigmas, interpolationType
        case originalInferenceSteps, timestepScaling
    }
}

// MARK: - What absent keys mean

extension SchedulerConfig {
    /// The timesteps that the network was trained on.
    public var trainTimesteps: Int { numTrainTimesteps ?? 1000 }
    var prediction: PredictionType { predictionType ?? .epsilon }
    var offset: Int { stepsOffset ?? 0 }
    /// The ancestral sampler does not have the key.
    var karras: Bool { kind != .eulerAncestral && useKarrasSigmas ?? false }

    var spacing: TimestepSpacing {
        switch kind {
        case .ddim, .pndm, .lcm: timestepSpacing ?? .leading
        case .dpmSolver, .euler, .eulerAncestral, .uniPC: timestepSpacing ?? .linspace
        }
    }

    var finalAlphaIsOne: Bool { setAlphaToOne ?? (kind != .pndm) }

    /// The bound of predicted clean samples, if they are clipped.
    var clip: Float? {
        clipSample ?? (kind == .ddim) ? clipSampleRange ?? 1 : nil
    }

    /// Refuses keys that would change the result and are not implemented.
    func check() throws {
        let flags: [(String, Bool?)] = [
            ("thresholding", thresholding), ("rescale_betas_zero_snr", rescaleBetasZeroSnr),
            ("use_exponential_sigmas", useExponentialSigmas), ("use_beta_sigmas", useBetaSigmas),
            ("use_lu_lambdas", useLuLambdas), ("use_flow_sigmas", useFlowSigmas),
        ]
        for (name, value) in flags where value == true {
            throw unsupported(name, "Set \(name) to false.")
        }
        guard (2...100_000).contains(trainTimesteps) else {
            throw unsupported("num_train_timesteps \(trainTimesteps)", "Use 1000.")
        }
        guard trainedBetas.map({ $0.count == trainTimesteps }) ?? true else {
            throw unsupported(
                "\(trainedBetas?.count ?? 0) trained_betas for \(trainTimesteps) timesteps",
                "Give one for each timestep, or null.")
        }
        if let final = finalSigmasType, final != "zero", final != "sigma_min" {
            throw unsupported("final_sigmas_type \(final)", "Use zero or sigma_min.")
        }
    }

    func unsupported(_ what: String, _ mend: String) -> SchedulerError {
        .unsupported(kind: kind, what: what, mend: mend)
    }
}
