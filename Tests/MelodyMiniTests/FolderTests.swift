import Foundation
import MelodyMini
import TensorCore
import TestSupport
import Testing

@Suite struct FolderTests {
    private func make(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Data("{}".utf8).write(to: URL(filePath: "\(path)/southgpt.json"))
    }

    @Test func isFoundBesideTheBinaryAndInShare() throws {
        try withTemporaryFolder { root in
            try make("\(root)/share/southgpt/MelodyMini")
            let binary = "\(root)/bin"
            try FileManager.default.createDirectory(
                atPath: binary, withIntermediateDirectories: true)
            #expect(
                try melodyMini.folder(environment: [:], binary: binary)
                    == "\(binary)/../share/southgpt/MelodyMini")
            try make("\(binary)/MelodyMini")
            #expect(
                try melodyMini.folder(environment: [:], binary: binary) == "\(binary)/MelodyMini")
        }
    }

    @Test func isFoundInTheResourceBundleThatSwiftPMPutsBesideABinary() throws {
        try withTemporaryFolder { root in
            let model = "\(root)/bin/south-gpt_MelodyMini.resources/model"
            try make(model)
            #expect(try melodyMini.folder(environment: [:], binary: "\(root)/bin") == model)
        }
    }

    @Test func theVariableIsTheOnlyPlaceWhereItIsSet() throws {
        try withTemporaryFolder { root in
            try make("\(root)/bin/MelodyMini")
            try make("\(root)/mine")
            let environment = ["SOUTHGPT_MELODYMINI": "\(root)/mine"]
            #expect(
                try melodyMini.folder(environment: environment, binary: "\(root)/bin")
                    == "\(root)/mine")
            let wrong = ["SOUTHGPT_MELODYMINI": "\(root)/typo"]
            let error = #expect(throws: ResourceError.self) {
                try melodyMini.folder(environment: wrong, binary: "\(root)/bin")
            }
            #expect(error?.looked == ["\(root)/typo"])
        }
    }

    @Test func saysWhereToTakeItFromWhereThereIsNone() {
        let error = #expect(throws: ResourceError.self) {
            try melodyMini.folder(environment: [:], binary: "/nowhere/bin")
        }
        let text = error?.description ?? ""
        #expect(text.hasPrefix("MelodyMini was not found in /nowhere/bin/MelodyMini, "))
        #expect(text.contains("SOUTHGPT_MELODYMINI to the package's Sources/MelodyMini/model"))
    }
}
