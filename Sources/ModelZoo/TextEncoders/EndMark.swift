package import TensorCore

extension Tensor {
    /// The state of each text's end mark, which has the largest id of a CLIP vocabulary: of the
    /// first one, for padding after it may be the same.
    ///
    /// - Shapes: `[batch, time, width]` with `ids [batch, time]` → `[batch, width]`
    package func states(atEndsOf ids: Tensor) -> Tensor {
        let (batch, time) = (shape[0], shape[1])
        let places = ids.argMax(1).integers().enumerated().map { Int32($0 * time + $1) }
        return reshaped([batch * time, shape[2]])
            .rows(at: Tensor(places, [batch], device: device))
    }
}
