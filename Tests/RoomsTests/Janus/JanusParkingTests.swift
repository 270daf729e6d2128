import RTP
import Synchronization
import TestSupport
import Testing
import WebRTC

@testable import Rooms

@Suite("What a left session keeps of a Janus room for the next", .timeLimit(.minutes(1)))
struct JanusParkingTests {
    private static let bob: JSON = [
        "id": 77, "display": "Bob", "streams": [["type": "audio", "mid": "0", "codec": "opus"]],
    ]

    /// Bob is in every room.
    @Sendable private static func welcome(_ request: ScriptedJanus.Request) -> [JSON]? {
        guard request.request == "join", request.json["body"]?["ptype"] == "publisher" else { return nil }
        let id = request.json["body"]?["id"] ?? 0
        return [request.ack, request.event(["videoroom": "joined", "id": id, "publishers": [bob]])]
    }

    /// A server with Bob in every room, and a service of it.
    private final class Stay: Sendable {
        private let sent = Mutex<UInt16>(0)
        let janus: ScriptedJanus
        let service: JanusService

        init(clock: any Clock<Duration> = ContinuousClock()) async throws {
            janus = try await ScriptedJanus(welcome)
            service = try JanusService(url: janus.url, clock: clock)
        }

        func join(
            _ id: SessionID, room: String = "1001", keeps: Bool = true,
            receive: @escaping @Sendable (TrackID, RTPPacket) -> Void = { _, _ in }
        ) async throws -> any RoomSession {
            let request = JoinRequest(
                call: CallID(id: room), user: User(id: "ada", name: "Ada"), sessionID: id, unifiedSessionID: "unified",
                keepsTransport: keeps)
            return try await service.join(request, receive: receive)
        }

        /// A session that was connected and is left.
        /// - Returns: the subscriber's handle.
        func leave(
            _ session: any RoomSession, after body: () async throws -> Void = {}
        ) async throws -> Int64 {
            while session.statistics?.opening?.connected == nil { try await aMoment() }
            try await body()
            let handle = try #require(subscriptions.last?.handle)
            try await session.leave()
            await session.close()
            return handle
        }

        /// Joined, connected and left.
        func visit(_ id: SessionID, keeps: Bool = true) async throws -> Int64 {
            try await leave(try await join(id, keeps: keeps))
        }

        var subscriptions: [ScriptedJanus.Request] { janus.seen.filter { $0.json["body"]?["ptype"] == "subscriber" } }

        /// Requests to go on, without a description.
        var resumptions: [ScriptedJanus.Request] {
            janus.seen.filter { $0.request == "start" && $0.json["jsep"] == nil }
        }

        func isDetached(_ handle: Int64) -> Bool { janus.seen.contains { $0.janus == "detach" && $0.handle == handle } }

        func waitForDetach(of handle: Int64) async throws { while !isDetached(handle) { try await aMoment() } }

        func send(to handle: Int64) {
            let number = sent.withLock { number in
                number += 1
                return number
            }
            janus.sender(to: handle)?.send(
                RTPPacket(
                    payloadType: 111, sequenceNumber: SequenceNumber(rawValue: number),
                    timestamp: RTPTimestamp(rawValue: UInt32(number) * 960), ssrc: 1, payload: [1, 2, 3]), mid: "0")
        }
    }

    @Test("the way the others' tracks come by is paused on leave, and goes on in the next session before it is joined")
    func taken() async throws {
        let stay = try await Stay()
        let old = Mutex(0)
        let new = Mutex(0)
        let first = try await stay.join("a1") { _, _ in old.withLock { $0 += 1 } }
        let handle = try await stay.leave(first) {
            let handle = try #require(stay.subscriptions.last?.handle)
            while old.withLock({ $0 }) == 0 {
                stay.send(to: handle)
                try await aMoment()
            }
        }
        #expect(stay.janus.seen.filter { $0.request == "pause" }.map(\.handle) == [handle])
        #expect(!stay.isDetached(handle) && stay.janus.count("detach") == 1)
        let before = old.withLock { $0 }
        // What comes meanwhile goes nowhere.
        for _ in 0..<5 { stay.send(to: handle) }
        let second = try await stay.join("a2") { _, _ in new.withLock { $0 += 1 } }
        let order = stay.janus.seen.compactMap(\.request).suffix(2)
        #expect(Set(order) == ["start", "join"])
        #expect(stay.resumptions.map(\.handle) == [handle] && stay.subscriptions.count == 1)
        while new.withLock({ $0 }) == 0 {
            stay.send(to: handle)
            try await aMoment()
        }
        #expect(old.withLock { $0 } == before)
        #expect(second.info.participants.map(\.user.name) == ["Ada", "Bob"])
        #expect(second.statistics?.opening == nil)
        await second.close()
        await stay.janus.stop()
    }

    enum End: String, CaseIterable, Sendable {
        case departed, hungUp, detached, pathClosed, otherRoom, withoutStandby, reset
    }

    @Test("what was kept is closed when it cannot serve, and the next session subscribes anew", arguments: End.allCases)
    func ends(_ end: End) async throws {
        let stay = try await Stay()
        let handle = try await stay.visit("a1")
        #expect(!stay.isDetached(handle))
        var (room, keeps) = ("1001", true)
        switch end {
        case .departed:
            try await stay.janus.tellEvent(
                handle, ["videoroom": "updated", "streams": [["type": "audio", "mid": "0", "active": false]]])
            try await stay.waitForDetach(of: handle)
        case .hungUp:
            try await stay.janus.tell(handle, "hangup", ["reason": "ICE failed"])
            try await stay.waitForDetach(of: handle)
        case .detached:
            try await stay.janus.tell(handle, "detached")
            try await stay.waitForDetach(of: handle)
        case .pathClosed:
            await stay.janus.sender(to: handle)?.close()
            try await stay.waitForDetach(of: handle)
        case .otherRoom: room = "1002"
        case .withoutStandby: keeps = false
        case .reset:
            await stay.service.endStandby(of: CallID(id: "1001"))
            #expect(stay.isDetached(handle))
        }
        let session = try await stay.join("a2", room: room, keeps: keeps)
        while session.statistics?.opening?.connected == nil { try await aMoment() }
        try await stay.waitForDetach(of: handle)
        #expect(stay.resumptions.isEmpty && stay.subscriptions.count == 2)
        await session.close()
        await stay.janus.stop()
    }

    @Test("a session that may keep nothing pauses nothing, and lets both handles go")
    func release() async throws {
        let stay = try await Stay()
        let handle = try await stay.visit("a1", keeps: false)
        try await stay.waitForDetach(of: handle)
        #expect(stay.janus.count("pause") == 0 && stay.janus.count("detach") == 2)
        await stay.janus.stop()
    }

    @Test(
        "a server that refuses to pause keeps nothing; one that refuses to go on is subscribed to anew",
        arguments: ["pause", "start"])
    func refused(_ request: String) async throws {
        let stay = try await Stay()
        let session = try await stay.join("a1")
        while session.statistics?.opening?.connected == nil { try await aMoment() }
        stay.janus.rule { asked in
            if asked.request == request, asked.json["jsep"] == nil { return [asked.error(459, "No such handle")] }
            return Self.welcome(asked)
        }
        let handle = try await stay.leave(session)
        let again = try await stay.join("a2")
        while again.statistics?.opening?.connected == nil { try await aMoment() }
        try await stay.waitForDetach(of: handle)
        #expect(stay.subscriptions.count == 2)
        await again.close()
        await stay.janus.stop()
    }

    @Test("what nobody takes is closed after the time that connections linger, also where the connection is in use")
    func expires() async throws {
        let clock = ManualClock()
        let stay = try await Stay(clock: clock)
        let handle = try await stay.visit("a1")
        // The keepalive's, the connection's and what is kept.
        try await clock.waitForSleepers(3)
        clock.advance(by: .seconds(15))
        _ = try await stay.service.get(CallID(id: "1001"))
        #expect(!stay.isDetached(handle))
        clock.advance(by: .seconds(15))
        try await stay.waitForDetach(of: handle)
        #expect(stay.janus.count("destroy") == 0)
        while stay.janus.sender(to: handle)?.statistics.state == .connected { try await aMoment() }
        await stay.janus.stop()
    }

    @Test("with the signalling goes what was kept; the next session makes its own")
    func connectionLost() async throws {
        let stay = try await Stay()
        let handle = try await stay.visit("a1")
        try await stay.janus.closeConnections()
        while stay.janus.sender(to: handle)?.statistics.state == .connected { try await aMoment() }
        let session = try await stay.join("a2")
        while session.statistics?.opening?.connected == nil { try await aMoment() }
        #expect(stay.resumptions.isEmpty && stay.subscriptions.count == 2)
        await session.close()
        await stay.janus.stop()
    }
}
