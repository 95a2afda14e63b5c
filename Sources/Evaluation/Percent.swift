/// A share in percent with one decimal, such as `97.4 %`.
func percent(_ share: Double) -> String {
    guard share.isFinite else { return "–" }
    let thousandths = Int((share * 1000).rounded())
    return "\(thousandths < 0 ? "−" : "")\(abs(thousandths) / 10).\(abs(thousandths) % 10) %"
}
