/// The consumer of a capture ring, where it has no thread of its own: the microphone's thread calls it between two
/// periods, which spares a switch of threads for every frame.
public protocol AudioDrain: AnyObject, Sendable {
    /// Blocks are in the ring. Returns soon: the hardware's buffer goes on filling meanwhile.
    /// - Thread: the device's, outside the period path; one call at a time.
    func soundCaptured()
}

/// The producer of a playback ring, where it has no thread of its own: the speaker's thread asks it for the sound that
/// it is about to take.
public protocol AudioFeed: AnyObject, Sendable {
    /// Fills the ring up to so many sample frames, or further.
    /// - `deadline`: when the device takes what there is, and plays silence for what there is not.
    /// - `isDue`: whether the deadline has come: nothing is to be waited for any more.
    /// - Returns: whether waiting until the deadline can bring more; ``AudioRing/dataReady`` is signalled when it has.
    /// - Thread: the device's, outside the period path; one call at a time.
    func soundNeeded(_ sampleFrames: Int, by deadline: MonotonicInstant, isDue: Bool) -> Bool
}
