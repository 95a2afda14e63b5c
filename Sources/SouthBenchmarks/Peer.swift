internal import CSouthOpenBLAS
import Foundation
import TensorCore

/// Something else that computes the same, to be timed in turn with ours.
public protocol Peer: AnyObject {
    /// Its name and version.
    var name: String { get }
    /// Whether it can do a case.
    func times(_ operation: OperationCase) -> Bool
    /// The median seconds of one run.
    func time(_ operation: OperationCase, seconds: Double) throws -> Double
}

/// Why a peer gave no time.
public enum PeerError: Error, CustomStringConvertible {
    /// The script could not be started, or it ended.
    case silent(command: String, reason: String)
    /// It answered something else than a number.
    case answered(command: String, text: String)

    public var description: String {
        switch self {
        case .silent(let command, let reason):
            "\(command): \(reason). Does it run by itself? It needs the packages of "
                + "Tests/Fixtures/requirements.txt."
        case .answered(let command, let text): "\(command): expected a number, found '\(text)'."
        }
    }
}

/// OpenBLAS with as many threads as we use: products of float32.
public final class OpenBLASPeer: Peer {
    /// The library's own account of itself.
    public let name: String
    private var operands: (OperationCase, a: [Float], b: [Float], c: [Float])?

    /// The library that this program is linked with.
    public init() {
        let words = openblas_get_config().map { String(cString: $0) }?.split(separator: " ") ?? []
        name = words.prefix(2).joined(separator: " ")
    }

    public func times(_ operation: OperationCase) -> Bool {
        switch operation.kind {
        case .product, .linear, .linearGELU: operation.weights == .float32
        default: false
        }
    }

    public func time(_ operation: OperationCase, seconds: Double) -> Double {
        let sizes = operation.sizes
        let (m, k, n) = (sizes[0], sizes[1], sizes[2])
        if operands?.0 != operation {
            let a = uneven([m * k], .cpu).floats()
            operands = (operation, a, uneven([k * n], .cpu).floats(), a)
            operands?.c = [Float](repeating: 0, count: m * n)
        }
        guard var (_, a, b, c) = operands else { return .nan }
        let turned = operation.kind != .product
        openblas_set_num_threads(Int32(ThreadPool.count))
        defer { openblas_set_num_threads(1) }
        let run = {
            cblas_sgemm(
                CblasRowMajor, CblasNoTrans, turned ? CblasTrans : CblasNoTrans, Int32(m),
                Int32(n), Int32(k), 1, &a, Int32(k), &b, Int32(turned ? k : n), 0, &c, Int32(n))
        }
        run()
        return OperationCase.time(run, seconds: seconds)
    }
}

/// A script that reads cases as lines of JSON and answers each with the seconds of one run.
public final class ScriptPeer: Peer {
    /// What the script answers first.
    public let name: String
    private let command: String
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    /// Starts the script.
    ///
    /// - Parameter command: words, the program first; it sees `SOUTHGPT_THREADS`
    public init(_ command: String) throws {
        self.command = command
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = command.split(separator: " ").map(String.init)
        var environment = ProcessInfo.processInfo.environment
        environment["SOUTHGPT_THREADS"] = "\(ThreadPool.count)"
        process.environment = environment
        process.standardInput = input
        process.standardOutput = output
        do {
            try process.run()
        } catch {
            throw PeerError.silent(command: command, reason: "\(error.localizedDescription)")
        }
        name = try ScriptPeer.line(from: output, command)
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    public func times(_ operation: OperationCase) -> Bool {
        // What PyTorch has no type for.
        !operation.weights.isBlocked
    }

    public func time(_ operation: OperationCase, seconds: Double) throws -> Double {
        struct Request: Encodable {
            let operation: OperationCase
            let seconds: Double
        }
        return try number(asking: Request(operation: operation, seconds: seconds))
    }

    /// The positive number that the script answers a request with.
    func number(asking request: some Encodable) throws -> Double {
        guard let number = try numbers(1, asking: request)?[0] else {
            throw PeerError.answered(command: command, text: ScriptPeer.inability)
        }
        return number
    }

    /// So many positive numbers, in one line; nil where the script cannot do what is asked.
    func numbers(_ count: Int, asking request: some Encodable) throws -> [Double]? {
        let request = try JSONEncoder().encode(request)
        try input.fileHandleForWriting.write(contentsOf: request + Data("\n".utf8))
        let answer = try ScriptPeer.line(from: output, command)
        guard answer != ScriptPeer.inability else { return nil }
        let numbers = answer.split(separator: " ").compactMap { Double($0) }.filter { $0 > 0 }
        guard numbers.count == count else {
            throw PeerError.answered(command: command, text: answer)
        }
        return numbers
    }

    /// What a script answers where it has no type or layer for a case.
    private static let inability = "-"

    private static func line(from pipe: Pipe, _ command: String) throws -> String {
        var line = Data()
        while let byte = try pipe.fileHandleForReading.read(upToCount: 1), !byte.isEmpty {
            if byte == Data("\n".utf8) { return String(decoding: line, as: UTF8.self) }
            line += byte
        }
        throw PeerError.silent(command: command, reason: "it ended without an answer")
    }
}
