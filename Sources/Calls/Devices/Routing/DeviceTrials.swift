import Media

/// Which devices failed, and when each may be tried again: pure, with time passed in.
///
/// A device that fails is left alone for 20 ms, and twice as long after each further failure, 10 s at most. A signal that
/// it may have changed lets it be tried at once. One that is gone is left alone for longer, until something is plugged: what
/// is heard of its node is that it goes (devtmpfs takes its permissions first), and that we have closed it. One that starts
/// and delivers nothing costs whatever runs in its place a second or two at each attempt: while another runs it is spared
/// for 10 s, and twice as long after each further stall, 10 minutes at most, or until something is plugged.
struct DeviceTrials: Sendable, Equatable {
    private struct Failure: Equatable {
        var count: Int
        var at: MonotonicInstant
        var notBefore: MonotonicInstant
        var stalls = 0
        var sparedUntil: MonotonicInstant?
        var isGone = false

        func due(_ isReplaced: Bool) -> MonotonicInstant {
            max(notBefore, isReplaced ? sparedUntil ?? notBefore : notBefore)
        }
    }

    static let firstPause = Duration.milliseconds(20)
    /// Of one that is gone.
    static let pauseOfGone = Duration.milliseconds(320)
    static let longestPause = Duration.seconds(10)
    static let longestSparing = Duration.seconds(600)
    /// A device that was closed so soon after our own attempt was closed by that attempt.
    static let ownClosing = Duration.milliseconds(50)

    private var failures: [DeviceID: Failure] = [:]

    mutating func failed(_ id: DeviceID, now: MonotonicInstant) {
        failed(id, isGone: failures[id]?.isGone ?? false, now)
    }

    /// It went away: it is gone until something is plugged.
    mutating func vanished(_ id: DeviceID, now: MonotonicInstant) { failed(id, isGone: true, now) }

    private mutating func failed(_ id: DeviceID, isGone: Bool, _ now: MonotonicInstant) {
        let before = failures[id]
        let count = (before?.count ?? 0) + 1
        failures[id] = Failure(
            count: count, at: now,
            notBefore: now + max(Self.pause(after: count), isGone ? Self.pauseOfGone : .zero),
            stalls: before?.stalls ?? 0, sparedUntil: before?.sparedUntil, isGone: isGone)
    }

    /// It started, and delivered nothing.
    mutating func stalled(_ id: DeviceID, now: MonotonicInstant) {
        failed(id, now: now)
        let stalls = (failures[id]?.stalls ?? 0) + 1
        failures[id]?.stalls = stalls
        failures[id]?.sparedUntil = now + min(Self.longestSparing, Self.longestPause * (1 << min(stalls - 1, 10)))
    }

    mutating func succeeded(_ id: DeviceID) { failures[id] = nil }

    /// Forgets all others: they are not wanted while what runs is better.
    mutating func keep(only ids: [DeviceID]) { failures = failures.filter { ids.contains($0.key) } }

    /// - `isReplaced`: whether another runs in its place.
    func isHeldBack(_ id: DeviceID, isReplaced: Bool = false, now: MonotonicInstant) -> Bool {
        failures[id].map { now < $0.due(isReplaced) } ?? false
    }

    /// Something happened to devices of this kind: those that failed may be tried at once.
    mutating func hear(_ signal: DeviceSignal, now: MonotonicInstant) {
        let isPlugged = signal.event == .added || signal.event == .woke
        for (id, failure) in failures {
            if failure.isGone, !isPlugged { continue }
            if signal.event == .freed, now - failure.at < Self.ownClosing { continue }
            failures[id]?.notBefore = now
            // A driver that hangs is freed by our own closing, and touched by every mixer.
            guard isPlugged else { continue }
            failures[id]?.sparedUntil = nil
            failures[id]?.isGone = false
        }
    }

    /// How long until the next device may be tried again; nil where none has failed.
    func nextTry(isReplaced: Bool = false, now: MonotonicInstant) -> Duration? {
        failures.values.map { $0.due(isReplaced) }.min().map { max(.zero, $0 - now) }
    }

    static func pause(after count: Int) -> Duration {
        count > 10 ? longestPause : min(longestPause, firstPause * (1 << (count - 1)))
    }
}
