// Images in other sizes.

/// Images in other sizes.
package protocol ResizingPrimitives {
    /// `x [batch, channels, spatial…]` to `sizes`: output i reads input `⌊i · n / size⌋`.
    func resizeNearest(_ x: Tensor, to sizes: [Int]) -> Tensor
    /// Weighted sums of neighbours along the middle axis: `x [outer, n, inner]` →
    /// `[outer, size, inner]`.
    func resample(_ x: Tensor, _ table: ResamplingTable) -> Tensor
}

/// How an image is made larger or smaller.
public enum Interpolation: Sendable, Equatable {
    /// The element that an output lies in.
    case nearest
    /// Between the two neighbours on each axis.
    case linear
    /// Between four on each axis, by Keys's cubic with A = −0.75.
    case cubic
    /// Like `linear`, but over all inputs that a smaller output covers.
    case smoothLinear
    /// Like `cubic`, over all inputs that a smaller output covers, with A = −0.5.
    case smoothCubic
}

extension Tensor {
    /// `[batch, channels, spatial…]` resized by repeating the nearest element.
    public func resizedNearest(to sizes: [Int]) -> Tensor { resized(to: sizes, .nearest) }

    /// `[batch, channels, spatial…]` in other sizes: `torch.nn.functional.interpolate`, whose
    /// `antialias` is the smooth methods. Any number of spatial axes.
    ///
    /// - Parameter aligningCorners: the centres of the first and last elements stay where they
    ///   are, instead of the outer edges; not for `nearest`
    /// - Parameter scales: output over input length of each axis where it is not the ratio of the
    ///   lengths, as PyTorch uses a `scale_factor` it is given
    public func resized(
        to sizes: [Int], _ method: Interpolation, aligningCorners: Bool = false,
        scales: [Double]? = nil
    ) -> Tensor {
        let spatial = Array(shape.dropFirst(2))
        precondition(
            sizes.count == rank - 2 && (scales?.count ?? sizes.count) == sizes.count
                && zip(spatial, sizes).allSatisfy { $1 >= 0 && ($0 > 0 || $1 == 0) },
            "resized: \(shape) to \(sizes)")
        precondition(
            method != .nearest || (!aligningCorners && scales == nil),
            "resized: nearest neither aligns corners nor takes scales")
        let tables = sizes.indices.map { axis in
            ResamplingTable(
                from: spatial[axis], to: sizes[axis], method, aligningCorners: aligningCorners,
                scale: scales?[axis])
        }
        let x = real
        let result =
            method == .nearest
            ? backend.resizeNearest(x.detached(), to: sizes) : x.detached().resampled(by: tables)
        return result.recorded(from: x) { $0.resampled(by: tables.map(\.transposed)) }
    }

    /// Every spatial axis resampled, the last one first.
    private func resampled(by tables: [ResamplingTable]) -> Tensor {
        tables.indices.reversed().reduce(self) { x, index in
            if tables[index].isIdentity { return x }
            let axis = index + 2
            var shape = x.shape
            let rows = x.reshaped([
                shape[..<axis].reduce(1, *), shape[axis], shape[(axis + 1)...].reduce(1, *),
            ])
            shape[axis] = tables[index].size
            return x.backend.resample(rows, tables[index]).reshaped(shape)
        }
    }
}

/// The inputs and weights of each output along one axis: `y[i] = Σ_t weights[i, t] x[starts[i] + t]`.
package struct ResamplingTable: Sendable {
    /// Lengths before and after.
    package let (count, size): (Int, Int)
    /// Inputs of one output.
    package let taps: Int
    /// Of each output, its first input; they never go back.
    package let starts: [Int32]
    /// `[size, taps]`; zero where a tap lies beyond the last input.
    package let weights: [Float]

    /// Whether every output is its input.
    var isIdentity: Bool { count == size && taps == 1 && weights.allSatisfy { $0 == 1 } }

    private init(_ count: Int, _ rows: [(start: Int, weights: [Float])]) {
        (self.count, size) = (count, rows.count)
        let taps = rows.reduce(1) { Swift.max($0, $1.weights.count) }
        self.taps = taps
        starts = rows.map { Int32($0.start) }
        weights = rows.flatMap {
            $0.weights + [Float](repeating: 0, count: taps - $0.weights.count)
        }
    }

    /// The table of a method. Positions are single precision, as PyTorch computes them.
    init(
        from count: Int, to size: Int, _ method: Interpolation, aligningCorners: Bool,
        scale: Double?
    ) {
        let step: Float =
            aligningCorners
            ? (size > 1 ? Float(count - 1) / Float(size - 1) : 0)
            : scale.map { Float(1 / $0) } ?? Float(count) / Float(size)
        func position(_ index: Int) -> Float {
            aligningCorners ? step * Float(index) : step * (Float(index) + 0.5) - 0.5
        }
        self.init(
            count,
            (0..<size).map { index in
                switch method {
                case .nearest: return (index * count / size, [1])
                case .linear:
                    let place = Swift.max(position(index), 0)
                    let first = Swift.min(Int(place), count - 1)
                    let part = Swift.min(Swift.max(place - Float(first), 0), 1)
                    return first + 1 < count ? (first, [1 - part, part]) : (first, [1])
                case .cubic:
                    let place = position(index)
                    let floor = place.rounded(.down)
                    return ResamplingTable.cubic(Int(floor), place - floor, count)
                case .smoothLinear, .smoothCubic:
                    return ResamplingTable.smooth(index, step, count, method)
                }
            })
    }

    /// Keys's cubic at a distance, by the parameter A.
    private static func keys(_ distance: Float, _ a: Float) -> Float {
        let x = abs(distance)
        if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
    }

    /// Four neighbours; those beyond an edge count as the edge.
    private static func cubic(_ floor: Int, _ part: Float, _ count: Int) -> (Int, [Float]) {
        func clamped(_ place: Int) -> Int { Swift.min(Swift.max(place, 0), count - 1) }
        let first = clamped(floor - 1)
        var weights = [Float](repeating: 0, count: clamped(floor + 2) - first + 1)
        for tap in -1...2 {
            weights[clamped(floor + tap) - first] += keys(part - Float(tap), -0.75)
        }
        return (first, weights)
    }

    /// All inputs under the kernel, which is as wide as an output where that is wider.
    private static func smooth(
        _ index: Int, _ step: Float, _ count: Int, _ method: Interpolation
    ) -> (Int, [Float]) {
        let width = Swift.max(step, 1)
        let reach = (method == .smoothCubic ? 2 : 1) * width
        let center = step * (Float(index) + 0.5)
        let first = Swift.min(Swift.max(Int(center - reach + 0.5), 0), count - 1)
        let end = Swift.max(Swift.min(Int(center + reach + 0.5), count), first + 1)
        let weights = (first..<end).map { place -> Float in
            let distance = (Float(place) - center + 0.5) / width
            return method == .smoothCubic
                ? keys(distance, -0.5) : Swift.max(1 - abs(distance), 0)
        }
        let total = weights.reduce(0, +)
        return (first, total == 0 ? weights : weights.map { $0 / total })
    }

    /// The way of gradients: each input takes from the outputs that it went into.
    var transposed: ResamplingTable {
        var rows = [(start: Int, weights: [Float])](repeating: (0, []), count: count)
        for index in 0..<size {
            let start = Int(starts[index])
            for tap in 0..<Swift.min(taps, count - start) {
                let weight = weights[index * taps + tap]
                if weight == 0 { continue }
                let input = start + tap
                if rows[input].weights.isEmpty { rows[input].start = index }
                let gap = index - rows[input].start - rows[input].weights.count
                rows[input].weights += [Float](repeating: 0, count: gap) + [weight]
            }
        }
        return ResamplingTable(size, rows)
    }
}
