// Comparisons of elements, after broadcasting, and choices by them.

extension Tensor {
    private static func compare(_ comparison: Comparison, _ a: Tensor, _ b: Tensor) -> Tensor {
        guard let shape = a.shape.broadcast(with: b.shape) else {
            preconditionFailure("\(comparison): shapes \(a.shape) and \(b.shape)")
        }
        let integers = !a.dtype.isFloatingPoint && !b.dtype.isFloatingPoint
        let narrow = a.dtype == .int32 && b.dtype == .int32
        let dtype: DType = !integers ? .float32 : narrow ? .int32 : .int64
        return a.backend.compare(
            comparison, a.detached().cast(to: dtype).broadcast(to: shape),
            b.detached().cast(to: dtype).broadcast(to: shape))
    }

    /// Whether elements are equal, with broadcasting; `bool`. NaN equals nothing.
    public static func .== (a: Tensor, b: Tensor) -> Tensor { compare(.equal, a, b) }
    /// Whether elements of `a` are below those of `b`, with broadcasting; `bool`.
    public static func .< (a: Tensor, b: Tensor) -> Tensor { compare(.less, a, b) }
    /// Whether elements of `a` are at most those of `b`, with broadcasting; `bool`.
    public static func .<= (a: Tensor, b: Tensor) -> Tensor { compare(.atMost, a, b) }
    /// Whether elements of `a` are above those of `b`, with broadcasting; `bool`.
    public static func .> (a: Tensor, b: Tensor) -> Tensor { compare(.less, b, a) }
    /// Whether elements of `a` are at least those of `b`, with broadcasting; `bool`.
    public static func .>= (a: Tensor, b: Tensor) -> Tensor { compare(.atMost, b, a) }

    /// Elements of `a` where `mask` holds (is not 0), else those of `b`, with broadcasting.
    public static func choose(_ mask: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
        guard let pair = a.shape.broadcast(with: b.shape),
            let shape = pair.broadcast(with: mask.shape)
        else {
            preconditionFailure("choose: by \(mask.shape) of \(a.shape) and \(b.shape)")
        }
        let choice = mask.detached().cast(to: .bool).broadcast(to: shape)
        let (x, y) = (a.real, b.real)
        let (shapes, tracked) = ((x.shape, y.shape), (x.isTracked, y.isTracked))
        return mask.backend.choose(
            choice, x.detached().broadcast(to: shape), y.detached().broadcast(to: shape)
        ).recorded(from: [x, y]) { gradient in
            let zero = Tensor(0, device: gradient.device)
            return [
                tracked.0 ? choose(choice, gradient, zero).summed(to: shapes.0) : nil,
                tracked.1 ? choose(choice, zero, gradient).summed(to: shapes.1) : nil,
            ]
        }
    }
}
