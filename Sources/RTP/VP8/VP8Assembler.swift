public import Media

/// One encoded VP8 picture put together from its packets.
public struct VP8AssembledFrame: Sendable, Hashable {
    public var bytes: [UInt8]
    public var isKeyframe: Bool
    public var timestamp: RTPTimestamp
    public var pictureID: Int?
    /// When its last packet came.
    public var completedAt: MonotonicInstant
}

/// What an assembler counted.
public struct VP8AssemblerStatistics: Sendable, Hashable {
    /// Packets given in.
    public var packets: Int64 = 0
    /// Packets that never came.
    public var lost: Int64 = 0
    /// Packets that came twice, or after their picture had been given up.
    public var late: Int64 = 0
    /// Packets whose payload is no VP8.
    public var malformed: Int64 = 0

    public init() {}
}

/// Puts the packets of one stream in order and VP8 pictures together, each whole and after the one it refers to.
///
/// A gap is waited for; then what follows is dropped up to the next keyframe, since it refers to what is missing.
/// Packets and `now` in, pictures out.
public struct VP8Assembler: Sendable {
    /// How long a packet may come after one that was sent later: overtaken, or sent again on request.
    public static let usualReorderWait = Duration.milliseconds(100)
    /// The wait at most, where retransmissions are seen to take that long: a picture older than this is of no use.
    public static let longestReorderWait = Duration.milliseconds(400)
    /// Packets kept at most: 2.4 MB of a stream.
    private static let window = 2048

    /// Pictures that can be decoded come only after the next keyframe.
    public private(set) var needsKeyframe = true
    public private(set) var statistics = VP8AssemblerStatistics()
    /// How long a gap is waited for now. It grows when what was given up comes after all, and shrinks with each gap that
    /// is filled in time.
    public private(set) var reorderWait: Duration
    private let shortestReorderWait: Duration
    private var extender = SequenceExtender()
    private var ssrc: SSRC?
    private var ring: [Piece?] = Array(repeating: nil, count: window)
    /// The next packet to take out; nil before the first.
    private var next: Int64?
    /// Where the contiguous packets from ``next`` on end.
    private var contiguousEnd: Int64 = 0
    private var gapSince: MonotonicInstant?
    /// When the gap was noticed that was given up last; nil once what follows it was dropped.
    private var abandonedSince: MonotonicInstant?
    /// The packets in the ring that begin a keyframe, in the order they came.
    private var keyframeStarts: [Int64] = []

    private struct Piece {
        var number: Int64
        var timestamp: RTPTimestamp
        var isLast: Bool
        var startsFrame: Bool
        var isKeyframe: Bool
        var pictureID: Int?
        var payload: [UInt8]
        var dataStart: Int
        var arrivedAt: MonotonicInstant
    }

    public init(reorderWait: Duration = usualReorderWait) {
        self.reorderWait = reorderWait
        shortestReorderWait = reorderWait
    }

    /// When ``frame(now:)`` is to be asked again though no packet came; nil while nothing is missing.
    public var deadline: MonotonicInstant? { needsKeyframe ? nil : gapSince.map { $0 + reorderWait } }

    /// Takes a packet in; any bytes are safe.
    public mutating func receive(_ packet: RTPPacket, now: MonotonicInstant) {
        statistics.packets += 1
        // Padding alone probes the network's speed; it takes a number like any other.
        let piece = packet.payload.isEmpty ? nil : parse(packet, now)
        guard piece != nil || packet.payload.isEmpty else {
            statistics.malformed += 1
            return
        }
        if packet.ssrc != ssrc { restart(packet) }
        var number = extender.extended(packet.sequenceNumber)
        if let highest = extender.highest, abs(number - highest) >= Int64(Self.window) {
            // A sender that began anew (RFC 3550 A.1).
            restart(packet)
            number = extender.extended(packet.sequenceNumber)
        }
        _ = extender.extend(packet.sequenceNumber)
        let begin = next ?? number
        if next == nil { (next, contiguousEnd) = (number, number) }
        guard number >= begin || isBeginning else {
            statistics.late += 1
            return
        }
        if number < begin { (next, contiguousEnd) = (number, number) }
        makeRoom(for: number)
        insert(
            piece
                ?? Piece(
                    number: number, timestamp: packet.timestamp, isLast: false, startsFrame: false, isKeyframe: false,
                    payload: [], dataStart: 0, arrivedAt: now),
            number)
        noteGap(now)
    }

    /// The next picture that is whole and can be decoded; call until nil, after each packet and at ``deadline``.
    public mutating func frame(now: MonotonicInstant) -> VP8AssembledFrame? {
        if !needsKeyframe {
            if let frame = takeNext(now) { return frame }
            guard let gapSince, now - gapSince >= reorderWait || !hasPatience else { return nil }
            giveUp()
        }
        return needsKeyframe ? takeKeyframe(now) : nil
    }

    /// Drops what is there up to the next keyframe: a picture could not be decoded.
    public mutating func waitForKeyframe() {
        needsKeyframe = true
        abandonedSince = nil
    }

    // MARK: Packets

    /// Nothing was taken out yet, so what comes late may be the true beginning.
    private var isBeginning: Bool { needsKeyframe && statistics.lost == 0 && !hasDelivered }
    private var hasDelivered = false
    /// Whether the window has room to wait.
    private var hasPatience: Bool {
        guard let next, let highest = extender.highest else { return true }
        return highest - next < Int64(Self.window / 2)
    }

    private func parse(_ packet: RTPPacket, _ now: MonotonicInstant) -> Piece? {
        var start = 0
        guard let descriptor = try? VP8PayloadDescriptor(parsing: packet.payload.span, count: &start) else {
            return nil
        }
        return Piece(
            number: 0, timestamp: packet.timestamp, isLast: packet.marker, startsFrame: descriptor.startsFrame,
            // The inverse key frame flag (RFC 6386 §9.1).
            isKeyframe: descriptor.startsFrame && packet.payload[start] & 1 == 0,
            pictureID: descriptor.pictureID?.value, payload: packet.payload, dataStart: start, arrivedAt: now)
    }

    private mutating func restart(_ packet: RTPPacket) {
        ssrc = packet.ssrc
        extender = SequenceExtender()
        ring = Array(repeating: nil, count: Self.window)
        keyframeStarts = []
        next = nil
        gapSince = nil
        abandonedSince = nil
        needsKeyframe = true
        hasDelivered = false
    }

    private mutating func insert(_ piece: Piece, _ number: Int64) {
        let slot = Self.slot(number)
        if let old = ring[slot], old.number == number {
            statistics.late += 1
            return
        }
        ring[slot] = piece
        ring[slot]?.number = number
        if piece.isKeyframe { keyframeStarts.append(number) }
    }

    /// What is too old for the window goes.
    private mutating func makeRoom(for number: Int64) {
        while let oldest = next, number - oldest >= Int64(Self.window) { drop(oldest) }
    }

    /// Passes over one packet, there or not.
    private mutating func drop(_ number: Int64) {
        if take(number) == nil { statistics.lost += 1 }
        next = number + 1
        contiguousEnd = max(contiguousEnd, number + 1)
        needsKeyframe = true
        abandonedSince = nil
    }

    private static func slot(_ number: Int64) -> Int { Int(truncatingIfNeeded: number) & (window - 1) }

    private func piece(_ number: Int64) -> Piece? {
        guard let piece = ring[Self.slot(number)], piece.number == number else { return nil }
        return piece
    }

    private mutating func take(_ number: Int64) -> Piece? {
        guard let piece = piece(number) else { return nil }
        ring[Self.slot(number)] = nil
        return piece
    }

    private mutating func noteGap(_ now: MonotonicInstant) {
        guard let next, let highest = extender.highest else { return }
        let before = contiguousEnd
        contiguousEnd = max(contiguousEnd, next)
        while contiguousEnd <= highest, isPresent(contiguousEnd) { contiguousEnd += 1 }
        // Each gap has its own wait.
        let isSameGap = contiguousEnd == before
        if !isSameGap { gapWasFilled(now) }
        gapSince = contiguousEnd <= highest ? (isSameGap ? gapSince ?? now : now) : nil
    }

    /// What was missing came: pictures go on even where it was given up, as nothing was dropped yet.
    private mutating func gapWasFilled(_ now: MonotonicInstant) {
        if let abandonedSince {
            reorderWait = min(Self.longestReorderWait, max(reorderWait, (now - abandonedSince) * 5 / 4))
            self.abandonedSince = nil
            needsKeyframe = false
        } else if gapSince != nil {
            reorderWait = max(shortestReorderWait, reorderWait * 31 / 32)
        }
    }

    private func isPresent(_ number: Int64) -> Bool { ring[Self.slot(number)]?.number == number }

    // MARK: Pictures

    /// The picture that begins at ``next``, when all of it is there.
    private mutating func takeNext(_ now: MonotonicInstant) -> VP8AssembledFrame? {
        skipPadding()
        guard let start = next, start < contiguousEnd, let first = piece(start) else { return nil }
        guard first.startsFrame else {
            // The middle of a picture whose beginning was never sent.
            giveUp()
            return nil
        }
        guard let end = end(ofFrameAt: start, timestamp: first.timestamp) else { return nil }
        return assemble(start..<end, first)
    }

    private mutating func skipPadding() {
        while let number = next, let piece = piece(number), piece.payload.isEmpty {
            _ = take(number)
            next = number + 1
        }
    }

    /// Where the picture's packets end; nil while they are not all there.
    private func end(ofFrameAt start: Int64, timestamp: RTPTimestamp) -> Int64? {
        var number = start
        while let piece = piece(number) {
            // Some senders leave the marker out: then the next picture's first packet tells.
            if piece.timestamp != timestamp { return piece.startsFrame ? number : nil }
            if piece.isLast { return number + 1 }
            number += 1
        }
        return nil
    }

    private mutating func assemble(_ numbers: Range<Int64>, _ first: Piece) -> VP8AssembledFrame {
        var bytes: [UInt8] = []
        var completedAt = first.arrivedAt
        for number in numbers {
            guard let piece = take(number) else { continue }
            bytes += piece.payload[piece.dataStart...]
            completedAt = max(completedAt, piece.arrivedAt)
        }
        keyframeStarts.removeAll { $0 < numbers.upperBound }
        next = numbers.upperBound
        contiguousEnd = max(contiguousEnd, numbers.upperBound)
        hasDelivered = true
        return VP8AssembledFrame(
            bytes: bytes, isKeyframe: first.isKeyframe, timestamp: first.timestamp, pictureID: first.pictureID,
            completedAt: completedAt)
    }

    /// The gap is not waited for any more.
    private mutating func giveUp() {
        needsKeyframe = true
        abandonedSince = gapSince
        gapSince = nil
    }

    /// The first whole keyframe; what lies before it is dropped.
    private mutating func takeKeyframe(_ now: MonotonicInstant) -> VP8AssembledFrame? {
        guard let begin = next else { return nil }
        keyframeStarts.removeAll { $0 < begin }
        for number in keyframeStarts.sorted() {
            guard let first = piece(number), let end = end(ofFrameAt: number, timestamp: first.timestamp) else {
                continue
            }
            for old in begin..<number { drop(old) }
            needsKeyframe = false
            let frame = assemble(number..<end, first)
            noteGap(now)
            return frame
        }
        return nil
    }
}
