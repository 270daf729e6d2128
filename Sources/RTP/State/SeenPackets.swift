/// Which of the newest packets of a stream have come: a window of bits behind the highest.
struct SeenPackets: Sendable {
    /// Packets that are remembered.
    static let window: Int64 = 2048

    private var words = [UInt64](repeating: 0, count: Int(window / 64))
    private var highest: Int64?

    /// Whether a packet has come; true for those too old to be remembered, so that none is taken twice.
    func contains(_ count: Int64) -> Bool {
        guard let highest, count <= highest else { return false }
        guard highest - count < Self.window else { return true }
        return words[Self.word(count)] & Self.bit(count) != 0
    }

    mutating func insert(_ count: Int64) {
        guard let highest else {
            self.highest = count
            words[Self.word(count)] |= Self.bit(count)
            return
        }
        if count > highest {
            if count - highest >= Self.window {
                clear()
            } else {
                for passed in highest + 1...count { words[Self.word(passed)] &= ~Self.bit(passed) }
            }
            self.highest = count
        }
        guard (self.highest ?? count) - count < Self.window else { return }
        words[Self.word(count)] |= Self.bit(count)
    }

    mutating func reset() {
        clear()
        highest = nil
    }

    private mutating func clear() {
        for index in words.indices { words[index] = 0 }
    }

    private static func word(_ count: Int64) -> Int { Int(truncatingIfNeeded: (count & (window - 1)) >> 6) }
    private static func bit(_ count: Int64) -> UInt64 { 1 << UInt64(truncatingIfNeeded: count & 63) }
}
