import ArgumentParser
import Foundation

/// Runs a tool's work and turns what it throws into one line on stderr and exit code 1; an
/// interruption ends with 130, as shells expect; bad usage is ArgumentParser's to report.
public func reportingErrors(json: Bool = false, _ work: () throws -> Void) throws {
    do {
        try work()
    } catch let error as ValidationError {
        throw error
    } catch let error as ExitCode {
        throw error
    } catch is CancellationError {
        say("Interrupted: nothing half-written was left.")
        throw ExitCode(130)
    } catch {
        if json { try OutputOptions().printJSON(["error": "\(error)"]) }
        say("error: \(error)")
        throw ExitCode.failure
    }
}

private func say(_ text: String) {
    FileHandle.standardError.write(Data("\(text)\n".utf8))
}
