/// What a pickle may build here: plain values, storages and tensors. Nothing in it can act.
enum PickleValue {
    case none
    case bool(Bool)
    case integer(Int)
    case real(Double)
    case text(String)
    case bytes
    case tuple([PickleValue], depth: Int)
    case list(PickleList)
    case map(PickleMap)
    case type(PickleGlobal)
    case dtype(DType)
    // Boxed, so that lists of small values stay small.
    indirect case storage(PickleStorage)
    indirect case tensor(PickleTensor)
    /// A harmless value that no tensor depends on.
    case opaque

    var integer: Int? { if case .integer(let value) = self { value } else { nil } }
    var text: String? { if case .text(let value) = self { value } else { nil } }
    var tensor: PickleTensor? { if case .tensor(let value) = self { value } else { nil } }
    var map: PickleMap? { if case .map(let value) = self { value } else { nil } }

    /// The parts of a tuple or list.
    var elements: [PickleValue]? {
        switch self {
        case .tuple(let values, _): values
        case .list(let list): list.values
        default: nil
        }
    }

    var depth: Int { if case .tuple(_, let depth) = self { depth } else { 0 } }
}

/// A list, which a pickle may still extend after others refer to it.
final class PickleList {
    var values: [PickleValue] = []
}

/// A dictionary, in order of insertion.
final class PickleMap {
    var entries: [(key: PickleValue, value: PickleValue)] = []

    subscript(name: String) -> PickleValue? {
        entries.last { $0.key.text == name }?.value
    }
}

/// A piece of memory that the pickle refers to and the file holds.
struct PickleStorage: Hashable {
    let key: String
    /// The type of its elements; nil for raw bytes.
    let dtype: DType?
    /// Elements (bytes, where raw) of the whole storage.
    let count: Int
    /// Where a view of it starts, in elements, and how many it has.
    let view: Range<Int>

    var byteCount: Int { count * (dtype?.byteCount ?? 1) }
}

/// A view of a storage.
struct PickleTensor {
    let storage: PickleStorage
    let dtype: DType
    let shape: Shape
    let strides: [Int]
    /// In elements of `dtype`, from the start of the storage.
    let offset: Int
}

/// The names that a pickle may mention: an allow-list, of which each is an inert value here.
enum PickleGlobal: Equatable {
    case orderedMap
    case rebuildTensor, rebuildTensorVersion3
    case rebuildParameter
    case size
    case storage(DType?)
    case encode
    /// Its instances are `PickleValue.opaque`.
    case opaque

    /// The value of a global name, or nil where it is not allowed.
    static func value(module: String, name: String) -> PickleValue? {
        switch (module, name) {
        case ("collections", "OrderedDict"): return .type(.orderedMap)
        case ("torch._utils", "_rebuild_tensor"), ("torch._utils", "_rebuild_tensor_v2"):
            return .type(.rebuildTensor)
        case ("torch._utils", "_rebuild_tensor_v3"): return .type(.rebuildTensorVersion3)
        case ("torch._utils", "_rebuild_parameter"),
            ("torch._utils", "_rebuild_parameter_with_state"),
            ("torch.nn.parameter", "Parameter"):
            return .type(.rebuildParameter)
        case ("torch", "Size"): return .type(.size)
        case ("torch.storage", "UntypedStorage"), ("torch.storage", "TypedStorage"):
            return .type(.storage(nil))
        case ("_codecs", "encode"): return .type(.encode)
        case ("torch", "device"), ("builtins", "set"), ("__builtin__", "set"),
            ("builtins", "bytearray"), ("__builtin__", "bytearray"),
            ("builtins", "complex"), ("__builtin__", "complex"),
            ("numpy", "dtype"), ("numpy", "ndarray"),
            // What the trainer of Stable Diffusion's first files kept beside their state_dict.
            ("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"):
            return .type(.opaque)
        case ("numpy.core.multiarray", "_reconstruct"), ("numpy.core.multiarray", "scalar"),
            ("numpy._core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "scalar"):
            return .type(.opaque)
        case ("torch", _):
            if let dtype = DType(rawValue: name), !dtype.isBlocked { return .dtype(dtype) }
            return storages[name].map { .type(.storage($0)) }
        case ("torch.cuda", _): return storages[name].map { .type(.storage($0)) }
        default: return nil
        }
    }

    private static let storages: [String: DType] = [
        "FloatStorage": .float32, "HalfStorage": .float16, "BFloat16Storage": .bfloat16,
        "DoubleStorage": .float64, "LongStorage": .int64, "IntStorage": .int32,
        "ShortStorage": .int16, "CharStorage": .int8, "ByteStorage": .uint8,
        "BoolStorage": .bool,
    ]
}
