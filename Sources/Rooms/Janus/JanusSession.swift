internal import RTP
import Synchronization

/// One join to a VideoRoom, or one taking up again.
final class JanusSession: RoomSession {
    let info: CallInfo
    let events: AsyncStream<SessionEvent>

    private let room: JanusRoom
    private let continuation: AsyncStream<SessionEvent>.Continuation
    private let onPacket: @Sendable (TrackID, RTPPacket) -> Void
    private let isOpen = Atomic(true)
    private let isLost = Atomic(false)

    init(_ room: JanusRoom, _ info: CallInfo, _ onPacket: @escaping @Sendable (TrackID, RTPPacket) -> Void) {
        (events, continuation) = AsyncStream.makeStream()
        self.room = room
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

    var statistics: TransportStatistics? { room.statistics }

    func publish(_ track: TrackInfo) async throws { try await room.publish(track) }
    func setMuted(_ isMuted: Bool, track kind: TrackKind) async throws { try await room.setMuted(isMuted, kind) }
    func unpublish(_ kind: TrackKind) async throws { try await room.unpublish(kind) }

    func send(_ packet: RTPPacket, track kind: TrackKind) {
        if isOpen.load(ordering: .relaxed) { room.send(packet, kind) }
    }

    func requestKeyframe(of track: TrackID) { room.requestKeyframe(of: track) }

    func sendReaction(_ reaction: String) async throws {
        throw ServiceError(
            .unsupported, operation: "react", reason: "Janus's VideoRoom has no way to show a reaction")
    }

    func leave() async throws {
        // The server hangs up now: that is no loss.
        isLost.store(true, ordering: .relaxed)
        try await room.leave()
    }

    func close() async {
        isOpen.store(false, ordering: .relaxed)
        await room.close(self, keeps: true)
        continuation.finish()
    }
}
