import Glibc

/// Why a run could not write down what it does.
public enum TrainingLogError: Error, Equatable, CustomStringConvertible {
    /// A file or its folder takes nothing more.
    case unwritable(file: String, code: Int32)

    public var description: String {
        switch self {
        case .unwritable(let file, let code):
            "\(file): cannot be written (\(String(cString: strerror(code)))). Name another "
                + "--log_path, or make room there."
        }
    }
}
