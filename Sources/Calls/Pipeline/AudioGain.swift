/// A factor on samples that changes without a click: over one block, from the last factor to the next.
struct AudioGain: Sendable {
    private var current: Float

    init(_ gain: Float) { current = gain }

    /// Multiplies a block of interleaved samples; what exceeds 16 bits is held at the limit.
    mutating func apply(_ target: Float, to samples: inout MutableSpan<Int16>) {
        defer { current = target }
        guard current != 1 || target != 1 else { return }
        let step = samples.isEmpty ? 0 : (target - current) / Float(samples.count)
        var gain = current
        for index in samples.indices {
            gain += step
            samples[index] = Self.saturated(Float(samples[index]) * gain)
        }
    }

    /// The same for the sum of several sources, put at the start of `samples`.
    mutating func apply(_ target: Float, to sums: Span<Int32>, into samples: inout MutableSpan<Int16>) {
        defer { current = target }
        let step = sums.isEmpty ? 0 : (target - current) / Float(sums.count)
        guard current != 1 || target != 1 else {
            for index in sums.indices { samples[index] = Int16(clamping: sums[index]) }
            return
        }
        var gain = current
        for index in sums.indices {
            gain += step
            samples[index] = Self.saturated(Float(sums[index]) * gain)
        }
    }

    private static func saturated(_ value: Float) -> Int16 { Int16(max(-32_768, min(32_767, value))) }
}
