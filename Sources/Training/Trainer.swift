import DataPipeline
public import SouthGPT
import TensorCore

/// Trains a task: steps over the data in the plan's order, with evaluations, checkpoints and events
/// for those who watch.
///
/// What a run computes depends on the plan, the data and the task alone: one that is stopped or
/// killed at any moment and goes on ends in the same bits, at the same ranks and threads.
public struct Trainer<Task: TrainingTask>: Sendable {
    private let task: Task
    private let plan: RunPlan
    private let data: TrainingData
    private let folder: RunFolder
    private let communicator: Communicator
    private let observers: [any RunObserver]

    /// A trainer.
    ///
    /// - Parameters:
    ///   - folder: where the run is kept
    ///   - observers: who is told what happens; on rank 0 alone
    public init(
        _ task: Task, plan: RunPlan, data: TrainingData, folder: RunFolder,
        communicator: Communicator, observers: [any RunObserver] = []
    ) {
        (self.task, self.plan, self.data) = (task, plan, data)
        (self.folder, self.communicator) = (folder, communicator)
        self.observers = communicator.rank == 0 ? observers : []
    }

    /// Takes the steps that are left, from the newest checkpoint on where there is one.
    ///
    /// Raising `stop`, or cancelling the task that awaits this, ends the run after the step that is
    /// being taken, with a checkpoint.
    ///
    /// - Throws: `RunError` for a checkpoint of another run, `.notFinite`; `DatasetError.tooManyBad`;
    ///   `CheckpointError.unwritable`: the last checkpoint is whole then; `CommunicatorError`
    public func run(stop: StopFlag = StopFlag()) async throws -> StopReason {
        // Cancelling would also keep the checkpoint from being written: it is passed on as a wish.
        // A step waits for other ranks: none of the few threads that tasks share is for that.
        let work = _Concurrency.Task(executorPreference: WaitingThread("southgpt.trainer")) {
            let loop = try TrainingLoop(
                task, plan: plan, data: data, folder: folder, communicator: communicator,
                observers: observers)
            return try await loop.run(stop: stop)
        }
        do {
            return try await withTaskCancellationHandler {
                try await work.value
            } onCancel: {
                stop.raise()
            }
        } catch {
            if case .notFinite = error as? RunError { throw error }
            let step = folder.steps.last ?? 0
            for observer in observers { observer.note(.stopped(.failed("\(error)"), step: step)) }
            throw error
        }
    }
}
