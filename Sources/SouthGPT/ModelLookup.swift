import FoundationEssentials

/// Finds the folder of a model that is named as on the hub. Nothing is ever downloaded.
///
/// Looked in, in this order: `ckpt/pretrained_ckpt` (also `../ckpt/pretrained_ckpt`, as the README's
/// programs see it), the folder that `SOUTHGPT_CKPT` names, and the caches of Hugging Face's own
/// programs.
public struct ModelLookup: Sendable {
    /// Why there is no such model here.
    public struct Missing: Error, Equatable, CustomStringConvertible {
        /// What was asked for.
        public let name: String
        /// Every folder that was looked in, in order.
        public let looked: [String]
        /// The folders among them that are there, and lack the file by which a model is known.
        public let incomplete: [String]
        /// What to download, from where, and where to put it.
        public let mend: String

        public var description: String {
            var text = "\(name): no such model here, expected it in "
            text += looked.joined(separator: " or ") + ". "
            if let folder = incomplete.first { text += "\(folder) is there, but not whole. " }
            return text + mend
        }
    }

    /// Where the README's layout keeps published weights; the first is where to put new ones.
    private let pretrained: [String]
    private let environment: [String: String]

    /// A lookup.
    ///
    /// - Parameter root: the folder that has `ckpt/`
    public init(root: String = ".", environment: [String: String]? = nil) {
        self.init(
            pretrained: root == "."
                ? ["ckpt/pretrained_ckpt", "../ckpt/pretrained_ckpt"]
                : ["\(root)/ckpt/pretrained_ckpt", "\(root)/../ckpt/pretrained_ckpt"],
            environment)
    }

    /// A lookup in a folder that is laid out as the README's `ckpt/`, whatever its name.
    init(checkpoints folder: String, environment: [String: String]? = nil) {
        self.init(pretrained: ["\(folder)/pretrained_ckpt"], environment)
    }

    private init(pretrained: [String], _ environment: [String: String]?) {
        self.pretrained = pretrained
        self.environment = environment ?? ProcessInfo.processInfo.environment
    }

    /// The folder of a published model by the file that it is known by.
    ///
    /// - Throws: `Missing`, with all places that were looked in and what to download
    func folder(of model: PublishedModel) throws -> String {
        try folder(of: model.name, markers: [model.marker])
    }

    /// What `--model` names, for programs that take whole models: a path where there is something, one
    /// of the README's, which runs its programs in `code/`, or a name as on the hub.
    ///
    /// - Throws: `Missing`, with all places that were looked in and what to download
    public func model(named name: String) throws -> String {
        let known = PublishedModel.named(name)
        let files = FileManager.default
        if !files.fileExists(atPath: name), name.hasPrefix("../"),
            files.fileExists(atPath: String(name.dropFirst(3)))
        {
            return String(name.dropFirst(3))
        }
        // A name without an owner that is none of ours is more likely a folder that is not there.
        guard !files.fileExists(atPath: name), ModelLookup.isHubName(name),
            known != nil || name.contains("/")
        else { return name }
        let markers = known.map { [$0.marker] }
        return try folder(
            of: name,
            markers: markers ?? [ModelManifest.fileName, "config.json", "model_index.json"])
    }

    /// The folder of a model.
    ///
    /// - Parameters:
    ///   - name: a folder, or a name as on the hub
    ///   - markers: files of which the folder must have one
    ///   - textPart: whether the text encoder alone is enough, for the message
    /// - Throws: `Missing`, with all places that were looked in and what to download
    public func folder(
        of name: String, markers: [String] = ["model_index.json"], textPart: Bool = false
    ) throws -> String {
        let files = FileManager.default
        func hasMarker(_ folder: String) -> Bool {
            markers.contains { files.fileExists(atPath: "\(folder)/\($0)") }
        }
        let marker = markers.joined(separator: " or ")
        if hasMarker(name) { return name }
        let isHubName = ModelLookup.isHubName(name)
        if files.isFolder(name) || !isHubName {
            throw Missing(
                name: name, looked: ["\(name)/\(marker)"],
                incomplete: files.isFolder(name) ? [name] : [],
                mend: "Name a folder that has \(marker), or a model as on the hub, such as "
                    + "'\(PublishedModel.all[0].name)'.")
        }
        let places = places(of: name)
        if let found = places.first(where: hasMarker) { return found }
        throw Missing(
            name: name, looked: places, incomplete: places.filter(files.isFolder),
            mend: mend(name, textPart: textPart))
    }

    /// The folders that may have the vocabulary of Stable Diffusion 1.x, which its single files lack.
    var vocabularies: [String] {
        places(of: PublishedModel.all[0].name).map { "\($0)/tokenizer" }
            + places(of: "openai/clip-vit-large-patch14")
    }

    /// The folders that a model of that name may be in, in the order in which they are looked in.
    func places(of name: String) -> [String] {
        let known = PublishedModel.named(name)
        let names = known.map { [$0.name] + $0.otherNames } ?? [name]
        var roots = pretrained
        if let named = environment["SOUTHGPT_CKPT"], !named.isEmpty {
            roots += [named, "\(named)/pretrained_ckpt"]
        }
        var places: [String] = []
        for root in roots {
            if let known { places.append("\(root)/\(known.folder)") }
            for name in names {
                places += ["\(root)/\(name)", "\(root)/\(ModelLookup.lastPart(of: name))"]
            }
        }
        for cache in caches {
            for name in names where name.contains("/") {
                places += snapshots("\(cache)/models--" + name.replacing("/", with: "--"))
            }
        }
        var seen: Set<String> = []
        return places.filter { seen.insert($0).inserted }
    }

    /// Where Hugging Face's programs keep what they downloaded, by the variables that they follow.
    private var caches: [String] {
        func value(_ name: String) -> String? {
            environment[name].flatMap { $0.isEmpty ? nil : $0 }
        }
        let home = value("HOME") ?? "~"
        let hub =
            value("HF_HUB_CACHE") ?? value("HUGGINGFACE_HUB_CACHE")
            ?? value("HF_HOME").map { "\($0)/hub" }
            ?? "\(value("XDG_CACHE_HOME") ?? "\(home)/.cache")/huggingface/hub"
        return [hub]
    }

    /// The versions of a model in a cache, the one that `refs/main` names first. Where the model is
    /// not there, the place that it would have.
    private func snapshots(_ model: String) -> [String] {
        let files = FileManager.default
        let versions = files.names(in: "\(model)/snapshots")
        guard !versions.isEmpty else { return ["\(model)/snapshots/*"] }
        let main = files.contents(atPath: "\(model)/refs/main").map {
            String(decoding: $0.prefix(64).filter { $0 > 0x20 }, as: UTF8.self)
        }
        let ordered = versions.filter { $0 == main } + versions.filter { $0 != main }
        return ordered.map { "\(model)/snapshots/\($0)" }
    }

    private func mend(_ name: String, textPart: Bool) -> String {
        let folder = pretrained[0]
        guard let model = PublishedModel.named(name) else {
            return "Download https://huggingface.co/\(name) (its page says how large it is) to "
                + "\(folder)/\(name), or name a folder."
        }
        let part = textPart ? model.textPart.map { "of it: \($0)" } : nil
        let download = PublishedModel.download(
            model.address, part ?? model.size, differencesFrom: model.base,
            to: "\(folder)/\(model.folder)")
        return "D\(download.dropFirst())."
    }

    private static func lastPart(of name: String) -> String {
        name.split(separator: "/").last.map(String.init) ?? name
    }

    /// `owner/name` or `name`, of the letters that the hub allows.
    private static func isHubName(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        return (1...2).contains(parts.count)
            && parts.allSatisfy { part in
                part.first.map { $0.isLetter || $0.isNumber } ?? false
                    && part.utf8.allSatisfy { byte in
                        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                            || (0x61...0x7A).contains(byte) || "._-".utf8.contains(byte)
                    }
            }
    }
}
