// The files of `torch.save`: a pickle that describes tensors, and the memory they look at.
// Source: torch 2.13 `serialization.py`, `caffe2/serialize/inline_container.cc`.

/// Reading and writing PyTorch's `.pth`, `.pt`, `.bin` and `.ckpt` files.
public enum PyTorchArchive {
    /// How every file before torch 1.6 starts: the pickled number 0x1950A86A20F9469CFC6C.
    static let legacyMark: [UInt8] = [
        0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
    ]

    /// Where our own files keep notes.
    static let metadataEntry = "metadata.json"

    /// What a packed pickle may have where the file is smaller.
    private static let smallPickle = 1 << 20

    /// The names under which training code files the weights among other things.
    private static let wrappers = ["state_dict", "model_state_dict", "model", "module", "params"]

    /// Where the bytes of a storage are, and in what order.
    private struct Memory: Sendable {
        let contents: @Sendable () throws -> ZipArchive.Contents
        let byteCount: Int
        let bigEndian: Bool
        /// Whether each tensor over it has a copy of its own.
        var isInflated = false
        var forget: @Sendable () -> Void = {}
    }

    // MARK: Zip

    /// Opens the zip format (torch 1.6 and later).
    static func open(_ archive: ZipArchive) throws -> Checkpoint {
        let path = archive.file.path
        guard
            let pickle = archive.entries.first(where: {
                $0.name.hasSuffix("/data.pkl") && $0.name.count { $0 == "/" } == 1
            })
        else { throw CheckpointError.malformed(file: path, rule: "the zip has no data.pkl") }
        let top = String(pickle.name.dropLast("data.pkl".count))
        if archive[top + "constants.pkl"] != nil {
            throw CheckpointError.unsupported(
                file: path, what: "a TorchScript program",
                mend: "Save its state_dict with torch.save and use that file.")
        }
        var bigEndian = false
        if let order = archive[top + "byteorder"], order.byteCount < 16 {
            bigEndian = try archive.contents(of: order).bytes.elementsEqual("big".utf8)
        }
        guard pickle.byteCount <= max(archive.file.bytes.count, smallPickle) else {
            throw CheckpointError.malformed(
                file: path,
                rule: "its data.pkl has \(pickle.byteCount) bytes, more than the whole file")
        }
        let contents = try archive.contents(of: pickle, checking: true)
        var cursor = ByteCursor(
            archive.file, contents.bytes, in: 0..<contents.bytes.count, of: "the pickle")
        let notes = try metadata(archive[top + metadataEntry], of: archive)
        return try withExtendedLifetime(contents.owner) {
            try Unpickler.read(&cursor) { value, _ in
                try checkpoint(value, archive.file, notes) { storage in
                    guard let entry = archive["\(top)data/\(storage.key)"] else { return nil }
                    return Memory(
                        contents: { try archive.contents(of: entry) },
                        byteCount: entry.byteCount, bigEndian: bigEndian,
                        isInflated: entry.method != 0,
                        forget: { archive.forget(entry) })
                }
            }
        }
    }

    /// The notes of an entry that ours have; none where it is something else.
    private static func metadata(
        _ entry: ZipArchive.Entry?, of archive: ZipArchive
    ) throws -> [String: String] {
        guard let entry, entry.byteCount <= max(archive.file.bytes.count, smallPickle),
            entry.byteCount <= Safetensors.longestHeader
        else { return [:] }
        let contents = try archive.contents(of: entry, checking: true)
        return withExtendedLifetime(contents.owner) {
            let members = (try? OrderedJSON(contents.bytes))?.members ?? []
            let texts = members.compactMap { member in
                member.value.text.map { (member.name, $0) }
            }
            return Dictionary(texts) { first, _ in first }
        }
    }

    // MARK: Legacy

    /// Opens the format before torch 1.6: five pickles, then the storages in a listed order.
    static func openLegacy(_ file: MappedFile) throws -> Checkpoint {
        var cursor = ByteCursor(
            file, in: legacyMark.count..<file.bytes.count, of: "the list of pickles")
        let version = try Unpickler.read(&cursor) { version, _ in version.integer }
        guard version == 1001 else { throw cursor.malformed("its protocol is not 1001") }
        let bigEndian = try Unpickler.read(&cursor) { system, _ in
            if case .bool(false)? = system.map?["little_endian"] { true } else { false }
        }
        var rest = cursor
        // The order of the storages follows the object, their sizes are known only from it.
        let storages = try Unpickler.read(&rest) { _, storages in storages }
        let keys = try Unpickler.read(&rest) { keys, _ in
            (keys.elements ?? []).map { $0.text ?? $0.integer.map { "\($0)" } ?? "" }
        }
        var places: [String: Memory] = [:]
        for key in keys {
            let count = try rest.readSize()
            guard let storage = storages[key], storage.count == count else {
                throw rest.malformed("the storage '\(key)' is none of the object's")
            }
            let start = rest.position
            try rest.skip(storage.byteCount)
            places[key] = Memory(
                contents: {
                    ZipArchive.Contents(
                        bytes: try file.window(start, storage.byteCount, of: "a storage"),
                        owner: file)
                }, byteCount: storage.byteCount, bigEndian: bigEndian)
        }
        return try Unpickler.read(&cursor) { value, _ in
            try checkpoint(value, file) { places[$0.key] }
        }
    }

    // MARK: From pickle to tensors

    /// The tensors of the weights, wherever the object keeps them.
    private static func named(
        _ value: PickleValue, depth: Int = 3
    ) -> [(name: String, tensor: PickleTensor)]? {
        switch value {
        case .tensor(let tensor): return [("tensor", tensor)]
        case .list, .tuple:
            return (value.elements ?? []).enumerated().compactMap { index, value in
                value.tensor.map { ("\(index)", $0) }
            }
        case .map(let map):
            for wrapper in wrappers where depth > 0 {
                if let inner = map[wrapper], inner.map != nil,
                    let found = named(inner, depth: depth - 1), !found.isEmpty
                {
                    return found
                }
            }
            return map.entries.compactMap { key, value in
                guard let tensor = value.tensor,
                    let name = key.text ?? key.integer.map({ "\($0)" })
                else { return nil }
                return (name, tensor)
            }
        default: return nil
        }
    }

    private static func checkpoint(
        _ value: PickleValue, _ file: MappedFile, _ metadata: [String: String] = [:],
        _ memory: (PickleStorage) -> Memory?
    ) throws -> Checkpoint {
        let (path, found) = (file.path, named(value) ?? [])
        // Elements that repeat, and storages that many tensors share.
        var room = file.mostExpanded
        guard !found.isEmpty else {
            throw CheckpointError.malformed(file: path, rule: "the pickle holds no tensors")
        }
        return try Checkpoint(
            file: path,
            tensors: found.map { name, tensor in
                guard let memory = memory(tensor.storage) else {
                    throw CheckpointError.malformed(
                        file: path, rule: "the storage of '\(name)' is missing")
                }
                guard memory.byteCount == tensor.storage.byteCount else {
                    throw CheckpointError.malformed(
                        file: path,
                        rule: "the storage of '\(name)' has \(memory.byteCount) bytes, "
                            + "the pickle says \(tensor.storage.byteCount)")
                }
                let size = tensor.dtype.byteCount(of: tensor.shape.elementCount)
                let taken = max(size, memory.isInflated ? memory.byteCount : 0)
                guard taken <= room else {
                    throw CheckpointError.malformed(
                        file: path,
                        rule: "with '\(name)' its tensors take more than \(file.mostExpanded) "
                            + "bytes, the file has \(file.bytes.count)")
                }
                room -= taken
                return StoredTensor(
                    name: name, dtype: tensor.dtype, shape: tensor.shape, file: path,
                    forget: memory.forget
                ) { [tensor] in try load(tensor, memory) }
            }, metadata: metadata)
    }

    /// A view of the mapped storage; a copy of the part it needs where that cannot be.
    private static func load(_ tensor: PickleTensor, _ memory: Memory) throws -> Tensor {
        let size = tensor.dtype.byteCount
        let steps = zip(tensor.shape, tensor.strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
        let count = tensor.shape.elementCount == 0 ? 0 : steps + 1
        let contents = try memory.contents()
        let start = count == 0 ? 0 : tensor.offset * size
        let window = UnsafeRawBufferPointer(
            rebasing: contents.bytes[start..<(start + count * size)])
        let aligned = UInt(bitPattern: window.baseAddress) % UInt(size) == 0
        let swapped = memory.bigEndian && size > 1
        let storage =
            aligned && !swapped
            ? HostStorage(window: window, owner: contents.owner) : HostStorage(copying: window)
        if swapped { storage.swapBytes(ofEach: size) }
        return Tensor(
            storage: storage, device: .cpu, dtype: tensor.dtype, shape: tensor.shape,
            strides: tensor.strides)
    }
}

extension HostStorage {
    /// Turns the byte order of each element around, before any tensor looks at this memory.
    func swapBytes(ofEach size: Int) {
        guard let start = hostPointer else { return }
        let bytes = UnsafeMutableRawBufferPointer(start: start, count: byteCount)
        for element in stride(from: 0, to: byteCount, by: size) {
            for index in 0..<(size / 2) {
                bytes.swapAt(element + index, element + size - 1 - index)
            }
        }
    }
}
