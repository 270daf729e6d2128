import Media

/// Puts the packets of one sound stream in order and gives them out when they are due.
///
/// Its delay is no number but what happens: playing begins with the first packet (or ``Settings/startDelay`` of sound);
/// a packet that comes after it was due has its place held by concealment and is still played, and from then on all
/// is played that much later. What makes the delay shrink again is up to the caller, who sees ``bufferedTicks`` and
/// may ``drop(downTo:)`` or play faster. A packet that was lost is known as such once a later one is here, and then
/// costs no delay.
///
/// Pure: packets, `now` and "it is due" in, what to play out.
public struct JitterBuffer: Sendable {
    public struct Settings: Sendable, Hashable {
        /// Sound to have before playing begins.
        public var startDelay = Duration.zero
        /// Sound held at most; beyond it the oldest goes unplayed.
        public var maximumDelay = Duration.milliseconds(400)
        /// Concealment in a row before the stream counts as paused.
        public var concealmentLimit = Duration.milliseconds(100)

        public init() {}
    }

    /// What became of a packet.
    public enum Insertion: Sendable, Hashable {
        case kept
        case duplicate
        /// It came after its place was given up.
        case late
    }

    /// What to play next.
    public enum Output: Sendable, Hashable {
        case play(RTPPacket)
        /// Make up so many ticks; `next` is the packet that follows the lost one and may carry a copy of it (FEC).
        case conceal(ticks: Int, next: RTPPacket?)
        /// The stream goes on but nothing is here yet; ask again when it is due.
        case wait
        /// The stream has not begun or pauses: nothing to play.
        case idle
    }

    private struct Entry: Sendable {
        let count: Int64
        let ticks: Int
        let packet: RTPPacket
    }

    /// The place in the stream that is played next.
    private struct Place: Sendable {
        var count: Int64
        var timestamp: RTPTimestamp
    }

    /// The sound that is held.
    public private(set) var bufferedTicks = 0
    /// Packets that went unplayed: too many were held, or they were dropped to catch up.
    public private(set) var discarded: Int64 = 0

    private let startTicks: Int
    private let maximumTicks: Int
    private let concealmentTicks: Int
    private var sequence = SequenceExtender()
    private var entries: [Entry] = []
    private var place: Place?
    /// All up to here were played or given up.
    private var lastCount: Int64?
    /// Bit n: whether `lastCount - n` had come.
    private var history: UInt64 = 0
    /// Concealed since the last packet, for a place that is still held.
    private var heldTicks = 0
    private var lastTicks = 960

    public init(clockRate: Int32, settings: Settings = Settings()) {
        func ticks(_ duration: Duration) -> Int { Int(duration.nanoseconds * Int64(clockRate) / 1_000_000_000) }
        startTicks = ticks(settings.startDelay)
        maximumTicks = max(ticks(settings.maximumDelay), startTicks)
        concealmentTicks = ticks(settings.concealmentLimit)
        entries.reserveCapacity(Self.maximumEntries + 1)
    }

    /// Whether the stream is being played, as opposed to begun or paused.
    public var isPlaying: Bool { place != nil }

    /// Takes a packet.
    /// - `ticks`: the sound in it, above 0.
    public mutating func insert(_ packet: RTPPacket, ticks: Int) -> Insertion {
        let count = sequence.extend(packet.sequenceNumber)
        if let lastCount, count <= lastCount {
            let age = lastCount - count
            return age < 64 && history >> UInt64(age) & 1 == 1 ? .duplicate : .late
        }
        let index = entries.lastIndex { $0.count <= count }
        if let index, entries[index].count == count { return .duplicate }
        entries.insert(Entry(count: count, ticks: ticks, packet: packet), at: index.map { $0 + 1 } ?? 0)
        bufferedTicks += ticks
        while bufferedTicks > maximumTicks || entries.count > Self.maximumEntries, entries.count > 1 { discardFirst() }
        return .kept
    }

    /// What to play now.
    /// - `isDue`: whether waiting is over: what is missing is concealed.
    /// - `quantum`: ticks to conceal while a packet may still come.
    public mutating func next(isDue: Bool, quantum: Int = 480) -> Output {
        guard let place else { return begin() }
        guard let head = entries.first else { return isDue ? hold(quantum) : .wait }
        if head.count == place.count { return playOrPause(head, place) }
        guard isDue else { return .wait }
        return giveUp(place, before: head)
    }

    /// Drops the oldest packets until no more sound than this is held: to catch up after a burst.
    public mutating func drop(downTo ticks: Int) {
        while bufferedTicks > ticks, !entries.isEmpty { discardFirst() }
    }

    /// Forgets everything: the stream begins anew.
    public mutating func reset() {
        entries.removeAll(keepingCapacity: true)
        bufferedTicks = 0
        sequence = SequenceExtender()
        place = nil
        lastCount = nil
        history = 0
        heldTicks = 0
    }

    private mutating func begin() -> Output {
        guard let head = entries.first, bufferedTicks >= startTicks else { return .idle }
        heldTicks = 0
        return play(head)
    }

    private mutating func playOrPause(_ head: Entry, _ place: Place) -> Output {
        // The sender passed over a while (DTX): the pause lasts as long here, as far as it was not concealed yet.
        let pause = place.timestamp.distance(to: head.packet.timestamp) - heldTicks
        guard pause > 0, pause <= concealmentTicks else { return play(head) }
        let ticks = min(pause, lastTicks)
        heldTicks += ticks
        return .conceal(ticks: ticks, next: nil)
    }

    private mutating func play(_ head: Entry) -> Output {
        removeFirst()
        pass(to: head.count, came: true)
        place = Place(count: head.count + 1, timestamp: head.packet.timestamp + head.ticks)
        heldTicks = 0
        lastTicks = head.ticks
        return .play(head.packet)
    }

    /// Nothing is here: holds the place, for a while.
    private mutating func hold(_ quantum: Int) -> Output {
        guard heldTicks < concealmentTicks else {
            place = nil
            return .idle
        }
        heldTicks += quantum
        return .conceal(ticks: quantum, next: nil)
    }

    /// A packet is missing and a later one is here: it is lost.
    private mutating func giveUp(_ place: Place, before head: Entry) -> Output {
        let missing = Int(min(head.count - place.count, Int64(Int32.max)))
        // What held its place counts for it; a long gap is not worth filling.
        guard missing * lastTicks > heldTicks, missing * lastTicks <= concealmentTicks else {
            pass(to: head.count - 1, came: false)
            return play(head)
        }
        pass(to: place.count, came: false)
        let ticks = max(0, lastTicks - heldTicks)
        heldTicks = max(0, heldTicks - lastTicks)
        self.place = Place(count: place.count + 1, timestamp: place.timestamp + lastTicks)
        guard ticks > 0 else { return next(isDue: true) }
        let carriesCopy = missing == 1 && ticks == lastTicks
        return .conceal(ticks: ticks, next: carriesCopy ? head.packet : nil)
    }

    private mutating func discardFirst() {
        discarded += 1
        let first = entries[0]
        removeFirst()
        pass(to: first.count, came: true)
        guard place != nil else { return }
        place = Place(count: first.count + 1, timestamp: first.packet.timestamp + first.ticks)
        heldTicks = 0
    }

    private mutating func removeFirst() { bufferedTicks -= entries.removeFirst().ticks }

    private mutating func pass(to count: Int64, came: Bool) {
        let step = lastCount.map { count - $0 } ?? 1
        history = (step < 64 ? history << UInt64(step) : 0) | (came ? 1 : 0)
        lastCount = count
    }

    private static let maximumEntries = 128
}
