import Codecs
import Media
import RTP
import Rooms
import Scopes
import Synchronization

/// The media of one session: the rings between devices and pipelines, the pipelines, and the transport they send to.
///
/// Made at a join, dropped after the leave: nothing of it can reach the next session.
///
///     microphone ─▶ captureRing ─▶ AudioSender ─▶ SessionLink ─▶ room
///     camera, screen ────────────▶ VideoSender ─▶ SessionLink ─▶ room
///     speaker ◀─ playbackRing ◀─ AudioReceiver ◀─ receive ◀──── room
///     application ◀──────────── VideoReceiver ◀─ receive ◀──── room
final class SessionMedia: Sendable {
    /// A running microphone or speaker, with what was negotiated.
    struct AudioPart: Sendable {
        let device: any AudioDevice
        let info: AudioStreamInfo
    }

    /// A camera or screen that runs or ran, with what was negotiated and the sender it feeds.
    struct VideoPart: Sendable {
        let device: any VideoDevice
        let info: VideoStreamInfo
    }

    let generation: Int
    /// When `join()` was called. Nothing captured before it is sent.
    let requestedAt: MonotonicInstant
    let configuration: CallConfiguration
    let link: SessionLink
    let captureRing: AudioRing
    let playbackRing: AudioRing
    let audioSender: AudioSender
    let audioReceiver: AudioReceiver
    /// When to look at the levels of either.
    let levelPulse = LevelPulse()
    let microphone = Mutex<AudioPart?>(nil)
    let speaker = Mutex<AudioPart?>(nil)
    let camera = Mutex<VideoPart?>(nil)
    let screen = Mutex<VideoPart?>(nil)
    let videoSenders = Mutex<[TrackKind: VideoSender]>([:])
    let videoReceivers = Mutex<[TrackID: VideoReceiver]>([:])
    let joinedAt = Mutex<MonotonicInstant?>(nil)
    /// How often the connection was lost and taken up again.
    let reconnections = Atomic(0)
    /// What the uplink bears, shared out to the encoders.
    let adaptation: Mutex<UplinkAdaptation>
    let outlets: VideoOutlets
    private let scope: ScopeHandle

    /// - Throws: `.invalidArgument` for Opus settings that there are not.
    init(
        generation: Int, sessionID: SessionID, requestedAt: MonotonicInstant, configuration: CallConfiguration,
        scope: ScopeHandle, outlets: VideoOutlets, sound: SoundOutlets
    ) throws(CodecError) {
        self.generation = generation
        self.requestedAt = requestedAt
        self.configuration = configuration
        self.scope = scope
        self.outlets = outlets
        adaptation = Mutex(UplinkAdaptation(configuration.opus))
        let format = AudioFormat(rate: 48_000, channels: configuration.opus.channels)
        captureRing = AudioRing(format: format, capacity: format.sampleFrames(in: .milliseconds(300)))
        playbackRing = AudioRing(format: format, capacity: format.sampleFrames(in: .milliseconds(300)))
        let link = SessionLink(sessionID)
        self.link = link
        audioSender = try AudioSender(
            ring: captureRing, settings: configuration.opus, ssrc: link.ssrc(.audio), notBefore: requestedAt,
            now: configuration.now, pulse: levelPulse
        ) { packet in link.send(packet, .audio) }
        audioReceiver = try AudioReceiver(
            ring: playbackRing, settings: configuration.opus, outlets: sound, pulse: levelPulse,
            now: configuration.now)
    }

    var sessionID: SessionID { link.sessionID }

    /// The session is joined: the pipelines run, and what others have published is received.
    func begin(_ transport: any RoomSession) throws(ScopeError) {
        joinedAt.withLock { $0 = configuration.now() }
        let (sender, receiver) = (audioSender, audioReceiver)
        try scope.launch("audio sender") { await sender.run() }
        try scope.launch("audio receiver") { await receiver.run() }
        addTracks(of: transport.info.participants)
    }

    // MARK: From the room

    /// A packet of a remote track. Any thread.
    func receive(_ packet: RTPPacket, track: TrackID) {
        if track.kind == .audio {
            audioReceiver.receive(packet, track: track)
        } else {
            videoReceivers.withLock { $0[track] }?.receive(packet)
        }
    }

    /// Begins to receive what others have published.
    func addTracks(of participants: [ParticipantInfo]) {
        for participant in participants where participant.sessionID != sessionID {
            for track in participant.tracks { addTrack(track.id) }
        }
    }

    /// Ends the tracks of everybody who is not among these: they left while nobody could tell.
    func keepTracks(of participants: [ParticipantInfo]) {
        let present = Set(participants.map(\.sessionID))
        let received = Set(audioReceiver.statistics.keys).union(videoReceivers.withLock { Set($0.keys) })
        for track in received where !present.contains(track.sessionID) { removeTrack(track) }
    }

    func addTrack(_ track: TrackID) {
        guard track.sessionID != sessionID else { return }
        guard track.kind != .audio else { return audioReceiver.addTrack(track) }
        let (link, outlets) = (link, outlets)
        let receiver = videoReceivers.withLock { receivers -> VideoReceiver? in
            guard receivers[track] == nil else { return nil }
            let receiver = VideoReceiver(
                now: configuration.now, requestKeyframe: { link.transport?.requestKeyframe(of: track) },
                deliver: { outlets.deliver($0, track: track, isLocal: false) })
            receivers[track] = receiver
            return receiver
        }
        guard let receiver else { return }
        // The scope is over where it refuses: then there is nothing to receive.
        _ = try? scope.launch("video receiver") { await receiver.run() }
    }

    func removeTrack(_ track: TrackID) {
        if track.kind == .audio { return audioReceiver.removeTrack(track) }
        videoReceivers.withLock { $0.removeValue(forKey: track) }?.stop()
    }

    func removeTracks(of session: SessionID) {
        for kind in TrackKind.allCases { removeTrack(TrackID(sessionID: session, kind: kind)) }
    }

    func requestKeyframe(of kind: TrackKind) { videoSenders.withLock { $0[kind] }?.requestKeyframe() }

    // MARK: From the devices

    /// A device that is asked for no batches moves a packet's sound at one wake-up.
    func inPackets(_ options: AudioStreamOptions) -> AudioStreamOptions {
        var options = options
        if options.batch == .zero { options.batch = configuration.opus.frameDuration }
        return options
    }

    /// Tells the others that a track begins or is muted. A room that cannot be told is lost, and reconnection tells it.
    func announce(_ kind: TrackKind, isOn: Bool) async { try? await link.announce(kind, isOn: isOn) }

    /// Starts a camera or screen into the sender of its track; returns when its first frame has come.
    func startVideo(
        _ device: any RunnableDevice, _ target: VideoTarget, _ kind: TrackKind,
        notice: @escaping @Sendable (DeviceNotice) -> Void
    ) async throws(DeviceError) {
        guard let video = (device as? RunnableVideoDevice)?.device else { return }
        let sender = try videoSender(kind, target)
        let arrival = Arrival(device: device.deviceID.rawValue)
        let (outlets, track) = (outlets, TrackID(sessionID: sessionID, kind: kind))
        // The device's own thread alone touches it.
        let isFirst = Atomic(true)
        let info = try await video.start(target) { frame in
            arrival.arrived()
            sender.offer(frame, standsAlone: isFirst.exchange(false, ordering: .relaxed))
            outlets.deliver(frame, track: track, isLocal: true)
        } onEvent: { event in
            if case .ended(let error) = event { arrival.failed(error) }
            if case .stalled(let error) = event, error.code == .neverStarted { arrival.failed(error) }
            notice(DeviceNotice(event))
        }
        let part = VideoPart(device: video, info: info)
        if kind == .video { camera.withLock { $0 = part } } else { screen.withLock { $0 = part } }
        try await arrival.value(atMost: target.stallAfter + Arrival.grace, clock: configuration.clock)
    }

    /// The sender of a kind: made, and running, from its first device on.
    private func videoSender(_ kind: TrackKind, _ target: VideoTarget) throws(DeviceError) -> VideoSender {
        let link = link
        let (sender, isNew) = videoSenders.withLock { senders -> (VideoSender, Bool) in
            if let sender = senders[kind] { return (sender, false) }
            let sender = VideoSender(
                target: target, content: kind == .screenShare ? .screen : .camera, ssrc: link.ssrc(kind),
                notBefore: requestedAt, now: configuration.now
            ) { packet in link.send(packet, kind) }
            senders[kind] = sender
            return (sender, true)
        }
        if isNew {
            if let estimate = adaptation.withLock({ $0.estimate }) { adapt(to: estimate) }
            do { try scope.launch("\(kind) sender") { await sender.run() } } catch {
                throw DeviceError(
                    .cancelled, operation: "start \(kind)", device: "\(kind)", reason: "the session ended")
            }
        }
        return sender
    }
}
