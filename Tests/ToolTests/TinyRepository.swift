import Foundation
import TestSupport

/// Tiny data and a tiny model in the README's layout, as `Scripts/make-tiny-data` makes them.
struct TinyRepository {
    let folder: String

    /// One for all tests of this process, which only read it.
    static let source: Result<String, any Error> = Result {
        let folder = FileManager.default.temporaryDirectory.appending(
            component: "southgpt-data-\(ProcessInfo.processInfo.processIdentifier)"
        ).path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        let script = Fixture.path("../../Scripts/make-tiny-data")
        let outcome = try BuiltTool(bash: "\"$@\"", in: folder, [script, folder, "4"]).outcome()
        guard outcome.status == 0 else { throw Failed(errors: outcome.errors) }
        return folder
    }

    private struct Failed: Error { let errors: String }

    /// A copy that a test may change; the media stay where they are.
    init(in place: String) throws {
        folder = "\(place)/repository"
        try FileManager.default.copyItem(atPath: TinyRepository.source.get(), toPath: folder)
    }

    /// The settings of every run here: projections as small as the rest.
    static let settings = ["image", "video", "audio"].flatMap { modality in
        let name = modality == "image" ? "img" : modality
        return ["--set", "text_fc_to_\(name)_mode=linear"]
    }

    /// `southgpt-train` here, with the parts of `ckpt/`.
    func train(_ arguments: [String]) -> BuiltTool {
        BuiltTool(
            "southgpt-train", in: folder,
            ["--model", "southgpt"] + TinyRepository.settings + arguments)
    }

    /// A stage on text alone, of 40 steps.
    func talk(_ save: String, _ more: String...) -> [String] {
        ["--stage", "3", "--save_path", save, "--set", "dataset_name_list=[alpaca_instruction]"]
            + ["--set", "epochs=10", "--set", "max_length=64", "--set", "lora_r=4"]
            + ["--set", "lora_alpha=4", "--set", "save_every=0"] + more
    }

    func bytes(_ path: String) throws -> Data {
        try Data(contentsOf: URL(filePath: "\(folder)/\(path)"))
    }

    /// The names in a folder, sorted; none where there is none.
    func names(_ path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(path)")) ?? []).sorted()
    }

    func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(folder)/\(path)")
    }
}
