import Diffusion
import MediaIO
import ModelZoo

extension LatentPreview {
    /// What the medium will look like, after every so many steps but the last; nil after the others,
    /// and of sounds.
    func picture(of step: DenoisingStep, every steps: Int?) -> RGBImage? {
        guard modality != .audio, let steps, step.index.isMultiple(of: steps),
            step.index < step.count
        else { return nil }
        return RGBImage(self(step.clean))
    }
}
