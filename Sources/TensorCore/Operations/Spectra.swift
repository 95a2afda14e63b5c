import Glibc

// Fourier transforms. A complex number is a pair in a last axis of length two, as PyTorch's
// `view_as_real` shows it.

/// Fourier transforms of rows of any length, none of them scaled.
package protocol SpectraPrimitives {
    /// `Σ x[j] e^(−2πi·jk/n)`, or with the other sign for the inverse: `[rows, n, 2]`, same shape.
    func fourier(_ x: Tensor, inverse: Bool) -> Tensor
    /// The first half of the spectra of real rows: `[rows, n]` → `[rows, n/2 + 1, 2]`.
    func realFourier(_ x: Tensor) -> Tensor
    /// The inverse of half spectra, to `count` real numbers; the imaginary parts of bins that
    /// stand alone do not count: `[rows, count/2 + 1, 2]` → `[rows, count]`.
    func inverseRealFourier(_ x: Tensor, count: Int) -> Tensor
    /// Frames added up `hop` apart: `[rows, frames, size]` → `[rows, length]`, no frame reaching
    /// over the end.
    func overlapAdd(_ x: Tensor, hop: Int, length: Int) -> Tensor
}

extension Tensor {
    /// The discrete Fourier transform of complex rows, or its inverse, divided by the length:
    /// `torch.fft.fft`, `ifft`.
    ///
    /// - Shapes: `[…, n, 2]` → `[…, n, 2]`, any n
    public func fourierTransform(inverse: Bool = false) -> Tensor {
        precondition(
            rank >= 2 && shape[rank - 1] == 2, "fourierTransform: shape \(shape), expected pairs")
        let (x, shape, n) = (real, shape, shape[rank - 2])
        let rows = [shape.dropLast(2).reduce(1, *), n, 2]
        let scale = inverse ? 1 / Float(Swift.max(n, 1)) : 1
        let y = backend.fourier(x.detached().reshaped(rows), inverse: inverse)
        return (inverse ? y * scale : y).reshaped(shape).recorded(from: x) { gradient in
            let back = gradient.backend.fourier(gradient.reshaped(rows), inverse: !inverse)
            return (inverse ? back * scale : back).reshaped(shape)
        }
    }

    /// The spectra of real rows, up to half the sampling rate: `torch.fft.rfft`.
    ///
    /// - Shapes: `[…, n]` → `[…, n/2 + 1, 2]`, any n above zero
    public func realFourierTransform() -> Tensor {
        precondition(rank >= 1 && shape[rank - 1] > 0, "realFourierTransform: shape \(shape)")
        let (x, shape, n) = (real, shape, shape[rank - 1])
        let bins = n / 2 + 1
        return backend.realFourier(x.detached().lastAxisRows)
            .reshaped(shape.dropLast() + [bins, 2])
            .recorded(from: x) { gradient in
                // The inverse counts bins with a mirror image twice.
                let halved = gradient * Tensor.binWeights(n, 0.5, gradient.device)
                return gradient.backend.inverseRealFourier(
                    halved.reshaped([-1, bins, 2]), count: n
                ).reshaped(shape)
            }
    }

    /// Real rows from their spectra, divided by the length: `torch.fft.irfft`.
    ///
    /// - Shapes: `[…, count/2 + 1, 2]` → `[…, count]`
    public func inverseRealFourierTransform(_ count: Int) -> Tensor {
        let bins = count / 2 + 1
        precondition(
            rank >= 2 && count > 0 && Array(shape.suffix(2)) == [bins, 2],
            "inverseRealFourierTransform: shape \(shape) to \(count) numbers")
        let (x, shape, scale) = (real, shape, 1 / Float(count))
        let rows = shape.dropLast(2).reduce(1, *)
        let y = backend.inverseRealFourier(x.detached().reshaped([rows, bins, 2]), count: count)
        return (y * scale).reshaped(shape.dropLast(2) + [count]).recorded(from: x) { gradient in
            let spectra = gradient.backend.realFourier(gradient.reshaped([rows, count]))
            return (spectra * (Tensor.binWeights(count, 2, gradient.device) * scale))
                .reshaped(shape)
        }
    }

    /// `[bins, 1]`: one for bins that stand alone, `value` for those with a mirror image.
    private static func binWeights(_ count: Int, _ value: Float, _ device: Device) -> Tensor {
        let weights = (0..<(count / 2 + 1)).map { bin in
            bin == 0 || 2 * bin == count ? Float(1) : value
        }
        return Tensor(weights, [weights.count, 1], device: device)
    }

    /// Overlapping parts of the last axis, `hop` apart, as a view: `Tensor.unfold`.
    ///
    /// - Shapes: `[…, n]` → `[…, (n − size) / hop + 1, size]`; what fills no frame is left out
    public func framed(_ size: Int, hop: Int) -> Tensor {
        precondition(
            rank >= 1 && size > 0 && hop > 0 && shape[rank - 1] >= size,
            "framed: shape \(shape) into frames of \(size) every \(hop)")
        let (shape, length) = (shape, shape[rank - 1])
        let frames = (length - size) / hop + 1
        let step = strides[rank - 1]
        return view(
            shape.dropLast() + [frames, size], strides.dropLast() + [step * hop, step]
        ).recorded(from: self) { gradient in
            gradient.backend.overlapAdd(
                gradient.reshaped([-1, frames, size]), hop: hop, length: length
            ).reshaped(shape)
        }
    }

    /// Frames added up `hop` apart, the reverse of `framed` where they do not overlap.
    ///
    /// - Shapes: `[…, frames, size]` → `[…, (frames − 1)·hop + size]`
    public func overlapAdded(hop: Int) -> Tensor {
        precondition(
            rank >= 2 && hop > 0 && shape[rank - 2] > 0 && shape[rank - 1] > 0,
            "overlapAdded: shape \(shape) every \(hop)")
        let (x, frames, size) = (real, shape[rank - 2], shape[rank - 1])
        let length = (frames - 1) * hop + size
        let rows = x.detached().reshaped([shape.dropLast(2).reduce(1, *), frames, size])
        return backend.overlapAdd(rows, hop: hop, length: length)
            .reshaped(shape.dropLast(2) + [length])
            .recorded(from: x) { $0.framed(size, hop: hop) }
    }
}

// MARK: - Short-time transforms

extension Tensor {
    /// `½ − ½ cos(2πi/n)`, `torch.hann_window`: of `size` numbers, or, if `isPeriodic` is false, the
    /// symmetric one with n = size − 1.
    public static func hannWindow(
        _ size: Int, isPeriodic: Bool = true, device: Device = .cpu
    ) -> Tensor {
        let turn = 2 * Double.pi / Double(Swift.max(isPeriodic ? size : size - 1, 1))
        let values = (0..<size).map { Float(0.5 - 0.5 * Glibc.cos(turn * Double($0))) }
        return Tensor(size == 1 ? [1] : values, device: device)
    }

    /// A window made up to `size` with zeros on both sides; ones for none.
    private static func window(_ window: Tensor?, _ size: Int, _ device: Device) -> Tensor {
        guard let window else { return .full([size], 1, device: device) }
        precondition(
            window.rank == 1 && window.count <= size,
            "shortTimeFourierTransform: a window of shape \(window.shape) for frames of \(size)")
        let before = (size - window.count) / 2
        return window.padded([(before, size - window.count - before)])
    }

    /// The spectra of overlapping frames: `torch.stft`, one-sided, not normalised.
    ///
    /// - Shapes: `[…, samples]` → `[…, size/2 + 1, frames, 2]`
    /// - Parameter window: at most `size` numbers; shorter ones stand in the middle of the frame
    /// - Parameter isCentered: frame i is centred on sample `i · hop`, with half a frame of padding
    ///   on both sides
    public func shortTimeFourierTransform(
        _ size: Int, hop: Int, window: Tensor? = nil, isCentered: Bool = true,
        padding: PaddingMode = .reflect
    ) -> Tensor {
        var x = real
        if isCentered {
            let sides = [(before: Int, after: Int)](repeating: (0, 0), count: rank - 1)
            x = x.padded(sides + [(size / 2, size / 2)], padding)
        }
        var frames = x.framed(size, hop: hop)
        if window != nil { frames = frames * .window(window, size, device) }
        return frames.realFourierTransform().transposed(-3, -2)
    }

    /// The sound whose frames have these spectra, or the one nearest to them: `torch.istft`.
    ///
    /// - Shapes: `[…, size/2 + 1, frames, 2]` → `[…, samples]`
    /// - Parameter length: of the result, which is cut or filled with zeros; nil is all that the
    ///   frames give
    /// - Parameter window: as on the way forward, like `isCentered`. Where no window reaches, the
    ///   result is zero
    public func inverseShortTimeFourierTransform(
        _ size: Int, hop: Int, window: Tensor? = nil, isCentered: Bool = true, length: Int? = nil
    ) -> Tensor {
        precondition(
            rank >= 3 && shape[rank - 1] == 2 && shape[rank - 3] == size / 2 + 1,
            "inverseShortTimeFourierTransform: shape \(shape) for frames of \(size)")
        let weights = Tensor.window(window, size, device)
        let frames = transposed(-3, -2).inverseRealFourierTransform(size) * weights
        let envelope = weights.squared().broadcast(to: [shape[rank - 2], size])
            .overlapAdded(hop: hop)
        let sound = frames.overlapAdded(hop: hop)
        // Where the envelope is zero so is the sum.
        let whole = sound / envelope.maximum(Tensor(1e-11, device: device))
        let start = isCentered ? size / 2 : 0
        let end = length.map { start + $0 } ?? (envelope.count - start)
        let reach = Swift.min(end, envelope.count)
        precondition(
            start <= reach, "inverseShortTimeFourierTransform: \(shape) is shorter than its margins"
        )
        let part = whole.sliced(-1, start..<reach)
        if end == reach { return part }
        let sides = [(before: Int, after: Int)](repeating: (0, 0), count: part.rank - 1)
        return part.padded(sides + [(0, end - reach)])
    }
}
