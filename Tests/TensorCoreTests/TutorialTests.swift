import Foundation
import Testing

@Suite struct TutorialTests {
    private func text(_ path: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    @Test func thePageShowsTheProgramThatIsBuilt() throws {
        let page = try text("Sources/TensorCore/TensorCore.docc/TensorsInTenMinutes.md")
        let program = try text("Examples/TensorsInTenMinutes/main.swift")
        let blocks = page.components(separatedBy: "```swift\n").dropFirst().map {
            $0.components(separatedBy: "```")[0]
        }
        #expect(blocks.count >= 6)
        for block in blocks { #expect(program.contains(block), "\(block)") }
    }

    @Test func thePageOfOperationsNamesFilesThatExist() throws {
        let page = try text("Sources/TensorCore/TensorCore.docc/Operations.md")
        let rows = page.components(separatedBy: "\n").filter { $0.hasPrefix("| `") }
        #expect(rows.count >= 10)
        for row in rows {
            let cells = row.components(separatedBy: "|").map {
                $0.trimmingCharacters(in: CharacterSet(charactersIn: " `"))
            }
            let family = cells[1]
            let names = [
                "Operations/\(family)", "Backends/Reference/Reference\(family)",
                "Backends/CPU/CPU\(family)",
            ]
            for name in names {
                #expect(throws: Never.self) { try text("Sources/TensorCore/\(name).swift") }
            }
            for kernel in cells[3].components(separatedBy: ", ") {
                let file = kernel.trimmingCharacters(in: CharacterSet(charactersIn: "`"))
                #expect(throws: Never.self) { try text("Sources/CSouthKernels/\(file)") }
            }
        }
    }
}
