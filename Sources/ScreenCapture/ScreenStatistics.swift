import Media
import Synchronization

/// The counters of a stream, kept beyond it. Any thread.
final class ScreenStatistics: Sendable {
    private let counters = Mutex(VideoStreamStatistics())

    var current: VideoStreamStatistics { counters.withLock { $0 } }

    func update(_ change: (inout sending VideoStreamStatistics) -> Void) { counters.withLock { change(&$0) } }
}
