/// When the packets of a transport arrived, by their transport-wide sequence numbers.
///
/// Source: draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1.
package struct TransportFeedback: Sendable, Hashable {
    package var sender: SSRC
    package var media: SSRC
    /// The number of the first packet of ``arrivals``.
    package var first: SequenceNumber
    /// What the first delta counts from, in 64 ms, −2²³…2²³−1; the receiver's clock, which wraps after 12 days.
    package var referenceTime: Int32
    /// Counts the messages of a receiver.
    package var number: UInt8
    /// For each packet nil where it did not arrive, or the time since the one before that did (the first: since
    /// ``referenceTime``), in 250 µs. At most 65,535.
    package var arrivals: [Int16?]

    package init(
        sender: SSRC, media: SSRC, first: SequenceNumber, referenceTime: Int32, number: UInt8, arrivals: [Int16?]
    ) {
        self.sender = sender
        self.media = media
        self.first = first
        self.referenceTime = referenceTime
        self.number = number
        self.arrivals = arrivals
    }

    // MARK: Parsing

    /// - `body`: what follows the first word of the packet.
    init?(parsing body: Span<UInt8>) {
        guard body.count >= 16 else { return nil }
        sender = SSRC(rawValue: body.uint32(at: 0))
        media = SSRC(rawValue: body.uint32(at: 4))
        first = SequenceNumber(rawValue: body.uint16(at: 8))
        let count = Int(body.uint16(at: 10))
        referenceTime = Int32(bitPattern: body.uint32(at: 12)) >> 8
        number = body[15]
        var offset = 16
        guard let symbols = Self.symbols(body, &offset, count: count) else { return nil }
        arrivals = []
        arrivals.reserveCapacity(count)
        for symbol in symbols {
            switch symbol {
            case .missing: arrivals.append(nil)
            case .small:
                guard offset < body.count else { return nil }
                arrivals.append(Int16(body[offset]))
                offset += 1
            case .large:
                guard offset + 2 <= body.count else { return nil }
                arrivals.append(Int16(bitPattern: body.uint16(at: offset)))
                offset += 2
            }
        }
    }

    /// What is said of a packet (§3.1.1).
    private enum Symbol: UInt8 {
        case missing = 0
        /// Arrived, with a delta of one byte.
        case small = 1
        /// Arrived, with a delta of two bytes and a sign.
        case large = 2

        init(_ delta: Int16?) {
            guard let delta else {
                self = .missing
                return
            }
            self = 0...255 ~= delta ? .small : .large
        }
    }

    private static func symbols(_ body: Span<UInt8>, _ offset: inout Int, count: Int) -> [Symbol]? {
        var symbols: [Symbol] = []
        while symbols.count < count {
            guard offset + 2 <= body.count else { return nil }
            let chunk = body.uint16(at: offset)
            offset += 2
            let rest = count - symbols.count
            if chunk & 0x8000 == 0 {
                // A run (§3.1.3).
                guard let symbol = Symbol(rawValue: UInt8(chunk >> 13 & 3)) else { return nil }
                symbols.append(contentsOf: repeatElement(symbol, count: min(rest, Int(chunk & 0x1FFF))))
                // A run of nothing says nothing, and must not keep us here.
                if chunk & 0x1FFF == 0 { return nil }
            } else {
                // One or two bits each (§3.1.4).
                let bits: UInt16 = chunk & 0x4000 == 0 ? 1 : 2
                for index in 0..<min(rest, 14 / Int(bits)) {
                    let value = chunk >> (14 - bits * UInt16(index + 1)) & (bits == 1 ? 1 : 3)
                    guard let symbol = Symbol(rawValue: UInt8(value)) else { return nil }
                    symbols.append(symbol)
                }
            }
        }
        return symbols
    }

    // MARK: Serialising

    /// Writes what follows the first three words of the packet.
    /// - Returns: false when there are no arrivals, or too many.
    func write(to bytes: inout [UInt8]) -> Bool {
        guard (1...65_535).contains(arrivals.count) else { return false }
        bytes.append(networkOrder: first.rawValue)
        bytes.append(networkOrder: UInt16(arrivals.count))
        bytes.append(networkOrder: UInt32(bitPattern: referenceTime) << 8 | UInt32(number))
        writeChunks(to: &bytes)
        for delta in arrivals {
            switch Symbol(delta) {
            case .missing: break
            case .small: bytes.append(UInt8(truncatingIfNeeded: delta ?? 0))
            case .large: bytes.append(networkOrder: UInt16(bitPattern: delta ?? 0))
            }
        }
        while bytes.count % 4 != 0 { bytes.append(0) }
        return true
    }

    private func writeChunks(to bytes: inout [UInt8]) {
        let symbols = arrivals.map { Symbol($0) }
        var start = 0
        while start < symbols.count {
            let run = symbols[start...].prefix(8191).prefix { $0 == symbols[start] }.count
            let isRest = start + run == symbols.count
            let fourteen = symbols[start...].prefix(14)
            let oneBit = !fourteen.contains(.large)
            if isRest || run >= (oneBit ? 14 : 7) {
                bytes.append(networkOrder: UInt16(symbols[start].rawValue) << 13 | UInt16(run))
                start += run
            } else if oneBit {
                bytes.append(networkOrder: 0x8000 | Self.vector(fourteen, bits: 1))
                start += fourteen.count
            } else {
                let seven = fourteen.prefix(7)
                bytes.append(networkOrder: 0xC000 | Self.vector(seven, bits: 2))
                start += seven.count
            }
        }
    }

    private static func vector(_ symbols: ArraySlice<Symbol>, bits: UInt16) -> UInt16 {
        var vector: UInt16 = 0
        var shift = 14 - bits
        for symbol in symbols {
            vector |= UInt16(symbol.rawValue) << shift
            shift &-= bits
        }
        return vector
    }
}
