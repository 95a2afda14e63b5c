// What runs say of themselves.

import DataPipeline

extension RunSummary {
    init(task: some TrainingTask, plan: RunPlan, data: TrainingData, completed: Int) {
        self.init(
            task: task.name,
            groups: task.phases.flatMap { phase in
                phase.groups.map {
                    Group(
                        phase: phase.name, name: $0.name, tensors: $0.parameters.count,
                        parameters: $0.count)
                }
            },
            parameters: task.parameterReport, data: data.summary, batchSize: plan.batchSize,
            microBatch: plan.microBatch,
            accumulation: plan.accumulation, ranks: plan.ranks, steps: plan.steps,
            completed: completed, config: plan.values, notes: plan.notes)
    }
}

extension RunState {
    init(task: some TrainingTask, plan: RunPlan, data: TrainingData) {
        let counts = data.training.map { ($0.entry.name, $0.count) }
        self.init(
            task: task.name, step: 0, steps: plan.steps, globalBatch: plan.globalBatch,
            accumulation: plan.accumulation, samples: Dictionary(counts) { first, _ in first },
            identity: task.identity, config: plan.values)
    }
}
