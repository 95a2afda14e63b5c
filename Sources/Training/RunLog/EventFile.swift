import Glibc
import ModelZoo

/// A file of events that TensorBoard reads: records with checksums, each a protobuf message.
///
/// A killed run leaves at most one record cut short, which readers pass over.
///
/// - Source: TensorFlow's `tfrecord` framing and `event.proto`, `summary.proto`
struct EventFile: Sendable {
    private let file: AppendedFile

    /// Starts a file in a folder, named as TensorBoard looks for it: time, host and process.
    ///
    /// - Throws: `TrainingLogError.unwritable`
    init(folder: String, time: Double) throws {
        var host = [CChar](repeating: 0, count: 256)
        gethostname(&host, host.count - 1)
        let name = String(decoding: host.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
        file = try AppendedFile(
            "\(folder)/events.out.tfevents.\(Int(time)).\(name).\(getpid()).0")
        try append(.version(time: time))
    }

    /// Adds an event.
    ///
    /// - Throws: `TrainingLogError.unwritable`
    func append(_ event: Event) throws {
        let data = event.message.serialized
        var record: [UInt8] = []
        record.reserveCapacity(data.count + 16)
        func append<Number: FixedWidthInteger>(_ number: Number) {
            withUnsafeBytes(of: number.littleEndian) { record += $0 }
        }
        append(UInt64(data.count))
        append(maskedChecksum(of: record))
        record += data
        append(maskedChecksum(of: data))
        try file.append(record)
    }
}

/// One event: a time, a step, and a summary of tagged values.
struct Event {
    private(set) var message = ProtobufMessage()

    private init(time: Double) { message.add(1, double: time) }

    /// What a file begins with.
    static func version(time: Double) -> Event {
        var event = Event(time: time)
        event.message.add(3, bytes: "brain.Event:2".utf8)
        return event
    }

    /// Values at a step.
    init(time: Double, step: Int, _ values: [(tag: String, value: EventValue)]) {
        self.init(time: time)
        message.add(2, int: step)
        var summary = ProtobufMessage()
        for (tag, value) in values {
            var entry = ProtobufMessage()
            entry.add(1, bytes: tag.utf8)
            value.add(to: &entry)
            summary.add(1, bytes: entry.serialized)
        }
        message.add(5, bytes: summary.serialized)
    }
}

/// What a tag shows.
enum EventValue {
    case scalar(Float)
    /// The bytes of a PNG.
    case image(png: [UInt8], width: Int, height: Int)
    /// The bytes of a mono WAV.
    case sound(wav: [UInt8], sampleRate: Int, samples: Int)
    case text(String)

    fileprivate func add(to entry: inout ProtobufMessage) {
        switch self {
        case .scalar(let value): entry.add(2, float: value)
        case .image(let png, let width, let height):
            var image = ProtobufMessage()
            image.add(1, int: height)
            image.add(2, int: width)
            image.add(3, int: 3)  // red, green, blue
            image.add(4, bytes: png)
            entry.add(4, bytes: image.serialized)
        case .sound(let wav, let sampleRate, let samples):
            var sound = ProtobufMessage()
            sound.add(1, float: Float(sampleRate))
            sound.add(2, int: 1)
            sound.add(3, int: samples)
            sound.add(4, bytes: wav)
            sound.add(5, bytes: "audio/wav".utf8)
            entry.add(6, bytes: sound.serialized)
        case .text(let text):
            var (plugin, metadata, tensor) = (
                ProtobufMessage(), ProtobufMessage(), ProtobufMessage()
            )
            plugin.add(1, bytes: "text".utf8)
            metadata.add(1, bytes: plugin.serialized)
            tensor.add(1, int: 7)  // DT_STRING, a scalar: its shape is empty
            tensor.add(2, bytes: [])
            tensor.add(8, bytes: text.utf8)
            entry.add(8, bytes: tensor.serialized)
            entry.add(9, bytes: metadata.serialized)
        }
    }
}

/// CRC-32C, turned and shifted so that a checksum of data that holds checksums is no weaker.
package func maskedChecksum(of bytes: some Sequence<UInt8>) -> UInt32 {
    let crc = ~bytes.reduce(~UInt32(0)) { crc, byte in
        castagnoli[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ crc >> 8
    }
    return (crc >> 15 | crc << 17) &+ 0xa282_ead8
}

/// The remainders of single bytes by Castagnoli's polynomial, bits reversed.
private let castagnoli: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0x82f6_3b78 : crc >> 1 }
}
