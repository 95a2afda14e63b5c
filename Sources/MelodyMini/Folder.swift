package import TensorCore

/// The model folder of MelodyMini, the small model that comes with South-GPT.
///
/// It is looked for where `SOUTHGPT_MELODYMINI` says, beside the binary, in `../share/southgpt`,
/// and in the resource bundle.
///
/// - Throws: `ResourceError` where a binary was moved away from all of them
public func folder() throws -> String { try melodyMini.folder() }

/// How the folder is found.
package let melodyMini = ResourceLookup(
    name: "MelodyMini", marker: "southgpt.json", variable: "SOUTHGPT_MELODYMINI",
    mend: "A binary that is moved takes south-gpt_MelodyMini.resources along; or set "
        + "SOUTHGPT_MELODYMINI to the package's Sources/MelodyMini/model.", bundled: "model")
