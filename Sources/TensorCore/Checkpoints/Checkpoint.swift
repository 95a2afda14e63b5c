/// One tensor in a file: what it is, and how to get at it.
public struct StoredTensor: Sendable {
    /// The name within its file.
    public let name: String
    public let dtype: DType
    public let shape: Shape
    /// The file it lies in, for messages.
    public let file: String
    /// Maps or reads the elements onto the host.
    package let load: @Sendable () throws -> Tensor
    private let release: @Sendable () -> Void

    /// - Parameter forget: lets the system drop the pages of the file that hold the elements; they
    ///   are read again when they are next touched
    package init(
        name: String, dtype: DType, shape: Shape, file: String,
        forget: @escaping @Sendable () -> Void = {},
        load: @escaping @Sendable () throws -> Tensor
    ) {
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.file = file
        self.load = load
        release = forget
    }

    /// A tensor that is already there.
    package init(name: String, value: Tensor, file: String = "memory") {
        self.init(name: name, dtype: value.dtype, shape: value.shape, file: file) { value }
    }

    /// Bytes of the elements.
    public var byteCount: Int { dtype.byteCount(of: shape.elementCount) }

    /// The elements, mapped where the format allows.
    public func tensor() throws -> Tensor { try load() }

    /// Lets the system take back the memory of a mapped file's pages that hold the elements; who
    /// reads on gets them from the file again.
    package func forget() { release() }

    /// The same tensor by another name.
    package func renamed(_ name: String) -> StoredTensor {
        StoredTensor(
            name: name, dtype: dtype, shape: shape, file: file, forget: release, load: load)
    }

    /// What `change` makes of it when it is loaded: a tensor of that type and shape.
    package func mapped(
        name: String? = nil, dtype: DType? = nil, shape: Shape? = nil,
        _ change: @escaping @Sendable (Tensor) throws -> Tensor
    ) -> StoredTensor {
        StoredTensor(
            name: name ?? self.name, dtype: dtype ?? self.dtype, shape: shape ?? self.shape,
            file: file, forget: release
        ) { [load] in try change(load()) }
    }

    /// In another element type, blocks included.
    package func stored(as dtype: DType) -> StoredTensor {
        if dtype == self.dtype { return self }
        return mapped(dtype: dtype) {
            dtype.isBlocked ? $0.quantized(to: dtype) : $0.cast(to: dtype)
        }
    }
}

/// Named tensors, whatever container they came in. Opening one reads only its table of contents.
public struct Checkpoint: Sendable {
    /// The file or folder, for messages.
    public let file: String
    /// In the file's order.
    public let tensors: [StoredTensor]
    /// The format's own string notes (`__metadata__` of safetensors).
    public let metadata: [String: String]
    private let index: [String: Int]

    /// - Throws: `CheckpointError.malformed` where two tensors share a name
    package init(
        file: String, tensors: [StoredTensor], metadata: [String: String] = [:]
    ) throws {
        self.file = file
        self.tensors = tensors
        self.metadata = metadata
        var index: [String: Int] = [:]
        for (position, tensor) in tensors.enumerated() {
            if index.updateValue(position, forKey: tensor.name) != nil {
                throw CheckpointError.malformed(
                    file: file, rule: "the name '\(tensor.name)' occurs twice")
            }
        }
        self.index = index
    }

    /// Bytes of all elements.
    public var byteCount: Int { tensors.reduce(0) { $0 + $1.byteCount } }

    /// The tensor of that name.
    public subscript(name: String) -> StoredTensor? { index[name].map { tensors[$0] } }

    /// The tensors that `rename` gives a name, under that name.
    public func renamed(_ rename: (String) -> String?) throws -> Checkpoint {
        try Checkpoint(
            file: file,
            tensors: tensors.compactMap { tensor in
                rename(tensor.name).map(tensor.renamed)
            }, metadata: metadata)
    }
}
