import Foundation
import SouthGPT

/// One tiny model for all tests of this process.
package enum TinyFolder {
    package static let path: String = {
        let folder = FileManager.default.temporaryDirectory.appending(
            component: "southgpt-tiny-\(ProcessInfo.processInfo.processIdentifier)"
        ).path
        do {
            if !FileManager.default.fileExists(atPath: folder) {
                try ModelPreset.tiny.write(to: folder, seed: 13)
            }
        } catch {
            preconditionFailure("the tiny preset: \(error)")
        }
        return folder
    }()

    /// A copy that a test may damage.
    package static func copy(in folder: String) throws -> String {
        let copy = "\(folder)/model"
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        return copy
    }
}
