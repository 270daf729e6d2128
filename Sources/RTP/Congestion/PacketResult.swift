import Media

/// A packet that was sent, and what the far side said of it.
struct PacketResult: Sendable {
    var sentAt: MonotonicInstant
    /// On the far side's clock, in microseconds; nil where it did not arrive.
    var arrival: Int64?
    var bytes: Int
    /// The probe that it was part of.
    var probe: Int?
}
