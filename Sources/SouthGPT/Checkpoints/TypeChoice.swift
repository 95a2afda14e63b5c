import TensorCore

/// Which type each tensor of a file to be written gets.
public struct TypeChoice: Sendable {
    /// The type of real matrices; nil leaves them as they are.
    private let base: DType?
    /// Types by pattern of the name in the new file; the last that matches counts.
    private let choices: [(pattern: String, dtype: DType)]

    private static let plain: [DType] = [.float32, .float16, .bfloat16]
    private static let blocks: [DType] = [.q8_0, .q4_0, .q4_K, .q6_K]

    /// One real type for all; nil leaves each as it is.
    ///
    /// - Throws: `ModelError.invalidOption`
    public init(_ dtype: String? = nil) throws {
        base = try dtype.map { try TypeChoice.type($0, TypeChoice.plain, option: "dtype") }
        choices = []
    }

    /// A type of blocks, and others for tensors that match patterns, each as `pattern=type`.
    ///
    /// - Throws: `ModelError.invalidOption`
    public init(quantizing dtype: String, choices: [String] = []) throws {
        base = try TypeChoice.type(dtype, TypeChoice.blocks, option: "type")
        self.choices = try choices.map { choice in
            guard let cut = choice.lastIndex(of: "="), cut > choice.startIndex else {
                throw ModelError.invalidOption(
                    name: "for", found: choice, expected: "a pattern, '=' and a type")
            }
            let name = String(choice[choice.index(after: cut)...])
            return (
                String(choice[..<cut]),
                try TypeChoice.type(name, TypeChoice.blocks + TypeChoice.plain, option: "for")
            )
        }
    }

    private static func type(_ name: String, _ known: [DType], option: String) throws -> DType {
        guard let dtype = known.first(where: { $0.rawValue == name }) else {
            throw ModelError.invalidOption(
                name: option, found: name,
                expected: known.map(\.rawValue).joined(separator: ", "))
        }
        return dtype
    }

    /// The type that weights are held in, by its name.
    ///
    /// - Throws: `ModelError.invalidOption`
    static func held(_ name: String) throws -> DType {
        try type(name, [.float16, .bfloat16] + blocks, option: "weights")
    }

    /// The type of the greater part, for the notes of the file.
    var main: DType? { base }

    /// A line for each pattern that none of those names matches.
    func remarks(on names: [String]) -> [String] {
        choices.map(\.pattern).filter { pattern in !names.contains { matches($0, pattern) } }.map {
            "--for '\($0)=…' changed nothing: no tensor of the new file has such a name. "
                + "'inspect' lists them."
        }
    }

    /// The type of one tensor.
    ///
    /// - Parameter keepsBlocks: whether the format has types of blocks
    func type(of tensor: StoredTensor, keepsBlocks: Bool) -> DType {
        guard tensor.dtype.isFloatingPoint else { return tensor.dtype }
        let chosen = choices.last { matches(tensor.name, $0.pattern) }?.dtype ?? base
        // Vectors are few, and readers expect them exact.
        let isMatrix = tensor.shape.count >= 2
        guard let chosen, isMatrix || !keepsBlocks else {
            if isMatrix { return keepsBlocks || !tensor.dtype.isBlocked ? tensor.dtype : .float32 }
            return keepsBlocks || tensor.dtype.isBlocked ? .float32 : tensor.dtype
        }
        let width = tensor.shape.last ?? 1
        if chosen.isBlocked && width % chosen.blockSize != 0 {
            return width % DType.q8_0.blockSize == 0 ? .q8_0 : .float16
        }
        return chosen
    }
}
