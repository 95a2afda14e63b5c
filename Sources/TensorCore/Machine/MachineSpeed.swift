extension Machine {
    /// Multiplications and additions a second that networks get here now, measured in a tenth of a
    /// second: what an estimate of a long job is made with. Other programs' work slows it down too.
    ///
    /// A product and a convolution of the sizes that networks spend their time in, twice: the first
    /// time warms caches and memory up.
    public static func measuredSpeed() -> Double {
        let (rows, width) = (256, 768)
        let x = Tensor.zeros([rows, width])
        let weight = Tensor.zeros([width, width])
        let picture = Tensor.zeros([1, 128, 32, 32])
        let filters = Tensor.zeros([128, 128, 3, 3])
        let geometry = ConvolutionGeometry(stride: [1, 1], padding: [1, 1], dilation: [1, 1])
        let work = Double(2 * rows * width * width) + Double(2 * filters.count * 32 * 32)
        var seconds = Double.infinity
        for _ in 0..<3 {
            let begin = ContinuousClock.now
            _ = x.linear(weight)
            _ = picture.convolved(with: filters, bias: nil, geometry)
            seconds = min(seconds, (ContinuousClock.now - begin) / .seconds(1))
        }
        return work / max(seconds, 1e-9)
    }
}
