import Foundation
public import MediaIO
import ModelZoo
public import SouthGPT

/// A folder that a tool writes to, tried before any work begins.
public struct OutputFolder {
    /// The folder's path.
    public let path: String
    private let option: String

    /// Why nothing can be written there.
    public struct NotWritable: Error, CustomStringConvertible {
        let path: String
        let reason: String
        let option: String
        /// One line, with what to do.
        public var description: String {
            "\(path): cannot be written to: \(reason). Name another folder with \(option)."
        }
    }

    /// Tries the folder, or where it is not there yet the nearest one above it. Nothing is left
    /// behind, and nothing is made before there is something to write.
    ///
    /// - Parameter option: which names it, for the error
    /// - Throws: `NotWritable`
    public init(_ path: String, option: String = "--output") throws {
        (self.path, self.option) = (path, option)
        var place = URL(filePath: path).standardizedFileURL
        while !FileManager.default.fileExists(atPath: place.path), place.path != "/" {
            place.deleteLastPathComponent()
        }
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: place.path, isDirectory: &isFolder)
        guard isFolder.boolValue else {
            throw NotWritable(path: path, reason: "\(place.path) is a file", option: option)
        }
        let probe = place.appending(component: ".southgpt-\(UUID().uuidString)").path
        guard FileManager.default.createFile(atPath: probe, contents: nil) else {
            throw NotWritable(
                path: path, reason: "\(place.path) takes no new files", option: option)
        }
        try? FileManager.default.removeItem(atPath: probe)
    }

    private func make() throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
        } catch {
            throw NotWritable(path: path, reason: "it could not be made", option: option)
        }
    }

    /// Writes the preview of a step over that of any earlier run; returns its path.
    public func write(preview picture: RGBImage, step: Int) throws -> String {
        try make()
        let file = "\(path)/preview-\(step).png"
        try picture.writePNG(to: file)
        return file
    }

    /// Writes a medium under the first free name, like `image-1.png`; returns its path.
    public func write(_ medium: GeneratedMedium) throws -> String {
        try make()
        var number = 1
        while true {
            let name = "\(medium.modality.rawValue)-\(number).\(medium.fileExtension)"
            let file = "\(path)/\(name)"
            if !FileManager.default.fileExists(atPath: file) {
                try medium.write(to: file)
                return file
            }
            number += 1
        }
    }
}
