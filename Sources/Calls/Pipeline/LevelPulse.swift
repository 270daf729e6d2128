import Media
import Synchronization

/// Says when somebody has become louder or softer, at most five times a second: what an eye can tell apart.
///
/// The pipelines tell, on the devices' threads; whoever shows levels wakes for a change only, not by a timer.
final class LevelPulse: Sendable {
    /// A value a change; those that nobody has taken yet are one.
    let changes: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let hasChanged = Atomic(false)
    private let lastBeat = Atomic(Int64.min)

    private static let interval: Int64 = 200_000_000

    init() {
        (changes, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// A level has changed. Any thread; told by the next ``beat(_:)`` that is due.
    func changed() { hasChanged.store(true, ordering: .relaxed) }

    /// Time has passed. From the pipelines, with every frame.
    func beat(_ now: MonotonicInstant) {
        guard hasChanged.load(ordering: .relaxed) else { return }
        let last = lastBeat.load(ordering: .relaxed)
        guard last == .min || now.nanoseconds - last >= Self.interval else { return }
        lastBeat.store(now.nanoseconds, ordering: .relaxed)
        hasChanged.store(false, ordering: .relaxed)
        continuation.yield()
    }
}
