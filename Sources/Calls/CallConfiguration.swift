public import Codecs
public import Media

/// What a call does where people may want it otherwise. The defaults are what a voice call between people wants.
public struct CallConfiguration: Sendable {
    /// What a left call keeps of its devices and its transport.
    public var standby: StandbyPolicy = .release
    /// Whether muting closes the microphone. Open, it is unmuted at once, and speaking while muted can be told.
    public var closesMutedMicrophone = false
    /// How a microphone's stream is asked for.
    public var microphone = AudioStreamOptions()
    /// How a speaker's stream is asked for.
    public var speaker = AudioStreamOptions()
    /// How sound is encoded.
    public var opus = OpusSettings()
    /// The device to take before all others while it is there; a person's selection in the call wins over it.
    public var preferredMicrophone: DeviceID?
    public var preferredSpeaker: DeviceID?
    public var preferredCamera: DeviceID?
    public var preferredScreen: DeviceID?
    /// How devices are chosen, and what happens when one goes.
    public var routing = RoutingConfiguration()
    /// How long `join()` waits for the cleanup of the session before.
    public var cleanupTimeout: Duration = .seconds(10)
    /// How long a leave waits for the service to take the leave message.
    public var leaveMessageTimeout: Duration = .seconds(1)
    /// How long a lost connection is tried again before the call fails; zero: for ever.
    public var reconnectionTimeout: Duration = .seconds(30)
    /// How long one attempt at that may take before the next is made.
    public var reconnectionAttemptTimeout: Duration = .seconds(5)
    /// The clock that timeouts run on; tests pass one of their own.
    public var clock: any Clock<Duration> = SuspendingClock()
    /// The monotonic time that frames and traces are stamped with.
    public var now: @Sendable () -> MonotonicInstant = { .now() }
    /// Makes the ids of sessions.
    public var makeID: @Sendable () -> String = { randomIdentifier() }

    public init() {}
}

/// 128 random bits in hexadecimal.
func randomIdentifier() -> String {
    var generator = SystemRandomNumberGenerator()
    let bits = [generator.next(), generator.next()] as [UInt64]
    return bits.map { word in
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
}
