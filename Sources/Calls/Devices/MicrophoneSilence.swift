import Media
import Scopes
import Synchronization

/// Why a microphone that runs is not heard: all its samples are zero. It is told, and not restarted: nothing is broken.
public enum MicrophoneSilence: String, Sendable, Hashable {
    /// The card's mixer mutes it.
    case mutedByMixer
    /// Something that cannot be read: a switch on the device, or nothing in its jack.
    case allZero
}

extension MicrophoneManager {
    /// So long there are only zeros before it is told: the noise of a real microphone is never that even.
    static let silenceAfter = Duration.seconds(2)

    /// Looks once a second, for as long as the session lasts, whether anything but zeros comes.
    func watchSilence(in session: CallLifecycle.Session) throws(ScopeError) {
        let clock = call.configuration.clock
        try session.scope.launch("microphone silence") { [weak self] in
            while true {
                try await clock.sleep(for: .seconds(1))
                guard let self else { return }
                await self.lookForSilence(in: session)
            }
        }
    }

    private func lookForSilence(in session: CallLifecycle.Session) async {
        guard control.isDelivering, session.media.audioSender.zeros >= Self.silenceAfter else {
            return tell(nil)
        }
        // What was found holds until something is heard: the mixer is asked once.
        if silence == .allZero || silence == .mutedByMixer { return }
        let device = session.media.microphone.withLock { $0?.device }
        let isMuted = try? await control.lookUp("mixer") { () async throws(DeviceError) in
            try await device?.mixer?.isMuted() ?? false
        }
        guard session.scope.isCurrent, !Task.isCancelled else { return }
        tell(isMuted == true ? .mutedByMixer : .allZero)
    }

    private func tell(_ silence: MicrophoneSilence?) {
        guard silences.value != silence else { return }
        silences.set(silence)
        switch silence {
        case nil: call.trace("microphone.heard", "")
        case .mutedByMixer:
            call.report(
                .device, "microphone: the card's mixer mutes it, only zeros come",
                advice: "Unmute it: alsamixer, or `amixer sset Capture cap`.")
        case .allZero:
            call.report(
                .device, "microphone: it delivers only zeros",
                advice: "Look for a switch on it, and whether something is in its jack.")
        }
    }
}
