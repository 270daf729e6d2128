import Reprise

extension Double {
    /// With a fixed number of decimals: `12.30`.
    func fixed(_ digits: Int) -> String {
        guard isFinite, abs(self) < 1e12 else { return "\(self)" }
        var scale: Int64 = 1
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int64((magnitude * Double(scale)).rounded())
        let sign = self < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(scaled)" }
        let fraction = String(scaled % scale)
        return "\(sign)\(scaled / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}

extension Duration {
    /// In milliseconds, for people: `12.3 ms`; three decimals where that would show nothing.
    var millisecondsText: String {
        let value = milliseconds
        return value.fixed(value.magnitude < 0.1 && value != 0 ? 3 : 1) + " ms"
    }

    /// As a clock shows it: `0:05`, `1:02:03`.
    var clockText: String {
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let seconds = components.seconds
        let minutes = seconds / 60 % 60
        return seconds < 3600
            ? "\(minutes):\(two(seconds % 60))" : "\(seconds / 3600):\(two(minutes)):\(two(seconds % 60))"
    }
}

extension String {
    /// Filled with spaces up to a width.
    func padded(_ width: Int, right: Bool = false) -> String {
        let missing = String(repeating: " ", count: max(0, width - count))
        return right ? missing + self : self + missing
    }
}

/// How many there are of something: `1 camera`, `2 cameras`.
func counted(_ count: Int, _ word: String) -> String { "\(count) \(word)\(count == 1 ? "" : "s")" }
