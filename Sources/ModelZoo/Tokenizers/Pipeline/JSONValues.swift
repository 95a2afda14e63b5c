import TensorCore

extension OrderedJSON {
    var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

    var integer: Int? { if case .integer(let value) = self { value } else { nil } }

    var elements: [OrderedJSON]? { if case .array(let values) = self { values } else { nil } }

    var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .real(let value): value
        default: nil
        }
    }

    var isNull: Bool { self == .null }
}
