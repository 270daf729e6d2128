/// What the way to the far side can carry, as seen from here.
public struct BandwidthEstimate: Sendable, Hashable {
    /// Bits a second of RTP packets, headers included.
    public var bitsPerSecond: Int
    /// The share of packets lost of late, 0…1.
    public var lossFraction: Double
    /// From a packet sent to what tells of it; nil before the first.
    public var roundTrip: Duration?

    public init(bitsPerSecond: Int, lossFraction: Double, roundTrip: Duration?) {
        self.bitsPerSecond = bitsPerSecond
        self.lossFraction = lossFraction
        self.roundTrip = roundTrip
    }
}
