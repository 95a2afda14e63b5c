import FoundationEssentials

/// One of the published parts as it is on this machine.
public struct PublishedPart: Codable, Equatable, Sendable {
    /// How it is.
    public enum State: String, Codable, Sendable {
        case present
        /// The folder is there and lacks the file by which the part is known.
        case incomplete
        case absent
    }

    /// Its name, as on the hub where it is there.
    public let name: String
    /// Where to download it.
    public let address: String
    /// What it weighs, in words.
    public let size: String
    /// Where it is; where it goes, if it is not whole.
    public let folder: String
    public let state: State
    /// The file by which it is known.
    public let marker: String
    /// The model that the published files are the differences from; nil where they are whole.
    public let base: String?

    /// A line for people: how it is, and what mends it.
    public var line: String {
        let download = PublishedModel.download(address, size, differencesFrom: base, to: folder)
        return switch state {
        case .present: folder
        case .incomplete where base == nil:
            "\(folder) lacks \(marker): download \(address) (\(size)) again"
        case .incomplete: "\(folder) lacks \(marker): \(download)"
        case .absent: "not here: \(download)"
        }
    }

    /// The README's five and the published delta.
    static func all(_ lookup: ModelLookup, root: String) -> [PublishedPart] {
        let files = FileManager.default
        func part(_ model: PublishedModel, _ place: String, _ state: State) -> PublishedPart {
            PublishedPart(
                name: model.name, address: model.address, size: model.size, folder: place,
                state: state, marker: model.marker, base: model.base)
        }
        let networks = PublishedModel.all.map { model in
            if let found = try? lookup.folder(of: model) { return part(model, found, .present) }
            let places = lookup.places(of: model.name)
            let half = places.first(where: files.isFolder)
            return part(model, half ?? places[0], half == nil ? .absent : .incomplete)
        }
        let delta = PublishedModel.delta
        let place = (root == "." ? "" : "\(root)/") + "ckpt/delta_ckpt/southgpt/\(delta.folder)"
        let isThere = files.isFolder(place)
        let isWhole = Delta.file(at: place) != nil && isThere
        return networks + [
            part(delta, place, isWhole ? .present : isThere ? .incomplete : .absent)
        ]
    }
}
