import RTP
import Rooms
import Synchronization
import Testing

/// Real sockets and the machine's time: nothing here waits for longer than what it waits for takes.
@Suite("The in-process room over peer connections", .timeLimit(.minutes(1)))
struct LoopbackRoomTests {
    @Test("Packets travel both ways, and the path is told")
    func forwarding() async throws {
        let service = InProcessService()
        let call = CallID(id: "kitchen")
        let (first, second) = (Arrivals(), Arrivals())
        let ada = try await service.join(request("a1", call)) { first.note($0, $1) }
        try await ada.publish(track("a1", 1111))
        let bob = try await service.join(request("b1", call)) { second.note($0, $1) }
        try await bob.publish(track("b1", 2222))
        async let toAda = first.next { bob.send(packet(2222, $0), track: .audio) }
        async let toBob = second.next { ada.send(packet(1111, $0), track: .audio) }
        let (atAda, atBob) = await (toAda, toBob)
        #expect(atAda.0 == TrackID(sessionID: "b1", kind: .audio) && atBob.0 == TrackID(sessionID: "a1", kind: .audio))
        #expect(atBob.1.payload == [1, 2, 3] && atBob.1.payloadType == 111)
        let statistics = try #require(ada.statistics)
        let address = try #require(statistics.candidatePair?.local.address)
        #expect(address.hasPrefix("127.0.0.1:") || address.hasPrefix("[::1]:"))
        #expect(statistics.sent[.audio]?.packets ?? 0 > 0)
        await ada.close()
        await bob.close()
    }

    @Test("Whoever comes after somebody left is received too", arguments: [3])
    func comingAndGoing(times: Int) async throws {
        let service = InProcessService()
        let call = CallID(id: "kitchen")
        let arrivals = Arrivals()
        let ada = try await service.join(request("a1", call)) { arrivals.note($0, $1) }
        for number in 0..<times {
            let id = SessionID("b\(number)")
            let bob = try await service.join(request(id, call)) { _, _ in }
            try await bob.publish(track(id, 2222))
            let arrived = await arrivals.next(of: id) { bob.send(packet(2222, $0), track: .audio) }
            #expect(arrived.0.sessionID == id)
            try await bob.leave()
            await bob.close()
        }
        await ada.close()
    }

    @Test("An echo call sends every packet back")
    func echo() async throws {
        let service = InProcessService()
        let arrivals = Arrivals()
        let call = CallID(type: InProcessService.echoType, id: "mirror")
        let ada = try await service.join(request("a1", call)) { arrivals.note($0, $1) }
        try await ada.publish(track("a1", 1111))
        let (track, returned) = await arrivals.next { ada.send(packet(1111, $0), track: .audio) }
        #expect(track.sessionID == "echo-of-a1" && returned.ssrc == SSRC(rawValue: ~1111))
        await ada.close()
    }

    private func request(_ session: SessionID, _ call: CallID) -> JoinRequest {
        JoinRequest(call: call, user: User(id: session.rawValue), sessionID: session, unifiedSessionID: "u")
    }

    private func track(_ session: SessionID, _ ssrc: SSRC) -> TrackInfo {
        TrackInfo(id: TrackID(sessionID: session, kind: .audio), ssrc: ssrc)
    }

    private func packet(_ ssrc: SSRC, _ number: UInt16) -> RTPPacket {
        RTPPacket(
            payloadType: 111, sequenceNumber: SequenceNumber(rawValue: number),
            timestamp: RTPTimestamp(rawValue: 960 * UInt32(number)), ssrc: ssrc, payload: [1, 2, 3])
    }
}

/// What has come, and who waits for it.
private final class Arrivals: Sendable {
    private let stream: AsyncStream<(TrackID, RTPPacket)>
    private let continuation: AsyncStream<(TrackID, RTPPacket)>.Continuation
    private let noted = Mutex(0)

    init() { (stream, continuation) = AsyncStream.makeStream() }

    var count: Int { noted.withLock { $0 } }

    func note(_ track: TrackID, _ packet: RTPPacket) {
        noted.withLock { $0 += 1 }
        continuation.yield((track, packet))
    }

    /// Sends a packet every 5 ms, as the machine's clock has it, until one has come: what is sent before the connection
    /// is up is dropped.
    func next(of session: SessionID? = nil, send: @escaping @Sendable (UInt16) -> Void) async -> (TrackID, RTPPacket) {
        let sending = Task {
            var number: UInt16 = 0
            while !Task.isCancelled {
                send(number)
                number += 1
                try? await ContinuousClock().sleep(for: .milliseconds(5))
            }
        }
        defer { sending.cancel() }
        for await arrival in stream where session == nil || arrival.0.sessionID == session { return arrival }
        preconditionFailure("the stream does not end")
    }
}
