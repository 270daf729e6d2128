import Media

/// When a camera that runs smaller than it can, for lack of room on its bus, is tried at the wanted size again: pure, with
/// time passed in.
///
/// A try costs the picture the time of a restart, so they are rare: after 10 s, and twice as long after each that did not
/// help, 10 minutes at most. A device that went or was closed may have made room: then at once, but not before 3 s, and
/// twice as long after each further try, a minute at most, have gone by since the last.
struct RoomTrials: Sendable, Equatable {
    static let firstPause = Duration.seconds(10)
    static let longestPause = Duration.seconds(600)
    static let firstSparing = Duration.seconds(3)
    static let longestSparing = Duration.seconds(60)
    /// What a restart of our own closes is heard so soon after it.
    static let ownClosing = Duration.seconds(1)
    /// How long the kernel takes to give free what a device had of the bus.
    static let settling = Duration.milliseconds(200)

    private var tries = 0
    private var last: MonotonicInstant?
    /// Nil where the device runs as is wanted.
    private(set) var due: MonotonicInstant?

    var isReduced: Bool { due != nil }

    /// The device was started.
    mutating func started(isReduced: Bool, now: MonotonicInstant) {
        guard isReduced else {
            self = RoomTrials()
            return
        }
        due = now + min(Self.longestPause, Self.firstPause * (1 << min(tries, 6)))
        last = now
        tries += 1
    }

    /// - Returns: whether the next try is due sooner now.
    mutating func hear(_ signal: DeviceSignal, now: MonotonicInstant) -> Bool {
        guard let due, let last, signal.event == .removed || signal.event == .freed, now - last >= Self.ownClosing
        else { return false }
        let sparing = min(Self.longestSparing, Self.firstSparing * (1 << min(tries - 1, 5)))
        let soonest = max(now + Self.settling, last + sparing)
        guard soonest < due else { return false }
        self.due = soonest
        return true
    }

    func isDue(now: MonotonicInstant) -> Bool { due.map { $0 <= now } ?? false }
}
