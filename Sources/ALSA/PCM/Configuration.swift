import Media

/// How samples reach the hardware's memory.
enum PCMAccess: Sendable, CaseIterable {
    /// The hardware's buffer itself.
    case mmap
    /// The same, with a buffer a channel.
    case mmapNoninterleaved
    /// Copies by read and write calls.
    case readWrite

    /// What ``AudioStreamInfo/access`` says.
    var name: String { self == .readWrite ? "rw" : "mmap" }
}

/// What a stream wants of its PCM.
struct ConfigurationRequest: Sendable, Equatable {
    var direction: AudioDirection
    /// The ring's format.
    var format: AudioFormat
    var period: Duration
    /// The hardware's period, where it may be a part of ``period``: capture's first block.
    var firstBlock: Duration
    /// What is moved at one wake-up where it can; zero: one period.
    var batch = Duration.zero
    /// The hardware's buffer in periods; nil for a roomy one.
    var bufferPeriods: Int?
    /// Blocks beyond the usual that a stream keeps filled, or has room for.
    var headroom = 0
    /// Whether a program with periods of its own stands behind the PCM.
    var isServer = false
}

/// What was negotiated with the hardware.
struct Configuration: Sendable, Equatable {
    var access: PCMAccess
    var format: HardwareFormat
    var rate: Int
    var channels: Int
    /// Sample frames between two interrupts of the hardware.
    var hardwarePeriod: Int
    /// Sample frames of the stream's period: a multiple of ``hardwarePeriod``.
    var block: Int
    /// Sample frames to move at one wake-up where it can: ``block`` or more, a multiple of ``hardwarePeriod``.
    var batch: Int
    var buffer: Int
    /// alsa-lib's bound of its pointers: a start threshold that is never reached.
    var boundary: UInt
}
