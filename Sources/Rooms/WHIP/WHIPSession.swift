internal import RTP
import Synchronization

/// One join of a WHIP or WHEP endpoint, or one taking up again.
final class WHIPSession: RoomSession {
    let info: CallInfo
    let events: AsyncStream<SessionEvent>

    private let connection: WHIPConnection
    private let continuation: AsyncStream<SessionEvent>.Continuation
    private let onPacket: @Sendable (TrackID, RTPPacket) -> Void
    private let isOpen = Atomic(true)
    private let isLost = Atomic(false)

    init(
        _ connection: WHIPConnection, _ info: CallInfo, _ onPacket: @escaping @Sendable (TrackID, RTPPacket) -> Void
    ) {
        (events, continuation) = AsyncStream.makeStream()
        self.connection = connection
        self.info = info
        self.onPacket = onPacket
    }

    func deliver(_ event: SessionEvent) { continuation.yield(event) }

    /// Told once: what breaks, breaks in several places.
    func lose(_ reason: String) {
        if !isLost.exchange(true, ordering: .relaxed) { deliver(.connectionLost(reason: reason)) }
    }

    /// On the loop's thread.
    func receive(_ track: TrackID, _ packet: RTPPacket) {
        if isOpen.load(ordering: .relaxed) { onPacket(track, packet) }
    }

    var statistics: TransportStatistics? { connection.statistics }

    func publish(_ track: TrackInfo) async throws { try connection.publish(track) }

    /// Nobody can be told: a muted track sends silence, or nothing.
    func setMuted(_ isMuted: Bool, track kind: TrackKind) async throws {}

    func unpublish(_ kind: TrackKind) async throws { connection.unpublish(kind) }

    func send(_ packet: RTPPacket, track kind: TrackKind) {
        if isOpen.load(ordering: .relaxed) { connection.send(packet, kind) }
    }

    func requestKeyframe(of track: TrackID) { connection.requestKeyframe(track.kind) }

    func sendReaction(_ reaction: String) async throws { throw WHIPCore.unsupported("react") }

    func leave() async throws {
        // The server hangs up now: that is no loss.
        isLost.store(true, ordering: .relaxed)
        try await connection.leave()
    }

    func close() async {
        isOpen.store(false, ordering: .relaxed)
        await connection.close(self)
        continuation.finish()
    }
}
