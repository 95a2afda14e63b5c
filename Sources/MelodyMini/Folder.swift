package import TensorCore

/// The model folder of MelodyMini, the small model that South-GPT is meant to come with.
///
/// It is looked for where `SOUTHGPT_MELODYMINI` says, beside the binary, in `../share/southgpt`,
/// and in the resource bundle.
///
/// - Throws: `ResourceError`: the trained model is not part of the package yet, so this says how to
///   make a folder of the same layout with random weights
public func folder() throws -> String { try melodyMini.folder() }

/// How the folder is found.
package let melodyMini = ResourceLookup(
    name: "MelodyMini", marker: "southgpt.json", variable: "SOUTHGPT_MELODYMINI",
    mend: "The trained model is not bundled yet; a tiny one with random weights is made by: "
        + "southgpt-checkpoint init --preset tiny --seed 13 --output MelodyMini, and found with "
        + "SOUTHGPT_MELODYMINI=MelodyMini.", bundled: "model")
