import Media
import RTP
import Rooms
import Synchronization

extension SessionMedia {
    /// How loud everybody is now, in dBov by session, this machine included.
    var levels: [SessionID: Int] {
        var levels = [sessionID: audioSender.isMuted ? -127 : Int(audioSender.statistics.levelDBov)]
        for (track, statistics) in audioReceiver.statistics { levels[track.sessionID] = Int(statistics.levelDBov) }
        return levels
    }

    /// What the session has come to so far.
    var statistics: CallStatistics {
        var result = CallStatistics()
        result.joined = joinedAt.withLock { $0 }.map { $0 - requestedAt }
        result.microphone = microphone.withLock { $0 }.map { part in
            let stream = part.device.statistics
            return .init(info: part.info, stream: stream, first: since(stream.firstBlockAt))
        }
        result.speaker = speaker.withLock { $0 }.map { part in
            let stream = part.device.statistics
            return .init(info: part.info, stream: stream, first: since(stream.firstSampleAt))
        }
        result.camera = camera.withLock { $0 }.map(video)
        result.screenShare = screen.withLock { $0 }.map(video)
        result.sent = sent
        result.received = received
        result.transport = link.transport?.statistics
        result.opening = result.transport?.opening.map { opening in
            let described = opening.begunAt - requestedAt
            return .init(
                described: described, checked: opening.checked.map { described + $0 },
                connected: opening.connected.map { described + $0 })
        }
        result.reconnections = reconnections.load(ordering: .relaxed)
        result.slowLinks = slowLinks.withLock { $0 }
        return result
    }

    private var sent: [TrackKind: CallStatistics.Sent] {
        var sent: [TrackKind: CallStatistics.Sent] = [:]
        let audio = audioSender.statistics
        sent[.audio] = .init(
            packets: Int64(audio.packets), bytes: Int64(audio.bytes), droppedStale: Int64(audio.droppedStale),
            first: since(audio.firstPacketAt), peak: audio.peak, levelDBov: audio.levelDBov)
        for (kind, sender) in videoSenders.withLock({ $0 }) {
            let video = sender.statistics
            sent[kind] = .init(
                packets: Int64(video.packets), bytes: Int64(video.bytes), droppedStale: Int64(video.droppedStale),
                first: since(video.firstPacketAt))
        }
        return sent
    }

    private var received: [TrackID: CallStatistics.Received] {
        var received: [TrackID: CallStatistics.Received] = [:]
        for (track, audio) in audioReceiver.statistics {
            received[track] = .init(
                packets: Int64(audio.packets), lost: Int64(audio.lost), jitter: audio.jitter,
                concealed: Int64(audio.concealed), firstPacket: since(audio.firstPacketAt),
                first: since(audio.firstSoundAt), levelDBov: audio.levelDBov)
        }
        for (track, receiver) in videoReceivers.withLock({ $0 }) {
            let video = receiver.statistics
            received[track] = .init(
                packets: Int64(video.packets), lost: Int64(video.lost), framesDecoded: Int64(video.framesDecoded),
                firstPacket: since(video.firstPacketAt), first: since(video.firstFrameAt))
        }
        return received
    }

    private func video(_ part: VideoPart) -> CallStatistics.Video {
        let stream = part.device.statistics
        return .init(info: part.info, stream: stream, first: since(stream.firstFrameAt))
    }

    private func since(_ instant: MonotonicInstant?) -> Duration? { instant.map { $0 - requestedAt } }
}
