// Integers in network byte order in spans: every access is checked against the span's bounds.

extension Span<UInt8> {
    func uint16(at offset: Int) -> UInt16 { UInt16(self[offset]) << 8 | UInt16(self[offset + 1]) }

    func uint32(at offset: Int) -> UInt32 { UInt32(uint16(at: offset)) << 16 | UInt32(uint16(at: offset + 2)) }
}

extension MutableSpan<UInt8> {
    mutating func set(_ value: UInt16, at offset: Int) {
        self[offset] = UInt8(value >> 8)
        self[offset + 1] = UInt8(truncatingIfNeeded: value)
    }

    mutating func set(_ value: UInt32, at offset: Int) {
        set(UInt16(value >> 16), at: offset)
        set(UInt16(truncatingIfNeeded: value), at: offset + 2)
    }

    /// Copies bytes in from an offset on.
    mutating func set(_ bytes: [UInt8], at offset: Int) {
        guard !bytes.isEmpty else { return }
        precondition(offset >= 0 && offset + bytes.count <= count, "the bytes fit the span")
        unsafe withUnsafeMutableBytes { target in
            unsafe bytes.withUnsafeBytes { source in
                unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset...]).copyMemory(from: source)
            }
        }
    }
}
