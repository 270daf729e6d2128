import Media
import RTP
import Rooms
import Synchronization
import Testing

@Suite("The in-process room", .timeLimit(.minutes(1)))
struct InProcessServiceTests {
    private let kitchen = CallID(id: "kitchen")
    private let mirror = CallID(type: InProcessService.echoType, id: "mirror")
    private let ada = User(id: "ada")
    private let bob = User(id: "bob")

    @Test("A session id that has left is refused")
    func usedSessionID() async throws {
        let service = InProcessService(transport: .memory)
        let session = try await service.join(request("a1", ada, kitchen)) { _, _ in }
        try await session.leave()
        await session.close()
        let error = await #expect(throws: ServiceError.self) {
            _ = try await service.join(request("a1", ada, kitchen)) { _, _ in }
        }
        #expect(error?.code == .sessionEnded)
    }

    @Test("A session id that is in the call is refused")
    func sessionIDInUse() async throws {
        let service = InProcessService(transport: .memory)
        let first = try await service.join(request("a1", ada, kitchen)) { _, _ in }
        await #expect(throws: ServiceError.self) {
            _ = try await service.join(request("a1", bob, kitchen)) { _, _ in }
        }
        #expect(try await service.get(kitchen).participants.map(\.user) == [ada])
        await first.close()
    }

    @Test("A packet of a published track reaches all others, as it was sent")
    func forwarding() async throws {
        let service = InProcessService(transport: .memory)
        let (bobHears, eveHears) = (Heard(), Heard())
        let sender = try await service.join(request("a1", ada, kitchen)) { _, _ in }
        _ = try await service.join(request("b1", bob, kitchen)) { bobHears.note($0, $1) }
        _ = try await service.join(request("e1", User(id: "eve"), kitchen)) { eveHears.note($0, $1) }
        sender.send(packet(7), track: .audio)
        #expect(bobHears.all.isEmpty, "nothing of a track that is not published")
        try await sender.publish(track("a1", .audio))
        sender.send(packet(8), track: .audio)
        for heard in [bobHears, eveHears] {
            #expect(heard.all.map(\.0) == [TrackID(sessionID: "a1", kind: .audio)])
            #expect(heard.all.map(\.1) == [packet(8)])
        }
    }

    @Test("An echo call publishes what is published and sends every packet back, under an SSRC of its own")
    func echo() async throws {
        let service = InProcessService(transport: .memory)
        let heard = Heard()
        let session = try await service.join(request("a1", ada, mirror)) { heard.note($0, $1) }
        let echo = try #require(session.info.participants.first { $0.sessionID != "a1" })
        #expect(echo.user.id == "echo")
        var events = session.events.makeAsyncIterator()
        try await session.publish(track("a1", .audio))
        guard case .trackPublished(let back) = await events.next() else {
            Issue.record("no track of the echo")
            return
        }
        #expect(back.id == TrackID(sessionID: echo.sessionID, kind: .audio))
        session.send(packet(3), track: .audio)
        let (id, returned) = try #require(heard.all.first)
        #expect(id == back.id && returned.ssrc == back.ssrc)
        #expect(returned.payload == packet(3).payload && returned.ssrc != packet(3).ssrc)
    }

    @Test("An echo is seen by its own session alone")
    func echoIsPrivate() async throws {
        let service = InProcessService(transport: .memory)
        _ = try await service.join(request("a1", ada, mirror)) { _, _ in }
        let other = try await service.join(request("b1", bob, mirror)) { _, _ in }
        #expect(other.info.participants.filter { $0.user.id == "echo" }.count == 1)
        #expect(try await service.get(mirror).participants.count == 2, "echoes are not in the room's record")
    }

    @Test("After close nothing is sent, nothing received, and the events end")
    func closed() async throws {
        let service = InProcessService(transport: .memory)
        let heard = Heard()
        let session = try await service.join(request("a1", ada, mirror)) { heard.note($0, $1) }
        try await session.publish(track("a1", .audio))
        await session.close()
        await session.close()
        session.send(packet(1), track: .audio)
        #expect(heard.all.isEmpty)
        var count = 0
        for await _ in session.events { count += 1 }
        #expect(count == 1, "what came before the close can still be read")
        await #expect(throws: ServiceError.self) { try await session.publish(track("a1", .video)) }
    }

    @Test("A cut session can be taken up again with its tracks; one that is not known cannot")
    func fastReconnect() async throws {
        let service = InProcessService(transport: .memory)
        let session = try await service.join(request("a1", ada, kitchen)) { _, _ in }
        try await session.publish(track("a1", .video))
        try service.disconnect("a1", of: kitchen)
        let again = try await service.join(request("a1", ada, kitchen, .fastReconnect)) { _, _ in }
        #expect(again.info.participants.first?.tracks.map(\.id.kind) == [.video])
        let error = await #expect(throws: ServiceError.self) {
            _ = try await service.join(request("a2", ada, kitchen, .fastReconnect)) { _, _ in }
        }
        #expect(error?.code == .sessionLost)
    }

    @Test("A rejoin takes the place of the session it names")
    func rejoin() async throws {
        let service = InProcessService(transport: .memory)
        let watcher = try await service.join(request("b1", bob, kitchen)) { _, _ in }
        _ = try await service.join(request("a1", ada, kitchen)) { _, _ in }
        try service.disconnect("a1", of: kitchen, forgetting: true)
        _ = try await service.join(request("a2", ada, kitchen, .rejoin, replaces: "a1")) { _, _ in }
        #expect(try await service.get(kitchen).participants.map(\.sessionID) == ["b1", "a2"])
        var events = watcher.events.makeAsyncIterator()
        #expect(await events.next() == .participantJoined(ParticipantInfo(sessionID: "a1", user: ada)))
        #expect(await events.next() == .participantLeft("a1"))
        #expect(await events.next() == .participantJoined(ParticipantInfo(sessionID: "a2", user: ada)))
    }

    @Test("Calls are created once, changed, listed and ended; who watches is told")
    func calls() async throws {
        let service = InProcessService(transport: .memory)
        await #expect(throws: ServiceError.self) { _ = try await service.get(kitchen) }
        let info = try await service.create(kitchen, CallCreation(custom: ["floor": "2"]), by: ada)
        #expect(try await service.create(kitchen, CallCreation(), by: bob) == info, "the one that exists")
        var events = service.events(of: kitchen).makeAsyncIterator()
        let changed = try await service.update(kitchen, CallUpdate(members: [Member(user: bob)]))
        #expect(changed.custom == ["floor": "2"] && changed.members.map(\.id) == ["bob"])
        #expect(await events.next() == .updated(changed))
        #expect(try await service.query(CallQuery(userID: "bob")).map(\.id) == [kitchen])
        #expect(try await service.query(CallQuery(type: "other")).isEmpty)
        #expect(try await service.query(CallQuery(ongoingOnly: true)).isEmpty)
        await #expect(throws: ServiceError.self) { _ = try await service.query(CallQuery(limit: 0)) }
        try await service.end(kitchen)
        #expect(await events.next() == .ended)
        await #expect(throws: ServiceError.self) { try await service.end(kitchen) }
    }

    private func request(
        _ session: SessionID, _ user: User, _ call: CallID, _ kind: JoinRequest.Kind = .join,
        replaces: SessionID? = nil
    ) -> JoinRequest {
        JoinRequest(
            call: call, user: user, kind: kind, sessionID: session, unifiedSessionID: "u", replaces: replaces)
    }

    private func track(_ session: SessionID, _ kind: TrackKind) -> TrackInfo {
        TrackInfo(id: TrackID(sessionID: session, kind: kind), ssrc: 1234)
    }

    private func packet(_ number: UInt16) -> RTPPacket {
        RTPPacket(
            payloadType: 111, marker: false, sequenceNumber: SequenceNumber(rawValue: number), timestamp: 960,
            ssrc: 1234, payload: [1, 2, 3])
    }
}

/// What a receiver was given.
private final class Heard: Sendable {
    private let packets = Mutex<[(TrackID, RTPPacket)]>([])
    var all: [(TrackID, RTPPacket)] { packets.withLock { $0 } }
    func note(_ track: TrackID, _ packet: RTPPacket) { packets.withLock { $0.append((track, packet)) } }
}
