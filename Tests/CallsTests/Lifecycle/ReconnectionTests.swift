import Calls
import Media
import Rooms
import Scopes
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
        }
        try await fixture.joinAndRun()
        let gone = ServiceError(.unreachable, operation: "join", reason: "no route")
        fixture.service.change {
            $0.joinFailures = Array(repeating: gone, count: 100)
            $0.fastFailure = gone
        }
        try fixture.service.room.disconnect(fixture.call.state.sessionID.value, of: fixture.call.id)
        await fixture.call.state.connection.first(.reconnecting)
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

    private func ids(_ fixture: Fixture) -> (SessionID, SessionID) {
        (fixture.call.state.sessionID.value, fixture.call.state.unifiedSessionID.value)
    }
}
