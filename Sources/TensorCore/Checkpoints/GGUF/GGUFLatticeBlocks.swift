// Blocks that name points of a lattice: four or eight elements by one number, their signs apart.
// Source: ggml `ggml-common.h` and `ggml-quants.c`.

extension GGUFBlock {
    /// Eight signs of which seven are stored: an even number of them is minus.
    private func signs(_ seven: UInt32) -> UInt8 {
        let bits = UInt8(seven & 127)
        return bits | UInt8(bits.nonzeroBitCount & 1) << 7
    }

    /// The coordinates of a point times `scale`, with the signs of the lowest bits.
    private func place(
        _ lattice: GGUFLattice, _ point: Int, _ scale: Float, signs: UInt8,
        at x: UnsafeMutablePointer<Float>
    ) {
        let first = point * lattice.dimensions
        for axis in 0..<lattice.dimensions {
            let value = scale * lattice.coordinates[first + axis]
            x[axis] = signs >> UInt8(axis) & 1 == 0 ? value : -value
        }
    }

    /// Four bits of the group, low ones first.
    private func nibble(_ offset: Int, _ group: Int) -> Float {
        Float(self[offset + group / 2] >> UInt8(4 * (group % 2)) & 15)
    }

    /// For each 32 elements four points, then four times seven signs and four bits of scale.
    func readIQ2_XXS(into x: UnsafeMutablePointer<Float>) {
        let (scale, lattice) = (half(0), GGUFLattice.iq2XXS)
        for point in 0..<32 {
            let offset = 2 + 8 * (point / 4)
            let rest = word(offset + 4)
            place(
                lattice, Int(self[offset + point % 4]), scale * (0.5 + Float(rest >> 28)) * 0.25,
                signs: signs(rest >> UInt32(7 * (point % 4))), at: x + 8 * point)
        }
    }

    /// Nine bits of point and seven of sign; a scale for each 16 elements.
    func readIQ2_XS(into x: UnsafeMutablePointer<Float>) {
        let (scale, lattice) = (half(0), GGUFLattice.iq2XS)
        for point in 0..<32 {
            let both = short(2 + 2 * point)
            place(
                lattice, Int(both & 511), scale * (0.5 + nibble(66, point / 2)) * 0.25,
                signs: signs(UInt32(both >> 9)), at: x + 8 * point)
        }
    }

    /// Ten bits of point, two of them apart; whole bytes of signs.
    func readIQ2_S(into x: UnsafeMutablePointer<Float>) {
        let (scale, lattice) = (half(0), GGUFLattice.iq2S)
        for point in 0..<32 {
            let high = self[66 + point / 4] >> UInt8(2 * (point % 4)) & 3
            place(
                lattice, Int(self[2 + point]) | Int(high) << 8,
                scale * (0.5 + nibble(74, point / 2)) * 0.25, signs: self[34 + point],
                at: x + 8 * point)
        }
    }

    /// Points of four elements; signs and scale of each 32 in a word.
    func readIQ3_XXS(into x: UnsafeMutablePointer<Float>) {
        let (scale, lattice) = (half(0), GGUFLattice.iq3XXS)
        for point in 0..<64 {
            let rest = word(66 + 4 * (point / 8))
            let eight = signs(rest >> UInt32(7 * (point % 8 / 2)))
            place(
                lattice, Int(self[2 + point]), scale * (0.5 + Float(rest >> 28)) * 0.5,
                signs: eight >> UInt8(4 * (point % 2)), at: x + 4 * point)
        }
    }

    /// Nine bits of point, one of them apart; whole bytes of signs.
    func readIQ3_S(into x: UnsafeMutablePointer<Float>) {
        let (scale, lattice) = (half(0), GGUFLattice.iq3S)
        for point in 0..<64 {
            let high = self[66 + point / 8] >> UInt8(point % 8) & 1
            place(
                lattice, Int(self[2 + point]) | Int(high) << 8,
                scale * (1 + 2 * nibble(106, point / 8)),
                signs: self[74 + point / 2] >> UInt8(4 * (point % 2)), at: x + 4 * point)
        }
    }

    /// The coordinates −1, 0 and 1 of a point, all moved by an eighth.
    private func placeMoved(
        _ point: Int, _ scale: Float, down: Bool, at x: UnsafeMutablePointer<Float>
    ) {
        let (lattice, move) = (GGUFLattice.iq1, Float(down ? -0.125 : 0.125))
        for axis in 0..<8 { x[axis] = scale * (lattice.coordinates[8 * point + axis] + move) }
    }

    /// Eleven bits of point, three of them in a word that each four share with scale and move.
    func readIQ1_S(into x: UnsafeMutablePointer<Float>) {
        let scale = half(0)
        for point in 0..<32 {
            let shared = short(34 + 2 * (point / 4))
            let high = shared >> UInt16(3 * (point % 4)) & 7
            placeMoved(
                Int(self[2 + point]) | Int(high) << 8, scale * Float(2 * (shared >> 12 & 7) + 1),
                down: shared >> 15 == 1, at: x + 8 * point)
        }
    }

    /// As before, with a move of its own for each point, a scale for each 16 elements, and the
    /// scale of all in the four highest bits of each word of those.
    func readIQ1_M(into x: UnsafeMutablePointer<Float>) {
        let whole = (0..<4).reduce(UInt16(0)) { bits, part in
            bits | (short(48 + 2 * part) & 0xF000) >> UInt16(12 - 4 * part)
        }
        let scale = halfToFloat(whole)
        for point in 0..<32 {
            let (pair, shared) = (point / 2, self[32 + point / 2] >> UInt8(4 * (point % 2)))
            let three = short(48 + 2 * (pair / 4)) >> UInt16(3 * (pair % 4)) & 7
            placeMoved(
                Int(self[point]) | Int(shared & 7) << 8, scale * Float(2 * three + 1),
                down: shared & 8 != 0, at: x + 8 * point)
        }
    }
}
