import Codecs
import Media
import Rooms
import Scopes
import Synchronization
import Testing

@testable import Calls

/// What a call does while devices are missing, silent or changed, with time passed in.
@Suite("A call goes on whatever its devices do", .timeLimit(.minutes(2)))
struct GoingOnTests {
    @Test("Without a microphone silence is sent every 400 ms, nobody is told of a mute, and the next one is taken")
    func noMicrophone() async throws {
        let script = ScriptedCall()
        try await script.joinAndRun()
        let (call, link) = (script.call, try #require(script.call.activeSession?.media.link))
        script.unplug("board:mic")
        script.unplug("headset:mic")
        await script.until { call.microphone.status == .disabled }
        #expect(call.microphone.error?.code == .disconnected)
        let sent = { call.statistics?.sent[.audio]?.packets ?? 0 }
        let (before, begun) = (sent(), script.time.now)
        await script.until { sent() - before >= 10 }
        // Never sooner; later on a busy machine, where simulated time runs ahead of who sends.
        #expect((3.6...8).contains((script.time.now - begun).milliseconds / 1_000), "of 10 packets")
        #expect(link.state.withLock { $0.published[.audio]?.isMuted } == false)
        #expect(call.statistics?.received.values.contains { $0.lost > 0 } == false)
        script.plugIn("board:mic")
        await script.until { script.runs(call.microphone, "board:mic") }
        #expect(call.statistics?.recoveries.microphone.lastDevice == "board:mic")
        #expect(call.statistics?.recoveries.microphone.lastCause == .disconnected)
        #expect((call.statistics?.recoveries.microphone.lastGap ?? .zero) >= .seconds(3))
        await call.leave()
        #expect(call.state.lastSession.value?.statistics.recoveries.microphone.losses == 1)
        #expect(call.sessions.childCount == 0)
    }

    @Test("Switched off while there is no microphone, the others are told that it is muted")
    func mutedWithoutMicrophone() async throws {
        let script = ScriptedCall()
        try await script.joinAndRun()
        let link = try #require(script.call.activeSession?.media.link)
        script.unplug("board:mic")
        script.unplug("headset:mic")
        await script.until { script.call.microphone.status == .disabled }
        try await script.call.microphone.disable()
        #expect(link.state.withLock { $0.published[.audio]?.isMuted } == true)
        await script.call.leave()
    }

    @Test("Without a speaker what comes is played to nothing: those who listen in hear it still")
    func noSpeaker() async throws {
        let script = ScriptedCall()
        try await script.joinAndRun()
        let call = script.call
        script.unplug("board:speaker")
        script.unplug("headset:speaker")
        await script.until { call.speaker.status == .disabled }
        let heard = Collected<SoundBlock>()
        let sound = call.remoteAudio
        let listener = Task { for await block in sound { heard.append(block) } }
        await script.until { heard.values.count >= 20 }
        #expect(call.activeSession?.media.playbackRing.fill == 0)
        script.plugIn("headset:speaker")
        await script.until { script.runs(call.speaker, "headset:speaker") }
        listener.cancel()
        await call.leave()
        #expect(call.sessions.childCount == 0)
    }

    @Test("A microphone that delivers only zeros is told as such, and not restarted", arguments: [nil, false, true])
    func zeros(isMutedByMixer: Bool?) async throws {
        let script = ScriptedCall()
        let card = script.card("headset:mic")
        let mixer = isMutedByMixer.map { SyntheticMixer(isMuted: $0) }
        card.script.withLock { $0 = (0, mixer) }
        try await script.joinAndRun()
        let microphone = script.call.microphone
        await script.until { microphone.silence != nil }
        #expect(microphone.silence == (isMutedByMixer == true ? .mutedByMixer : .allZero))
        await script.pass(.seconds(3))
        #expect(script.call.state.errors.value.count { $0.reason.contains("zeros") } == 1)
        #expect(microphone.status == .enabled && microphone.error == nil && microphone.recoveries.stalls == 0)
        #expect(card.hardware.starts == 1)
        card.script.withLock { $0.sample = 7 }
        await script.until { microphone.silence == nil }
        await script.call.leave()
    }

    @Test(
        "What another program does with the card's mixer is the call's volume; what the call does is not taken for that"
    )
    func mixerMoved() async throws {
        let script = ScriptedCall()
        let mixer = SyntheticMixer()
        script.card("headset:speaker").script.withLock { $0.mixer = mixer }
        try await script.joinAndRun()
        let speaker = script.call.speaker
        func move(_ card: String) async {
            script.machine.watch.tell(DeviceSignal(.sound, .controlsChanged, "\(card): Master Playback Volume"))
            await script.pass(.milliseconds(100))
        }
        try await speaker.setVolume(40)
        await move("headset")
        #expect(speaker.volume == 40 && script.call.state.errors.value.isEmpty)
        try await mixer.setVolume(70)
        await move("board")
        #expect(speaker.volume == 40)
        script.machine.watch.tell(DeviceSignal(.sound, .controlsChanged, "headset: Master Playback Volume"))
        await speaker.volumes.first { $0 == 70 }
        #expect(speaker.volume == 70)
        await script.call.leave()
        #expect(speaker.volume == nil)
    }

    @Test("A volume set at a card without a mixer is the mixer's alone at the next card, which has one")
    func volumeMoves() async throws {
        let script = ScriptedCall()
        let mixer = SyntheticMixer()
        script.card("headset:speaker").script.withLock { $0.mixer = mixer }
        script.unplug("headset:speaker")
        try await script.call.join()
        await script.until { script.runs(script.call.speaker, "board:speaker") }
        try await script.call.speaker.setVolume(50)
        let receiver = try #require(script.call.activeSession?.media.audioReceiver)
        #expect(receiver.volume < 1)
        script.plugIn("headset:speaker")
        await script.until { script.runs(script.call.speaker, "headset:speaker") }
        #expect(try await mixer.volume() == 50 && receiver.volume == 1)
        await script.call.leave()
    }

    @Test("A chosen microphone that comes back in another socket is the chosen one still")
    func anotherSocket() async throws {
        let script = ScriptedCall()
        try await script.joinAndRun()
        let call = script.call
        await call.media.refreshDevices()
        try await call.microphone.select("headset:mic")
        script.unplug("headset:mic")
        await script.until { script.runs(call.microphone, "board:mic") }
        // By its kind it would be the last to be taken.
        script.plugIn("other socket:mic")
        await script.until { script.runs(call.microphone, "other socket:mic") }
        await call.leave()
    }

    @Test("A remembered microphone is taken where it is now, also where nobody has looked before the join")
    func rememberedElsewhere() async throws {
        let memory = DeviceMemory(path: "/dev/null/nowhere")
        memory.remember(.init(id: "a socket of yesterday", name: "board:mic"), of: "microphone")
        let script = ScriptedCall { $0.routing.memory = memory }
        try await script.call.join()
        await script.until { script.runs(script.call.microphone, "board:mic") }
        await script.call.leave()
    }

    @Test("A storm of xruns makes the buffer grow, and is counted with its cause")
    func storm() async throws {
        let script = ScriptedCall()
        try await script.joinAndRun()
        let (call, card) = (script.call, script.card("headset:mic"))
        for total in 1...5 { card.xrun(Int64(total)) }
        await script.until { card.hardware.starts == 2 && call.microphone.status == .enabled }
        let recoveries = call.microphone.recoveries
        #expect(recoveries.storms == 1 && recoveries.headroom == 1 && recoveries.lastCause == .xruns)
        #expect(recoveries.reopens == 0 && recoveries.stalls == 0)
        await call.leave()
    }

    @Test("One plugging is one change of the list, told within 100 ms")
    func debounced() async throws {
        let script = ScriptedCall()
        try await script.joinAndRun()
        let call = script.call
        await script.pass(.seconds(1))
        script.card("board:mic").hardware.unplug()
        await call.media.refreshDevices()
        let lists = Collected<Int>()
        let devices = call.media.devices
        let watching = Task { for await list in devices { lists.append(list.microphones.count) } }
        while lists.values.isEmpty { await Task.yield() }
        let begin = script.time.now
        script.card("board:mic").hardware.plugIn()
        for node in ["card1", "controlC1", "pcmC1D0c", "hwC1D0"] {
            script.machine.watch.tell(DeviceSignal(.sound, .added, node))
            script.machine.watch.tell(DeviceSignal(.sound, .accessChanged, node))
            await script.pass(.milliseconds(20))
        }
        await script.until { lists.values.last == 2 }
        #expect(script.time.now - begin <= .milliseconds(100))
        await script.pass(.milliseconds(200))
        #expect(lists.values == [1, 2])
        watching.cancel()
        await call.leave()
    }

    @Test("A clock that is set changes nothing; a machine that slept looks at its devices again")
    func clock() async throws {
        let script = ScriptedCall()
        script.card("headset:mic").hardware.unplug()
        try await script.call.join()
        await script.until { script.runs(script.call.microphone, "board:mic") }
        await script.pass(.seconds(1))
        let starts = script.machine.cards.map(\.hardware.starts)
        script.machine.watch.tell(DeviceSignal(.machine, .clockSet, "clock"))
        await script.pass(.seconds(2))
        #expect(script.machine.cards.map(\.hardware.starts) == starts)
        // Plugged in while the machine slept: no signal tells of it.
        script.card("headset:mic").hardware.plugIn()
        script.advance(by: .seconds(3600))
        script.machine.watch.tell(DeviceSignal(.machine, .woke, "after 3600000 ms"))
        await script.until { script.runs(script.call.microphone, "headset:mic") }
        await script.call.leave()
    }

    @Test("Of two cameras that look the same way the chosen one runs, is kept, and is flipped back to")
    func sameDirection() async throws {
        let script = ScriptedCall()
        try await script.joinAndRun()
        let (call, camera) = (script.call, script.call.camera)
        await script.until { script.runs(camera, "front") }
        try await camera.select("second front")
        try await camera.disable()
        try await camera.enable()
        #expect(script.runs(camera, "second front"))
        try await camera.flip()
        #expect(script.runs(camera, "back") && camera.direction == .back)
        try await camera.flip()
        #expect(script.runs(camera, "second front") && camera.direction == .front)
        script.camera("second front").hardware.unplug()
        script.machine.watch.tell(DeviceSignal(.video, .removed, "second front"))
        await script.until { script.runs(camera, "front") }
        script.camera("second front").hardware.plugIn()
        script.machine.watch.tell(DeviceSignal(.video, .added, "second front"))
        await script.until { script.runs(camera, "second front") }
        await call.leave()
    }

    @Test("A camera known by two names that is gone is tried by neither before the next")
    func twoNames() async throws {
        let script = ScriptedCall { $0.preferredCamera = "/dev/front" }
        let (call, camera) = (script.call, script.call.camera)
        try await call.join()
        await script.until { script.runs(camera, "front") && !call.media.devices.value.cameras.isEmpty }
        // The list has it still.
        script.camera("front").hardware.unplug()
        await script.until { script.runs(camera, "back") }
        #expect(camera.recoveries.failedStarts == 0 && camera.recoveries.losses == 1)
        script.camera("front").hardware.plugIn()
        script.machine.watch.tell(DeviceSignal(.video, .added, "front"))
        await script.until { script.runs(camera, "front") }
        await call.leave()
    }

    @Test("A camera that another program holds is waited for: tried again by backoff, and at once when that lets it go")
    func busyCamera() async throws {
        let script = ScriptedCall {
            $0.routing.fallsBack = false; $0.preferredCamera = "front"
        }
        let (call, camera, front) = (script.call, script.call.camera, script.camera("front").hardware)
        front.setBusy(true)
        try await call.join()
        await script.until { camera.error?.code == .busy }
        await script.pass(.seconds(30))
        // 20, 40, … ms; then 10 s.
        #expect((5...13).contains(camera.recoveries.failedStarts), "\(camera.recoveries)")
        #expect(camera.status == .disabled && call.state.connection.value == .joined)
        #expect(call.state.errors.value.count { $0.reason.contains("camera") } == 1, "it is told once")
        front.setBusy(false)
        script.machine.watch.tell(DeviceSignal(.video, .freed, "video0"))
        // No time passes.
        while !script.runs(camera, "front") { await Task.yield() }
        #expect(camera.error == nil)

        // Where nobody tells, by the backoff.
        try await camera.disable()
        front.setBusy(true)
        await #expect(throws: DeviceError.self) { try await camera.enable() }
        await script.pass(.milliseconds(500))
        front.setBusy(false)
        await script.until { script.runs(camera, "front") }
        #expect(script.camera("back").hardware.starts == 0)
        await call.leave()
    }

    @Test(
        "A camera whose bus is full runs smaller, and is tried again after a backoff and when a device goes; it is never lost"
    )
    func crowdedBus() async throws {
        let script = ScriptedCall()
        let (call, camera, front) = (script.call, script.call.camera, script.camera("front").hardware)
        func isReduced() -> Bool? { call.statistics?.camera?.info.isReduced }
        func told() -> Int { call.state.errors.value.count { $0.reason.contains("no room") } }
        front.setCrowded(true)
        try await script.joinAndRun()
        await script.until { script.runs(camera, "front") && told() == 1 }
        #expect(isReduced() == true && camera.error == nil && front.starts == 1)
        // In vain after 10 s, and after 20 more: never sooner, and on a busy machine somewhat later.
        var last = script.time.now
        for (pause, starts) in [(8, 2), (16, 3)] {
            await script.until { front.starts == starts && script.runs(camera, "front") }
            #expect(script.time.now - last >= .seconds(pause) && isReduced() == true)
            last = script.time.now
        }
        // The third start is over.
        await script.pass(.seconds(1))
        front.setCrowded(false)
        // What another program closes may have made room, but each try costs a picture: 12 s after the last, and not 40.
        await script.pass(.seconds(2))
        script.machine.watch.tell(DeviceSignal(.sound, .freed, "pcmC2D0p"))
        await script.until { isReduced() == false && script.runs(camera, "front") }
        #expect((.seconds(9)...(.seconds(30))).contains(script.time.now - last), "\(script.time.now - last)")
        #expect(front.starts == 4 && told() == 1 && call.state.errors.value.count == 1)
        await script.pass(.seconds(50))
        #expect(front.starts == 4 && script.camera("back").hardware.starts == 0)
        await call.leave()
    }

    @Test("A change of the camera costs one keyframe, and the track stays")
    func keyframe() async throws {
        let script = ScriptedCall()
        try await script.joinAndRun()
        let (call, media) = (script.call, try #require(script.call.activeSession?.media))
        await script.until { script.runs(call.camera, "front") }
        func keyframes() -> Int { media.videoSenders.withLock { $0[.video] }?.statistics.keyframes ?? 0 }
        await script.until { keyframes() == 1 }
        await script.pass(.milliseconds(100))
        let published = media.link.state.withLock { $0.published[.video]?.ssrc }
        try await call.camera.select("back")
        await script.until { keyframes() == 2 }
        #expect(media.link.state.withLock { $0.published[.video]?.ssrc } == published)
        #expect(call.generation == 1 && call.camera.recoveries.lastCause == .change)
        await call.leave()
    }

    @Test("The speakerphone takes what the room hears; off, the device chosen before, else a headset")
    func speakerphone() async throws {
        let script = ScriptedCall()
        try await script.joinAndRun()
        let speaker = script.call.speaker
        try await speaker.setSpeakerphone(true)
        #expect(script.runs(speaker, "board:speaker"))
        try await speaker.setSpeakerphone(false)
        #expect(script.runs(speaker, "headset:speaker"))
        try await speaker.select("headset:speaker")
        try await speaker.setSpeakerphone(true)
        #expect(script.runs(speaker, "board:speaker") && speaker.isSpeakerphone)
        try await speaker.setSpeakerphone(false)
        #expect(script.runs(speaker, "headset:speaker"))
        // The last word counts.
        try await speaker.setSpeakerphone(true)
        try await speaker.select("headset:speaker")
        #expect(script.runs(speaker, "headset:speaker"))
        try await speaker.select(nil)
        #expect(script.runs(speaker, "board:speaker"))
        // Without a built-in one, as usual.
        script.unplug("board:speaker")
        await script.until { script.runs(speaker, "headset:speaker") }
        await script.call.leave()
    }
}
