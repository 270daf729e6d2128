// Integers in network byte order. Reading is checked against the span's bounds.

extension Span<UInt8> {
    func bigEndian16(_ offset: Int) -> UInt16 { UInt16(self[offset]) << 8 | UInt16(self[offset + 1]) }

    func bigEndian32(_ offset: Int) -> UInt32 {
        UInt32(bigEndian16(offset)) << 16 | UInt32(bigEndian16(offset + 2))
    }

    func bigEndian64(_ offset: Int) -> UInt64 {
        UInt64(bigEndian32(offset)) << 32 | UInt64(bigEndian32(offset + 4))
    }

    /// A copy of some of the bytes.
    func array(_ range: Range<Int>) -> [UInt8] {
        unsafe extracting(range).withUnsafeBufferPointer { unsafe Array($0) }
    }
}

extension [UInt8] {
    mutating func append(bigEndian value: some FixedWidthInteger) {
        for shift in stride(from: value.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}
