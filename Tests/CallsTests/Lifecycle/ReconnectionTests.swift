import Calls
import Media
import Rooms
import Scopes
import TestSupport
import Testing

@Suite("Reconnection", .timeLimit(.minutes(5)))
struct ReconnectionTests {
    @Test("6. A fast reconnect keeps both ids, and the devices keep running")
    func fastReconnect() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let (session, unified) = ids(fixture)
        try fixture.service.room.disconnect(session, of: fixture.call.id)
        await untilTrue { fixture.service.requests.count == 2 }
        await fixture.call.state.connection.first(.joined)
        #expect(fixture.service.requests[1].kind == .fastReconnect)
        #expect(ids(fixture) == (session, unified))
        #expect(fixture.microphone.starts == 1 && fixture.microphone.isRunning)
        await fixture.call.leave()
        fixture.expectLeft()
    }

    @Test("6. A rejoin makes a new session id and keeps the unified one, which changes only with leave")
    func rejoin() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let (session, unified) = ids(fixture)
        try fixture.service.room.disconnect(session, of: fixture.call.id, forgetting: true)
        await fixture.call.state.sessionID.first { $0 != session }
        await fixture.call.state.connection.first(.joined)
        let request = try #require(fixture.service.requests.last)
        #expect(request.kind == .rejoin && request.replaces == session && request.unifiedSessionID == unified)
        #expect(fixture.call.state.unifiedSessionID.value == unified)
        #expect(fixture.microphone.starts == 1, "the devices keep running")
        let participants = try await fixture.service.get(fixture.call.id).participants
        #expect(participants.map(\.sessionID) == [fixture.call.state.sessionID.value], "no ghost of oneself")
        #expect(Set(participants[0].tracks.map(\.id.kind)) == [.audio, .video], "the tracks are announced again")
        await fixture.call.leave()
        #expect(fixture.call.state.unifiedSessionID.value != unified)
    }

    @Test("A connection that does not come back fails the call after the time set, with everything closed")
    func givesUp() async throws {
        let time = TestTime()
        let fixture = Fixture {
            $0.now = { time.now }
            $0.reconnectionTimeout = .seconds(30)
            $0.reconnectionAttemptTimeout = .seconds(3600)
        }
        try await fixture.joinAndRun()
        let gone = ServiceError(.unreachable, operation: "join", reason: "no route")
        fixture.service.change {
            $0.joinFailures = Array(repeating: gone, count: 100)
            $0.fastFailure = gone
        }
        try fixture.service.room.disconnect(fixture.call.state.sessionID.value, of: fixture.call.id)
        await fixture.call.state.connection.first(.reconnecting)
        // An attempt has failed when the loop waits for the next one.
        await untilTrue { fixture.clock.hasSleeper(within: .seconds(5)) }
        while fixture.call.scope != nil {
            time.advance(by: .seconds(5))
            fixture.clock.advance(by: .seconds(5))
            await Task.yield()
        }
        let shown = await fixture.call.state.connection.first { if case .failed = $0 { true } else { false } }
        guard case .failed(let error) = shown else { return }
        #expect(error.code == .reconnectionFailed && error.reason.contains("no route"))
        await untilTrue { fixture.call.lifecycleIsIdle }
        fixture.expectLeft()
    }

    @Test("A leave ends a reconnection at any point")
    func leaveWhileReconnecting() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let gate = Gate()
        fixture.service.change { $0.joinGate = gate }
        try fixture.service.room.disconnect(fixture.call.state.sessionID.value, of: fixture.call.id)
        await gate.waitForArrival()
        #expect(fixture.call.state.connection.value == .reconnecting)
        await fixture.call.leave()
        fixture.expectLeft()
        fixture.service.change { $0.joinGate = nil }
        try await fixture.joinAndRun()
        await fixture.call.leave()
    }

    @Test("An attempt that the service never answers makes way for the next; its late answer changes nothing")
    func deafAttempt() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let (session, unified) = ids(fixture)
        let gate = Gate()
        fixture.service.change {
            $0.joinGate = gate
            $0.joinIsDeaf = true
        }
        try fixture.service.room.disconnect(session, of: fixture.call.id)
        await gate.waitForArrival()
        fixture.service.change { $0.joinGate = nil }
        await passTime(fixture, until: { fixture.service.requests.count == 3 })
        await fixture.call.state.connection.first(.joined)
        gate.open()
        #expect(fixture.service.requests.map(\.kind) == [.join, .fastReconnect, .fastReconnect])
        #expect(ids(fixture) == (session, unified))
        #expect(fixture.call.statistics?.reconnections == 1)
        await fixture.call.leave()
        fixture.expectLeft()
    }

    @Test("What is lost again in the middle of a reconnection joins the loop that runs")
    func lostAgain() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let (session, unified) = ids(fixture)
        let gate = Gate()
        fixture.service.change { $0.publishGate = gate }
        try fixture.service.room.disconnect(session, of: fixture.call.id)
        await gate.waitForArrival()
        // The new transport is there, and its tracks are being announced: it is lost as well.
        try fixture.service.room.disconnect(session, of: fixture.call.id)
        fixture.service.change { $0.publishGate = nil }
        await passTime(fixture, until: { fixture.service.requests.count == 3 })
        gate.open()
        await fixture.call.state.connection.first(.joined)
        #expect(ids(fixture) == (session, unified))
        #expect(fixture.service.requests.count == 3)
        #expect(fixture.call.statistics?.reconnections == 1, "it was one reconnection")
        let participants = try await fixture.service.get(fixture.call.id).participants
        #expect(Set(participants.first?.tracks.map(\.id.kind) ?? []) == [.audio, .video])
        await fixture.call.leave()
        fixture.expectLeft()
    }

    @Test("A fast reconnection that does not hold is followed by a rejoin")
    func relapse() async throws {
        let time = TestTime()
        let fixture = Fixture { $0.now = { time.now } }
        try await fixture.joinAndRun()
        let (session, _) = ids(fixture)
        for _ in 0..<2 {
            try fixture.service.room.disconnect(fixture.call.state.sessionID.value, of: fixture.call.id)
            let expected = fixture.service.requests.count + 1
            await untilTrue { fixture.service.requests.count == expected }
            await fixture.call.state.connection.first(.joined)
        }
        #expect(fixture.service.requests.map(\.kind) == [.join, .fastReconnect, .rejoin])
        #expect(fixture.call.state.sessionID.value != session)
        await fixture.call.leave()
    }

    @Test("A change of the network ends the wait between two attempts")
    func networkChanged() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        fixture.service.change {
            $0.joinFailures = [ServiceError(.unreachable, operation: "join", reason: "no route")]
        }
        try fixture.service.room.disconnect(fixture.call.state.sessionID.value, of: fixture.call.id)
        await untilTrue { fixture.clock.hasSleeper(for: .milliseconds(250)) && fixture.service.requests.count == 2 }
        // The clock stands still: only the change can begin the next attempt.
        while fixture.service.requests.count == 2 {
            fixture.call.networkChanged()
            await Task.yield()
        }
        await fixture.call.state.connection.first(.joined)
        await fixture.call.leave()
    }

    @Test("A user who is not wanted any more is not tried again: the call fails at once, with the service's reason")
    func refused() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        fixture.service.change { $0.fastFailure = ServiceError(.notPermitted, operation: "join", reason: "kicked") }
        try fixture.service.room.disconnect(fixture.call.state.sessionID.value, of: fixture.call.id)
        let shown = await fixture.call.state.connection.first { if case .failed = $0 { true } else { false } }
        guard case .failed(let error) = shown else { return }
        #expect(error.code == .reconnectionFailed && error.reason.contains("kicked"))
        await untilTrue { fixture.call.lifecycleIsIdle }
        fixture.expectLeft()
    }

    @Test("With a limit of zero it is tried for ever")
    func forEver() async throws {
        let fixture = Fixture { $0.reconnectionTimeout = .zero }
        try await fixture.joinAndRun()
        let gone = ServiceError(.unreachable, operation: "join", reason: "no route")
        fixture.service.change { $0.joinFailures = Array(repeating: gone, count: 50) }
        try fixture.service.room.disconnect(fixture.call.state.sessionID.value, of: fixture.call.id)
        await passTime(fixture, until: { fixture.service.requests.count == 52 })
        await fixture.call.state.connection.first(.joined)
        await fixture.call.leave()
    }

    @Test("A leave ends a reconnection between two attempts, and while tracks are announced again")
    func leaveBetween() async throws {
        let fixture = Fixture()
        for isAnnouncing in [false, true] {
            try await fixture.joinAndRun()
            let gate = Gate()
            fixture.service.change {
                $0.fastFailure = isAnnouncing ? nil : ServiceError(.unreachable, operation: "join", reason: "no route")
                $0.publishGate = isAnnouncing ? gate : nil
            }
            let before = fixture.service.requests.count
            try fixture.service.room.disconnect(fixture.call.state.sessionID.value, of: fixture.call.id)
            if isAnnouncing {
                await gate.waitForArrival()
            } else {
                await untilTrue {
                    fixture.service.requests.count > before && fixture.clock.hasSleeper(for: .milliseconds(250))
                }
            }
            await fixture.call.leave()
            fixture.expectLeft()
            fixture.service.change {
                $0.fastFailure = nil
                $0.publishGate = nil
            }
        }
    }

    @Test("The quality shown is lost while it reconnects, and unknown after the leave")
    func quality() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let gate = Gate()
        fixture.service.change { $0.joinGate = gate }
        try fixture.service.room.disconnect(fixture.call.state.sessionID.value, of: fixture.call.id)
        await gate.waitForArrival()
        #expect(fixture.call.state.connectionQuality.value == .lost)
        await fixture.call.leave()
        #expect(fixture.call.state.connectionQuality.value == .unknown)
    }

    /// Lets the call's clock run until something has happened.
    private func passTime(_ fixture: Fixture, until condition: @Sendable () -> Bool) async {
        while !condition() {
            fixture.clock.advance(by: .milliseconds(100))
            await Task.yield()
        }
    }

    private func ids(_ fixture: Fixture) -> (SessionID, SessionID) {
        (fixture.call.state.sessionID.value, fixture.call.state.unifiedSessionID.value)
    }
}
