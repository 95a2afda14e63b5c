import Glibc

extension Checkpoint {
    /// Opens the weights in a folder of a published release: one file, or shards with an index.
    ///
    /// Looked for in this order: a safetensors index, one safetensors file, a `.bin` index, one
    /// `.bin` file, each under every stem in turn.
    ///
    /// - Parameter stems: names without ending, as transformers and diffusers write them
    /// - Parameter variant: `fp16` opens `model.fp16.safetensors` and its like, and nothing else
    /// - Throws: `CheckpointError`, naming what was looked for, or the shard that is missing
    public init(
        folder: String,
        stems: [String] = ["model", "pytorch_model", "diffusion_pytorch_model"],
        variant: String? = nil
    ) throws {
        let mark = variant.map { ".\($0)" } ?? ""
        var tried: [String] = []
        for ending in ["safetensors", "bin"] {
            for stem in stems {
                let index = "\(stem).\(ending).index\(mark).json"
                if fileExists("\(folder)/\(index)") {
                    self = try Checkpoint.sharded(folder, index: index)
                    return
                }
            }
            for stem in stems {
                let name = "\(stem)\(mark).\(ending)"
                tried.append(name)
                if fileExists("\(folder)/\(name)") {
                    try self.init(contentsOf: "\(folder)/\(name)")
                    return
                }
            }
        }
        guard fileExists(folder) else {
            throw CheckpointError.unreadable(file: folder, reason: "there is no such folder")
        }
        throw CheckpointError.unreadable(
            file: folder, reason: "it holds none of \(tried.joined(separator: ", "))")
    }

    /// Opens a file, or the weights in a folder.
    ///
    /// - Throws: `CheckpointError`
    public init(path: String) throws {
        var isFolder = stat()
        let found = stat(path, &isFolder) == 0 && isFolder.st_mode & S_IFMT == S_IFDIR
        self = try found ? Checkpoint(folder: path) : Checkpoint(contentsOf: path)
    }

    private static func sharded(_ folder: String, index: String) throws -> Checkpoint {
        let file = try MappedFile("\(folder)/\(index)")
        func malformed(_ rule: String) -> CheckpointError {
            .malformed(file: file.path, rule: rule)
        }
        guard file.bytes.count <= Safetensors.longestHeader,
            let table = try? OrderedJSON(file.bytes), let places = table["weight_map"]?.members
        else { throw malformed("it is not JSON with a weight_map") }
        var shards: [String: [String]] = [:]
        for place in places {
            guard let shard = place.value.text, isPlainName(shard) else {
                throw malformed("'\(place.name)' is placed in what is no file of this folder")
            }
            shards[shard, default: []].append(place.name)
        }
        var tensors: [StoredTensor] = []
        var metadata: [String: String] = [:]
        for (shard, names) in shards.sorted(by: { $0.key < $1.key }) {
            guard fileExists("\(folder)/\(shard)") else {
                throw CheckpointError.missingShard(file: "\(folder)/\(shard)", index: index)
            }
            let checkpoint = try Checkpoint(contentsOf: "\(folder)/\(shard)")
            if let absent = names.first(where: { checkpoint[$0] == nil }) {
                throw malformed("'\(absent)' is not in \(shard), where it should be")
            }
            tensors += checkpoint.tensors
            metadata.merge(checkpoint.metadata) { first, _ in first }
        }
        return try Checkpoint(file: file.path, tensors: tensors, metadata: metadata)
    }

    /// Whether a name stays in its folder.
    private static func isPlainName(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".." && !name.contains("/")
            && !name.contains("\\") && !name.contains("\0")
    }
}
