import Calls
import Codecs
import Media
import Rooms
import Scopes
import Synchronization
import Testing

/// The promises that joins and leaves keep.
@Suite("Joins and leaves", .timeLimit(.minutes(5)))
struct InvariantTests {
    @Test("1. Joins at the same time share one join")
    func concurrentJoinsShareOne() async throws {
        let fixture = Fixture()
        let gate = Gate()
        fixture.service.change { $0.joinGate = gate }
        let joins = (0..<8).map { _ in Task { try await fixture.call.join() } }
        await gate.waitForArrival()
        gate.open()
        for join in joins { try await join.value }
        #expect(fixture.service.requests.count == 1)
        await fixture.running()
        #expect(fixture.microphone.starts == 1)
        await fixture.call.leave()
    }

    @Test("1. Joins that share a failure all get it, and the next join works")
    func sharedFailure() async throws {
        let fixture = Fixture()
        let gate = Gate()
        fixture.service.change {
            $0.joinGate = gate
            $0.joinFailures = [ServiceError(.unreachable, operation: "join", reason: "the cable is out")]
        }
        let joins = (0..<4).map { _ in Task { try await fixture.call.join() } }
        await gate.waitForArrival()
        for _ in 0..<100 { await Task.yield() }
        gate.open()
        for join in joins {
            let error = await #expect(throws: CallError.self) { try await join.value }
            #expect(error?.code == .joinFailed)
            #expect(error?.reason.contains("the cable is out") == true)
        }
        let shown = fixture.call.state.connection.value
        #expect(shown != .joined && shown != .joining)
        fixture.expectLeft()
        try await fixture.joinAndRun()
        await fixture.call.leave()
    }

    @Test("1. A joiner that is cancelled gets CancellationError and does not disturb who shares its join")
    func cancelledSharer() async throws {
        let fixture = Fixture()
        let gate = Gate()
        fixture.service.change { $0.joinGate = gate }
        let first = Task { try await fixture.call.join() }
        await gate.waitForArrival()
        let second = Task { try await fixture.call.join() }
        for _ in 0..<100 { await Task.yield() }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        gate.open()
        try await second.value
        #expect(fixture.call.state.connection.value == .joined)
        await fixture.call.leave()
    }

    @Test("1. A join whose last waiter was cancelled is left")
    func abandonedJoin() async throws {
        let fixture = Fixture()
        let gate = Gate()
        fixture.service.change { $0.joinGate = gate }
        let joining = Task { try await fixture.call.join() }
        await gate.waitForArrival()
        joining.cancel()
        await #expect(throws: CancellationError.self) { try await joining.value }
        await fixture.call.state.connection.first(.idle)
        fixture.expectLeft()
        fixture.service.change { $0.joinGate = nil }
        try await fixture.joinAndRun()
        await fixture.call.leave()
    }

    @Test("2. The wait of a join for the cleanup can be cancelled")
    func cancelledWaitForCleanup() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let gate = Gate()
        fixture.service.change { $0.closeGate = gate }
        let leaving = Task { await fixture.call.leave() }
        await gate.waitForArrival()
        let joining = Task { try await fixture.call.join() }
        for _ in 0..<100 { await Task.yield() }
        joining.cancel()
        await #expect(throws: CancellationError.self) { try await joining.value }
        fixture.service.change { $0.closeGate = nil }
        gate.open()
        await leaving.value
        #expect(fixture.call.state.connection.value == .idle)
    }

    @Test("3. A session is left once, however many leave it")
    func leaveOncePerSession() async throws {
        let fixture = Fixture()
        await fixture.call.leave()
        for session in 1...3 {
            try await fixture.joinAndRun()
            await withTaskGroup { group in
                for _ in 0..<8 { group.addTask { await fixture.call.leave() } }
            }
            #expect(fixture.service.script.withLock { $0.leaves } == session)
            fixture.expectLeft()
        }
    }

    @Test("3. A late answer of the server cannot bring a left session back", arguments: [true, false])
    func lateAnswer(isDeaf: Bool) async throws {
        let fixture = Fixture()
        let gate = Gate()
        fixture.service.change {
            $0.joinGate = gate
            $0.joinIsDeaf = isDeaf
        }
        let joining = Task { try await fixture.call.join() }
        await gate.waitForArrival()
        let leaving = Task { await fixture.call.leave() }
        await #expect(throws: CancellationError.self) { try await joining.value }
        gate.open()
        await leaving.value
        fixture.expectLeft()
        // The server, too, has nobody left in the call.
        let info = try? await fixture.service.get(fixture.call.id)
        #expect(info?.participants.isEmpty ?? true)
        #expect(fixture.hardware.hardware.allSatisfy { $0.starts == 0 })
    }

    @Test("3. A leave while devices start leaves none open")
    func leaveWhileDevicesStart() async throws {
        let fixture = Fixture()
        let gate = SyntheticGate()
        fixture.microphone.holdStarts(at: gate)
        try await fixture.call.join()
        await gate.waitForArrival()
        await fixture.call.leave()
        fixture.expectLeft()
        fixture.microphone.holdStarts(at: nil)
        gate.open()
        try await fixture.joinAndRun()
        await fixture.call.leave()
    }

    @Test("3. Work of the session may leave the call itself, without waiting for itself")
    func leaveFromInsideTheScope() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let scope = try #require(fixture.call.scope)
        let done = Completion()
        try scope.launch("a button's handler") {
            await fixture.call.leave()
            done.complete()
        }
        await done.wait()
        fixture.expectLeft()
        try await fixture.joinAndRun()
        await fixture.call.leave()
    }

    @Test("4. The order of leave: message, scope, transport, devices, reset")
    func orderOfLeave() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let scope = try #require(fixture.call.scope)
        let (message, transport, devices) = (Gate(), Gate(), SyntheticGate())
        fixture.service.change {
            $0.leaveGate = message
            $0.closeGate = transport
        }
        fixture.camera.holdStops(at: devices)
        let leaving = Task { await fixture.call.leave() }
        await message.waitForArrival()
        #expect(scope.isCurrent && scope.childCount > 0, "the message goes while the session lives")
        message.open()
        await transport.waitForArrival()
        #expect(!scope.isCurrent && scope.childCount == 0, "the scope has ended before the transport closes")
        #expect(fixture.microphone.isRunning, "the devices close after the transport")
        transport.open()
        await devices.waitForArrival()
        #expect(!fixture.call.state.participants.value.isEmpty, "the reset comes last")
        fixture.camera.holdStops(at: nil)
        devices.open()
        await leaving.value
        fixture.expectLeft()
        let trace = try #require(fixture.call.state.lastSession.value?.trace.map(\.name))
        let order = ["join", "joined", "leave", "devices closed"].map { trace.firstIndex(of: $0) }
        #expect(!order.contains(nil) && order.compactMap(\.self) == order.compactMap(\.self).sorted())
    }

    @Test("4. The final statistics are those of the session, taken before it is torn down")
    func finalStatistics() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let id = fixture.call.state.sessionID.value
        await fixture.call.leave()
        let report = try #require(fixture.call.state.lastSession.value)
        #expect(report.sessionID == id && report.generation == 1)
        #expect(report.statistics.microphone?.info.device == fixture.hardware.audio.microphone.info.id)
        let first = try #require(report.statistics.microphone?.first)
        #expect(first > .zero)
        #expect(report.statistics.camera != nil && report.statistics.speaker != nil)
    }

    @Test("5. Members, settings and custom data stay through a leave; the ids do not")
    func whatResetKeeps() async throws {
        let fixture = Fixture(type: "default")
        let settings = CallSettings(cameraOn: false)
        try await fixture.call.create(
            CallCreation(members: [Member(user: User(id: "eve"))], settings: settings, custom: ["a": "b"]))
        let state = fixture.call.state
        let (session, unified) = (state.sessionID.value, state.unifiedSessionID.value)
        try await fixture.call.join()
        await fixture.call.leave()
        #expect(state.members.value.map(\.id) == ["eve"])
        #expect(state.settings.value == settings && state.custom.value == ["a": "b"])
        #expect(state.sessionID.value != session && state.unifiedSessionID.value != unified)
    }

    @Test("5. The reset is not skipped where the task that leaves is cancelled")
    func resetDespiteCancellation() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let leaving = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            await fixture.call.leave()
        }
        await leaving.value
        fixture.expectLeft()
    }

    @Test("7. The call's settings apply after a join, to devices that nobody has set before")
    func settingsApplyToNotSelectedOnly() async throws {
        let fixture = Fixture(type: "default")
        try await fixture.call.create(CallCreation(settings: CallSettings(microphoneOn: true, cameraOn: false)))
        // A person's word before the join wins over the settings, both ways.
        try await fixture.call.microphone.disable()
        try await fixture.call.camera.enable()
        #expect(fixture.call.microphone.status == .disabled)
        #expect(fixture.camera.opens == 0, "nothing is opened before the join")
        try await fixture.call.join()
        await fixture.call.camera.statuses.first(.enabled)
        await fixture.call.speaker.statuses.first(.enabled)
        #expect(fixture.call.microphone.status == .disabled && fixture.microphone.opens == 0)
        await fixture.call.leave()
        // Both were of that session: now the settings count.
        try await fixture.call.join()
        await fixture.call.microphone.statuses.first(.enabled)
        #expect(fixture.call.camera.status != .enabled)
        await fixture.call.leave()
    }

    @Test("7. A failed join opens no device")
    func failedJoinOpensNothing() async throws {
        let fixture = Fixture()
        fixture.service.change { $0.joinFailures = [ServiceError(.notPermitted, operation: "join", reason: "no")] }
        await #expect(throws: CallError.self) { try await fixture.call.join() }
        #expect(fixture.hardware.hardware.allSatisfy { $0.opens == 0 })
    }

    @Test("8. Who watches since before the first join sees every later session without watching again")
    func observersSurvive() async throws {
        let fixture = Fixture()
        let sessions = StateFlow<[SessionID]>([])
        let watcher = Task {
            for await participants in fixture.call.state.participants {
                guard let own = participants.first(where: \.isLocal)?.sessionID else { continue }
                sessions.update { if $0.last != own { $0.append(own) } }
            }
        }
        for count in 1...5 {
            try await fixture.call.join()
            await sessions.first { $0.count == count }
            await fixture.call.leave()
        }
        #expect(Set(sessions.value).count == 5)
        watcher.cancel()
    }

    @Test("8. An event that reaches a left call joins nothing, leaves nothing and opens no device")
    func eventsWhileLeft() async throws {
        let fixture = Fixture(type: "default")
        try await fixture.call.create()
        let other = Client(user: User(id: "bob"), service: fixture.service, devices: .synthetic())
        try await other.call(id: "kitchen").join()
        try await other.call(id: "kitchen").update(CallUpdate(settings: CallSettings(microphoneOn: true)))
        try await other.call(id: "kitchen").react("wave")
        await fixture.call.state.present.first { !$0.isEmpty }
        #expect(fixture.call.state.connection.value == .idle && fixture.call.scope == nil)
        #expect(fixture.hardware.hardware.allSatisfy { $0.opens == 0 })
        try await other.call(id: "kitchen").end()
        await fixture.call.state.present.first { $0.isEmpty }
        #expect(fixture.call.state.connection.value == .idle)
        await other.close()
    }

    @Test("The same id gives the same call, joined or left")
    func sameObject() async throws {
        let fixture = Fixture()
        try await fixture.call.join()
        #expect(fixture.client.call(type: "echo", id: "kitchen") === fixture.call)
        await fixture.call.leave()
        #expect(fixture.client.call(type: "echo", id: "kitchen") === fixture.call)
        #expect(fixture.client.call(type: "echo", id: "hall") !== fixture.call)
    }

    @Test("A call that is ended for everybody fails with its reason, closed, and can be joined again")
    func endedByTheService() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        try await fixture.call.end()
        let shown = await fixture.call.state.connection.first { if case .failed = $0 { true } else { false } }
        guard case .failed(let error) = shown else { return }
        #expect(error.code == .ended)
        await untilTrue { fixture.call.scope == nil }
        fixture.expectLeft()
        try await fixture.joinAndRun()
        await fixture.call.leave()
    }

    @Test("Opus settings that there are not fail the join with what is allowed, and nothing is open")
    func impossibleOpusSettings() async throws {
        let fixture = Fixture { $0.opus.bitrate = 1 }
        await #expect(throws: (any Error).self) { try await fixture.call.join() }
        fixture.expectLeft()
        #expect(fixture.call.generation == 0)
    }

    @Test("A joined call lives until it is left, though nobody holds it; then it is gone")
    func joinedCallIsKept() async throws {
        let hardware = SyntheticDeviceSystem.small(timing: .realTime)
        weak var dropped: Call?
        func join() async throws {
            let client = Client(
                user: User(id: "ada"), service: InProcessService(transport: .memory), devices: hardware.system)
            let call = client.call(type: InProcessService.echoType, id: "kitchen")
            dropped = call
            try await call.join()
        }
        try await join()
        await untilTrue { hardware.audio.microphone.hardware.isRunning }
        #expect(dropped != nil)
        await dropped?.leave()
        #expect(hardware.hardware.allSatisfy { !$0.isOpen })
        while dropped != nil { await Task.yield() }
    }
}
