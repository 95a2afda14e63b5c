import ArgumentParser

@main
struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "southgpt-evaluate",
        abstract: "Score what a model says and makes of a dataset, with 95 % intervals.",
        discussion: """
            'run' asks the model and scores it; 'train-judge' makes a classifier that says what \
            generated media show, from real media alone.

            EXAMPLES
              southgpt-evaluate train-judge image --plan Configs/melodymini/evaluation.yaml \\
                --catalog Configs/melodymini/catalog.yaml --root mini --dataset melody_image \\
                --held-out melody_image_test --output mini/judges
              southgpt-evaluate --model mini/model --plan Configs/melodymini/evaluation.yaml \\
                --catalog Configs/melodymini/catalog.yaml --root mini --judges mini/judges \\
                --dataset melody_image_test --dataset melody_audio_test --output mini/scores
            """,
        subcommands: [RunEvaluation.self, TrainJudge.self],
        defaultSubcommand: RunEvaluation.self)
}
