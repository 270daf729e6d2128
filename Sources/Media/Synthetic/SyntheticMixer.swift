import Synchronization

/// A card's volume control without a card: it remembers.
public final class SyntheticMixer: AudioMixer {
    private struct State {
        var volume: Int
        var isMuted: Bool
    }

    private let state: Mutex<State>

    public init(volume: Int = 100, isMuted: Bool = false) { state = Mutex(State(volume: volume, isMuted: isMuted)) }

    public func volume() async throws(DeviceError) -> Int { state.withLock { $0.volume } }

    public func setVolume(_ volume: Int) async throws(DeviceError) {
        guard (0...100).contains(volume) else {
            throw DeviceError(
                .invalidArgument, operation: "setVolume(\(volume))", device: "synthetic mixer",
                reason: "A volume is 0–100")
        }
        state.withLock { $0.volume = volume }
    }

    public func isMuted() async throws(DeviceError) -> Bool { state.withLock { $0.isMuted } }

    public func setMuted(_ muted: Bool) async throws(DeviceError) { state.withLock { $0.isMuted = muted } }
}
