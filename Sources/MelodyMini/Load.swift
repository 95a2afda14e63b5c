public import SouthGPT

/// Opens MelodyMini: `MelodyMini.load()`.
///
/// - Throws: `ResourceError` where its folder is not found; `ModelError` or `CheckpointError` where
///   it is not sound
public func load() throws -> MultimodalModel { try MultimodalModel(folder()) }
