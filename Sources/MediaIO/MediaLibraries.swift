internal import CSouthFFmpeg
internal import CSouthImageCodecs
internal import CSouthSndfile

/// The libraries that read and write media, and their versions.
package enum MediaLibraries {
    /// Name and version, as they run where the library can tell.
    package static var versions: [(name: String, version: String)] {
        [
            ("libjpeg", text(south_jpeg_version())), ("libpng", text(south_png_version())),
            ("libsndfile", text(sf_version_string())), ("FFmpeg", text(av_version_info())),
        ]
    }

    private static func text(_ value: UnsafePointer<CChar>?) -> String {
        value.map { String(cString: $0) } ?? "unknown"
    }
}
