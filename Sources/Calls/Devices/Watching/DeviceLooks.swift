import Media
import Scopes
import Synchronization

/// Puts together what looks at the devices found. Looks overlap, and one that hangs in a driver comes late: of each kind what
/// the look found that began last counts.
final class DeviceLooks: Sendable {
    private struct State {
        var begun = 0
        /// The looks whose findings are shown.
        var sound = 0
        var cameras = 0
    }

    private let lists: StateFlow<DeviceLists>
    private let state = Mutex(State())

    init(into lists: StateFlow<DeviceLists>) { self.lists = lists }

    /// A look begins.
    /// - Returns: its number.
    func begin() -> Int {
        state.withLock { state in
            state.begun += 1
            return state.begun
        }
    }

    /// A look is over.
    /// - `sound`, `cameras`: what it found; nil where it did not look for them.
    /// - Returns: what is different now.
    func end(
        _ look: Int, sound: (microphones: [AudioDeviceInfo], speakers: [AudioDeviceInfo])?, cameras: [VideoDeviceInfo]?
    ) -> DeviceChanges {
        state.withLock { state in
            let before = lists.value
            var now = before
            if let sound, look > state.sound {
                (now.microphones, now.speakers) = sound
                state.sound = look
            }
            if let cameras, look > state.cameras {
                now.cameras = cameras
                state.cameras = look
            }
            lists.set(now)
            return now.changes(since: before)
        }
    }
}
