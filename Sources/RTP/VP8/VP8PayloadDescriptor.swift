/// What stands before a piece of VP8 in a packet (RFC 7741 §4.2).
public struct VP8PayloadDescriptor: Sendable, Hashable {
    /// A picture's number, of 7 or 15 bits.
    public enum PictureID: Sendable, Hashable {
        case short(UInt8)
        case long(UInt16)

        /// The number.
        public var value: Int {
            switch self {
            case .short(let value): Int(value & 0x7F)
            case .long(let value): Int(value & 0x7FFF)
            }
        }

        /// The next picture's; wraps.
        public var next: PictureID {
            switch self {
            case .short(let value): .short((value &+ 1) & 0x7F)
            case .long(let value): .long((value &+ 1) & 0x7FFF)
            }
        }
    }

    /// A layer of a stream of several frame rates.
    public struct TemporalLayer: Sendable, Hashable {
        /// 0 (the base) to 3.
        public var index: UInt8
        /// Refers to the base layer only.
        public var isSync: Bool

        public init(index: UInt8, isSync: Bool) {
            self.index = index
            self.isSync = isSync
        }
    }

    /// No other picture refers to this one.
    public var isNonReference: Bool
    /// The piece begins a partition.
    public var startsPartition: Bool
    /// 0–7; 0 holds the picture's header.
    public var partition: UInt8
    public var pictureID: PictureID?
    /// A running number of the pictures of the base layer.
    public var baseLayerIndex: UInt8?
    public var temporalLayer: TemporalLayer?
    /// 0–31.
    public var keyIndex: UInt8?

    public init(
        isNonReference: Bool = false, startsPartition: Bool, partition: UInt8 = 0, pictureID: PictureID? = nil,
        baseLayerIndex: UInt8? = nil, temporalLayer: TemporalLayer? = nil, keyIndex: UInt8? = nil
    ) {
        self.isNonReference = isNonReference
        self.startsPartition = startsPartition
        self.partition = partition
        self.pictureID = pictureID
        self.baseLayerIndex = baseLayerIndex
        self.temporalLayer = temporalLayer
        self.keyIndex = keyIndex
    }

    /// The piece begins a picture.
    public var startsFrame: Bool { startsPartition && partition == 0 }

    /// Reads a payload from a network: any bytes are safe.
    /// - `count`: the descriptor's length, where the picture's bytes begin.
    /// - Throws: `.badPayload` where the descriptor is longer than the payload, or nothing follows it.
    public init(parsing payload: Span<UInt8>, count: inout Int) throws(RTPError) {
        var offset = 0
        let first = try Self.byte(payload, &offset)
        isNonReference = first & 0x20 != 0
        startsPartition = first & 0x10 != 0
        partition = first & 0x07
        pictureID = nil
        baseLayerIndex = nil
        temporalLayer = nil
        keyIndex = nil
        if first & 0x80 != 0 {
            let extensions = try Self.byte(payload, &offset)
            if extensions & 0x80 != 0 {
                let high = try Self.byte(payload, &offset)
                pictureID =
                    high & 0x80 == 0
                    ? .short(high) : .long(UInt16(high & 0x7F) << 8 | UInt16(try Self.byte(payload, &offset)))
            }
            if extensions & 0x40 != 0 { baseLayerIndex = try Self.byte(payload, &offset) }
            if extensions & 0x30 != 0 {
                let layers = try Self.byte(payload, &offset)
                if extensions & 0x20 != 0 {
                    temporalLayer = TemporalLayer(index: layers >> 6, isSync: layers & 0x20 != 0)
                }
                if extensions & 0x10 != 0 { keyIndex = layers & 0x1F }
            }
        }
        guard offset < payload.count else { throw Self.cutShort }
        count = offset
    }

    /// The descriptor's bytes.
    public var bytes: [UInt8] {
        let hasLayers = temporalLayer != nil || keyIndex != nil
        let isExtended = pictureID != nil || baseLayerIndex != nil || hasLayers
        var bytes: [UInt8] = [
            (isExtended ? 0x80 : 0) | (isNonReference ? 0x20 : 0) | (startsPartition ? 0x10 : 0) | partition & 0x07
        ]
        guard isExtended else { return bytes }
        bytes.append(
            (pictureID != nil ? 0x80 : 0) | (baseLayerIndex != nil ? 0x40 : 0) | (temporalLayer != nil ? 0x20 : 0)
                | (keyIndex != nil ? 0x10 : 0))
        switch pictureID {
        case .short(let value): bytes.append(value & 0x7F)
        case .long(let value): bytes += [0x80 | UInt8(value >> 8 & 0x7F), UInt8(value & 0xFF)]
        case nil: break
        }
        if let baseLayerIndex { bytes.append(baseLayerIndex) }
        if hasLayers {
            let layer = temporalLayer.map { $0.index << 6 | ($0.isSync ? 0x20 : 0) } ?? 0
            bytes.append(layer | (keyIndex ?? 0) & 0x1F)
        }
        return bytes
    }

    private static var cutShort: RTPError {
        RTPError(.badPayload, "the VP8 payload ends before its picture data (RFC 7741 §4.2)")
    }

    private static func byte(_ payload: Span<UInt8>, _ offset: inout Int) throws(RTPError) -> UInt8 {
        guard offset < payload.count else { throw cutShort }
        defer { offset += 1 }
        return payload[offset]
    }
}
