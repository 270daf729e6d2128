import Foundation
import Media
import Reprise
import Testing

/// A call through a Janus server, all in the lab: one party with the loopback card and vivid, the other without hardware.
@Suite("A call through Janus on real drivers", .enabled(if: DeviceLab.isHere), .serialized)
struct CallJanusTests {
    private static let rejoins = 5
    /// What is played into the loopback card, and what the synthetic microphone hears.
    private static let (ownTone, otherTone) = (700.0, 440.0)

    enum Rejoining: String, Sendable, CaseIterable { case devices, other }

    @Test(
        "one party rejoins five times while the other stays: tones and pictures arrive each time, both ways",
        arguments: Rejoining.allCases)
    func rejoins(who: Rejoining) async throws {
        // A player that a test before has left holds the card.
        await CallInLab.endLast()
        let janus = try await LabJanus.start()
        let tone = try await Tone(frequency: Self.ownTone, amplitude: 0.5).speak(seconds: 900)
        let own = try await Self.party("devices", janus, .all)
        let other = try await Self.party("other", janus, nil)
        let failure: (any Error)?
        do {
            try await Self.hold(own, other, who)
            failure = nil
        } catch { failure = error }
        // Nothing of a call that failed stays in the way of the next test.
        await own.call.leave()
        await other.call.leave()
        try await tone.stop()
        try await janus.stop()
        if let failure { throw failure }
    }

    private static func hold(_ own: JanusParty, _ other: JanusParty, _ who: Rejoining) async throws {
        let (stays, comes) = who == .devices ? (other, own) : (own, other)
        var sessions = Set<SessionID>()
        try await stays.call.join()
        for stay in 1...rejoins {
            comes.got.forget()
            try await comes.call.join()
            sessions.insert(comes.call.state.sessionID.value)
            try await expect(other, gets: ownTone, [320, 180], from: own, "stay \(stay)")
            try await expect(own, gets: otherTone, [160, 90], from: other, "stay \(stay)")
            if stay == 1 { try await expectPlayed() }
            let left = comes.call.state.sessionID.value
            await comes.call.leave()
            #expect(comes.call.state.connection.value == .idle)
            for status in comes.statuses { #expect(status == .notSelected, "stay \(stay)") }
            let isGone = await reached(within: patience) {
                !stays.call.state.participants.value.contains { $0.sessionID == left }
            }
            #expect(isGone, "stay \(stay): who left is still there")
        }
        #expect(sessions.count == rejoins, "a session id was used twice")
        #expect(stays.call.state.connection.value == .joined)
    }

    /// What waits for an emulated processor that others use too.
    private static let patience = Duration.seconds(90)

    /// Waits until a party hears another's tone and sees its pictures.
    private static func expect(
        _ listener: JanusParty, gets tone: Double, _ size: [Int], from speaker: JanusParty, _ comment: Comment,
        _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let isHeard = await reached(within: patience) {
            listener.got.takeVoice(speaker.track(.audio)).map { carries($0, tone) } ?? false
        }
        let isSeen = await reached(within: patience) { listener.got.pictures(speaker.track(.video)).count >= 5 }
        let (voice, picture) = (speaker.track(.audio), speaker.track(.video))
        let statistics = listener.call.statistics
        try #require(
            isHeard && isSeen,
            """
            \(comment), \(listener.name): heard \(isHeard), seen \(isSeen), \(String(describing: statistics?.received)); \
            \(speaker.name): \(speaker.statuses), \(String(describing: speaker.call.statistics))
            """,
            sourceLocation: location)
        // A machine that does not keep up sends a smaller one of the same form.
        let got = listener.got.pictures(picture).size
        let scale = Double(got[0]) / Double(size[0])
        #expect((0.25...1).contains(scale), "\(comment), \(got)", sourceLocation: location)
        #expect(abs(Double(got[1]) - Double(size[1]) * scale) <= 2, "\(comment), \(got)", sourceLocation: location)
        #expect((statistics?.received[voice]?.packets ?? 0) > 0, comment, sourceLocation: location)
        // A picture is shown before it is counted.
        let isCounted = await reached { (listener.call.statistics?.received[picture]?.framesDecoded ?? 0) >= 5 }
        #expect(isCounted, comment, sourceLocation: location)
    }

    /// What the speaker's end of the loopback card plays is the other's tone.
    private static func expectPlayed() async throws {
        let file = "\(DeviceLab.shared)/janus-played.wav"
        let isPlayed = try await reached(within: patience) {
            _ = try await DeviceLab.run(
                "arecord", "-q", "-D", "plughw:Loopback,1,1", "-f", "S16_LE", "-r", "48000", "-c", "2", "-d", "2", file)
            return carries(try Recording(file), otherTone)
        }
        #expect(isPlayed)
    }

    /// A loaded machine tears the sound now and then, and drift correction bends it by up to a percent: the best quarter
    /// of short windows shows what it is.
    private static func carries(_ recording: Recording, _ tone: Double) -> Bool {
        let windows = recording.windows(seconds: 0.02)
        guard windows.count >= 40 else { return false }
        let best = windows.map { ($0.purity(at: tone), $0) }.sorted { $0.0 > $1.0 }.prefix(windows.count / 4)
        return median(best.map(\.0)) > 0.9 && abs(median(best.map(\.1.frequency)) - tone) < tone * 0.015
    }

    /// - `devices`: the lab's; nil: synthetic ones.
    private static func party(
        _ name: String, _ janus: LabJanus, _ devices: CallInLab.Devices?
    ) async throws -> JanusParty {
        var configuration = CallConfiguration()
        configuration.preferredMicrophone = devices?.microphone
        configuration.preferredSpeaker = devices?.speaker
        configuration.preferredCamera = devices?.camera
        configuration.routing.fallsBack = devices == nil
        configuration.routing.returns = devices == nil
        let client = Client(
            user: User(id: name), service: try JanusService(url: janus.url),
            devices: devices == nil ? .synthetic() : .machine, configuration: configuration)
        let call = client.call(type: "default", id: "1001")
        // Small pictures: the lab's processor may be emulated.
        let camera =
            devices == nil
            ? VideoResolution(width: 160, height: 90, framesPerSecond: 5)
            : VideoResolution(width: 320, height: 180, framesPerSecond: 5)
        try await call.create(CallCreation(settings: CallSettings(camera: camera)))
        return JanusParty(name: name, call: call, got: Got(call))
    }
}
