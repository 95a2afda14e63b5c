/// What is a component's own among the settings of its run.
///
/// The rest are the keys of every run and of the optimiser's side, as the stages have them.
public struct PretrainingConfig<Recipe: Codable & Sendable>: Codable, Sendable {
    /// Which component, as `--task` names it.
    public var task: PretrainingTask
    /// How it is trained.
    public var recipe: Recipe
    /// Whether layers are computed once more on the way back.
    public var checkpointActivations: Bool?
}
