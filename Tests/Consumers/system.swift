do {
    _ = try MultimodalModel("no such folder")
    fatalError("a model was opened from nothing")
} catch {
    print("system: \(error)")
}
