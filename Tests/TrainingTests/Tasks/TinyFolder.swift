import Foundation
import SouthGPT

/// One tiny model for all tests of this process.
enum TinyFolder {
    static let path: String = {
        let folder = FileManager.default.temporaryDirectory.appending(
            component: "southgpt-stages-\(ProcessInfo.processInfo.processIdentifier)"
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
}
