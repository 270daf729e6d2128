import Media

/// Which devices failed, and when each may be tried again: pure, with time passed in.
///
/// A device that fails is left alone for 20 ms, and twice as long after each further failure, 10 s at most. A signal that
/// it may have changed lets it be tried at once.
struct DeviceTrials: Sendable, Equatable {
    private struct Failure: Equatable {
        var count: Int
        var at: MonotonicInstant
        var notBefore: MonotonicInstant
    }

    static let firstPause = Duration.milliseconds(20)
    static let longestPause = Duration.seconds(10)
    /// A device that was closed so soon after our own attempt was closed by that attempt.
    static let ownClosing = Duration.milliseconds(50)

    private var failures: [DeviceID: Failure] = [:]

    mutating func failed(_ id: DeviceID, now: MonotonicInstant) {
        let count = (failures[id]?.count ?? 0) + 1
        failures[id] = Failure(count: count, at: now, notBefore: now + Self.pause(after: count))
    }

    mutating func succeeded(_ id: DeviceID) { failures[id] = nil }

    /// Forgets all others: they are not wanted while what runs is better.
    mutating func keep(only ids: [DeviceID]) { failures = failures.filter { ids.contains($0.key) } }

    func isHeldBack(_ id: DeviceID, now: MonotonicInstant) -> Bool {
        (failures[id]?.notBefore).map { now < $0 } ?? false
    }

    /// Something happened to devices of this kind: those that failed may be tried at once.
    mutating func hear(_ signal: DeviceSignal, now: MonotonicInstant) {
        for (id, failure) in failures {
            if signal.event == .freed, now - failure.at < Self.ownClosing { continue }
            failures[id]?.notBefore = now
        }
    }

    /// How long until the next device may be tried again; nil where none has failed.
    func nextTry(now: MonotonicInstant) -> Duration? {
        failures.values.map(\.notBefore).min().map { max(.zero, $0 - now) }
    }

    static func pause(after count: Int) -> Duration {
        count > 10 ? longestPause : min(longestPause, firstPause * (1 << (count - 1)))
    }
}
