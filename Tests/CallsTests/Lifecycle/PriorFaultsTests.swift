import Calls
import Media
import Rooms
import Scopes
import TestSupport
import Testing

/// The faults of systems that came before, each as a test that it cannot happen here.
@Suite("Faults of earlier systems", .timeLimit(.minutes(5)))
struct PriorFaultsTests {
    @Test("1. After a rejoin capture and playback run in the new session, not in the scope of the old one")
    func mediaManagersReadTheScopeFromTheCall() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let old = try #require(fixture.call.microphone.scope)
        await fixture.call.leave()
        #expect(fixture.call.microphone.scope == nil)
        try await fixture.joinAndRun()
        let new = try #require(fixture.call.microphone.scope)
        #expect(!old.isCurrent && new.isCurrent)
        #expect(new.generation == old.generation + 1)
        #expect(fixture.microphone.starts == 2 && fixture.speaker.starts == 2 && fixture.camera.starts == 2)
        await fixture.call.leave()
    }

    @Test("2. Every join has session ids that no join had before")
    func sessionIDsAreNotReused() async throws {
        let fixture = Fixture()
        for _ in 0..<20 {
            try await fixture.call.join()
            await fixture.call.leave()
        }
        let requests = fixture.service.requests
        #expect(requests.count == 20)
        #expect(Set(requests.map(\.sessionID)).count == 20)
        #expect(Set(requests.map(\.unifiedSessionID)).count == 20)
    }

    @Test("2. A failed join's ids are not used again either")
    func idsOfAFailedJoinAreSpent() async throws {
        let fixture = Fixture()
        fixture.service.change { $0.joinFailures = [ServiceError(.unreachable, operation: "join", reason: "down")] }
        await #expect(throws: CallError.self) { try await fixture.call.join() }
        try await fixture.call.join()
        #expect(Set(fixture.service.requests.map(\.sessionID)).count == 2)
        await fixture.call.leave()
    }

    @Test("3. A device that was switched off in one session starts in the next", arguments: [true, false])
    func devicesReturnToNotSelected(byUser: Bool) async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        try await fixture.call.microphone.setEnabled(false, fromUser: byUser)
        try await fixture.call.camera.setEnabled(false, fromUser: byUser)
        #expect(fixture.call.camera.status == .disabled)
        await fixture.call.leave()
        fixture.expectLeft()
        try await fixture.joinAndRun()
        await fixture.call.leave()
    }

    @Test("4. Nobody of the old session stays in the state")
    func participantsAreCleared() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        await fixture.call.state.participants.first { $0.count == 2 }
        fixture.call.pin(fixture.call.state.sessionID.value)
        try await fixture.call.react("wave")
        await fixture.call.state.reactions.first { !$0.isEmpty }
        await fixture.call.leave()
        fixture.expectLeft()
        #expect(fixture.call.state.pinned.value.isEmpty)
        #expect(fixture.call.state.reactions.value.isEmpty)
        #expect(fixture.call.state.dominantSpeaker.value == nil)
    }

    @Test("5. A join right after leave waits for the whole cleanup, and has new ids")
    func joinDoesNotRunIntoTheCleanup() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let gate = Gate()
        fixture.service.change { $0.closeGate = gate }
        async let left: Void = fixture.call.leave()
        await gate.waitForArrival()
        async let joined: Void = fixture.call.join()
        // The cleanup stands at the transport's close: nothing of the new session may have begun.
        for _ in 0..<100 { await Task.yield() }
        #expect(fixture.service.requests.count == 1)
        #expect(fixture.call.state.connection.value == .leaving)
        fixture.service.change { $0.closeGate = nil }
        gate.open()
        await left
        try await joined
        await fixture.running()
        #expect(Set(fixture.service.requests.map(\.sessionID)).count == 2)
        await fixture.call.leave()
    }

    @Test("5. The mark of a running cleanup is still set while the devices are reset")
    func markerIsClearedLast() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let gate = SyntheticGate()
        fixture.camera.holdStops(at: gate)
        async let left: Void = fixture.call.leave()
        await gate.waitForArrival()
        async let joined: Void = fixture.call.join()
        for _ in 0..<100 { await Task.yield() }
        #expect(fixture.service.requests.count == 1)
        fixture.camera.holdStops(at: nil)
        gate.open()
        await left
        try await joined
        await fixture.running()
        await fixture.call.leave()
        fixture.expectLeft()
    }

    @Test("6. A cleanup that fails resets all the same, and the call can be joined again")
    func failingCleanupStillResets() async throws {
        let fixture = Fixture()
        fixture.service.change {
            $0.leaveFailure = ServiceError(.unreachable, operation: "leave", reason: "gone")
        }
        try await fixture.joinAndRun()
        await fixture.call.leave()
        fixture.expectLeft()
        try await fixture.joinAndRun()
        await fixture.call.leave()
    }

    @Test(
        "6. A cleanup that hangs does not hang the join: it fails with a typed error, and works when the cleanup ends")
    func hangingCleanupTimesOut() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let gate = Gate()
        fixture.service.change { $0.closeGate = gate }
        let leaving = Task { await fixture.call.leave() }
        await gate.waitForArrival()
        let joining = Task { try await fixture.call.join() }
        await untilTrue { fixture.clock.hasSleeper(for: .seconds(10)) }
        // Both the leave and the join wait at most so long.
        while await !isOver(joining) { fixture.clock.advance(by: .seconds(10)) }
        let error = await #expect(throws: CallError.self) { try await joining.value }
        #expect(error?.code == .cleanupTimeout)
        #expect(fixture.call.state.connection.value == .leaving)
        fixture.service.change { $0.closeGate = nil }
        gate.open()
        await leaving.value
        await fixture.call.state.connection.first(.idle)
        try await fixture.joinAndRun()
        await fixture.call.leave()
    }

    @Test("6. A service that never answers the leave message holds the leave up only so long")
    func silentServiceDoesNotHoldTheLeave() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let gate = Gate()
        fixture.service.change { $0.leaveGate = gate }
        let leaving = Task { await fixture.call.leave() }
        await gate.waitForArrival()
        await untilTrue { fixture.clock.hasSleeper(for: .seconds(1)) }
        fixture.clock.advance(by: .seconds(1))
        await leaving.value
        fixture.expectLeft()
    }

    @Test("7. A leave during a rejoin is not ignored")
    func leaveDuringRejoinCounts() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        await fixture.call.leave()
        let gate = Gate()
        fixture.service.change { $0.joinGate = gate }
        let joining = Task { try await fixture.call.join() }
        await gate.waitForArrival()
        await fixture.call.leave()
        await #expect(throws: CancellationError.self) { try await joining.value }
        fixture.expectLeft()
        #expect(fixture.microphone.starts == 1)
    }

    @Test("8. A switch-off that comes late does not undo the reset")
    func lateDisableIsRefused() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        // The camera's stop hangs inside the disable, so that the disable is still under way while the call is left.
        let gate = SyntheticGate()
        fixture.camera.holdStops(at: gate)
        let disabling = Task { try await fixture.call.camera.disable() }
        await gate.waitForArrival()
        let leaving = Task { await fixture.call.leave() }
        await fixture.call.state.connection.first(.leaving)
        fixture.camera.holdStops(at: nil)
        gate.open()
        await leaving.value
        _ = await disabling.result
        fixture.expectLeft()
        try await fixture.joinAndRun()
        await fixture.call.leave()
    }

    @Test("9. Nothing of a dead session runs on: its work has ended when leave returns")
    func noZombies() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let scope = try #require(fixture.call.scope)
        let ended = Completion()
        try scope.launch("a watcher of the application") {
            defer { ended.complete() }
            await withTaskCancellationHandler {
                await Completion().waitForever()
            } onCancel: {
            }
        }
        await fixture.call.leave()
        #expect(ended.isComplete)
        #expect(scope.childCount == 0)
        #expect(throws: ScopeError.self) { try scope.launch("late") {} }
    }

    @Test("10. Who watches a left call still sees its members, settings and participants change")
    func stateIsWatchedWhileLeft() async throws {
        let fixture = Fixture(type: "default")
        try await fixture.call.create()
        try await fixture.joinAndRun()
        await fixture.call.leave()
        let other = Client(user: User(id: "bob"), service: fixture.service, devices: .synthetic())
        let members = [Member(user: User(id: "eve"))]
        try await other.call(id: "kitchen").update(CallUpdate(members: members, custom: ["topic": "tea"]))
        await fixture.call.state.members.first(members)
        await fixture.call.state.custom.first(["topic": "tea"])
        try await other.call(id: "kitchen").join()
        await fixture.call.state.present.first { $0.contains { $0.user.id == "bob" } }
        #expect(fixture.call.state.connection.value == .idle)
        #expect(fixture.microphone.starts == 1 && !fixture.microphone.isOpen)
        await other.close()
    }

    @Test("11. The speaker starts in every session, and nothing that listens accumulates")
    func playbackStartsEveryTime() async throws {
        let fixture = Fixture()
        for cycle in 1...10 {
            try await fixture.joinAndRun()
            #expect(fixture.speaker.starts == cycle)
            await fixture.call.leave()
            #expect(fixture.call.stateScope.childCount == 1)
        }
    }

    @Test("12. Reset forgets the selection, the volume, the direction and the pause")
    func resetForgetsEverything() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        try await fixture.call.camera.flip()
        try await fixture.call.speaker.setVolume(30)
        try await fixture.call.speaker.setSpeakerphone(true)
        try await fixture.call.microphone.pause()
        await fixture.call.leave()
        #expect(fixture.call.speaker.volume == nil)
        #expect(!fixture.call.speaker.isSpeakerphone)
        #expect(fixture.call.camera.selectedDevice == nil && fixture.call.camera.direction == .unknown)
        #expect(fixture.call.microphone.selectedDevice == nil)
        try await fixture.joinAndRun()
        #expect(fixture.call.camera.selectedDevice == fixture.hardware.cameras.first.info.id)
        await fixture.call.leave()
    }

    @Test("12. Two pauses in a row remember the first status", arguments: [true, false])
    func twoPauses(wasOn: Bool) async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        try await fixture.call.camera.setEnabled(wasOn)
        try await fixture.call.camera.pause()
        try await fixture.call.camera.pause()
        #expect(fixture.call.camera.status == .disabled)
        try await fixture.call.camera.resume()
        #expect(fixture.call.camera.status == (wasOn ? .enabled : .disabled))
        await fixture.call.leave()
    }

    @Test("13. A camera selected by id is the one that runs, though another comes first")
    func secondCameraCanBeSelected() async throws {
        let fixture = Fixture()
        let second = fixture.hardware.cameras.all[1]
        try await fixture.call.camera.select(second.info.id)
        try await fixture.joinAndRun()
        #expect(fixture.call.camera.selectedDevice == second.info.id)
        #expect(second.hardware.isRunning && !fixture.camera.isOpen)
        try await fixture.call.camera.select(fixture.hardware.cameras.first.info.id)
        #expect(fixture.camera.isRunning && !second.hardware.isOpen)
        await fixture.call.leave()
    }

    @Test("14. Enabled is not said with no device there: enabling throws, and the session goes on without")
    func enabledNeedsADevice() async throws {
        let fixture = Fixture()
        fixture.camera.unplug()
        fixture.hardware.cameras.all[1].hardware.unplug()
        let before = await #expect(throws: DeviceError.self) { try await fixture.call.camera.enable() }
        #expect(before?.code == .noDevice)
        #expect(fixture.call.camera.status == .notSelected)
        try await fixture.call.join()
        await fixture.call.camera.statuses.first(.disabled)
        await fixture.call.camera.errors.first { $0?.code == .noDevice }
        await fixture.call.state.errors.first { $0.contains { $0.code == .device } }
        await fixture.call.microphone.statuses.first(.enabled)
        await fixture.call.leave()
        fixture.expectLeft()
    }

    @Test("15. A call that is joined again while joined is not disturbed")
    func joinWhileJoinedChangesNothing() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let id = fixture.call.state.sessionID.value
        try await fixture.call.join()
        #expect(fixture.service.requests.count == 1)
        #expect(fixture.call.state.sessionID.value == id)
        #expect(fixture.microphone.starts == 1 && fixture.microphone.isRunning)
        await fixture.call.leave()
    }
}

/// Yields until a condition of other tasks holds.
func untilTrue(_ condition: @Sendable () -> Bool) async {
    while !condition() { await Task.yield() }
}

/// Whether a task ends within a few turns of the scheduler.
func isOver<Value>(_ task: Task<Value, any Error>) async -> Bool {
    let over = Completion()
    Task {
        _ = await task.result
        over.complete()
    }
    for _ in 0..<1000 where !over.isComplete { await Task.yield() }
    return over.isComplete
}

extension Completion {
    /// Waits until the task is cancelled.
    func waitForever() async {
        await withTaskCancellationHandler {
            await wait()
        } onCancel: {
            complete()
        }
    }
}
