import RTP
import Rooms
import Synchronization

/// The in-process room with a script in front of it: answers that come late, fail, or never come.
final class ScriptedService: CallService {
    struct Script {
        /// Joins wait here before the room is asked; deaf to cancellation where `joinIsDeaf`.
        var joinGate: Gate?
        var joinIsDeaf = false
        var joinFailures: [any Error] = []
        /// Refuses fast reconnections with this.
        var fastFailure: (any Error)?
        /// Announcements of tracks wait here.
        var publishGate: Gate?
        var leaveGate: Gate?
        var leaveFailure: (any Error)?
        var closeGate: Gate?
        var requests: [JoinRequest] = []
        var leaves = 0
        var closes = 0
    }

    let room = InProcessService(transport: .memory)
    let script = Mutex(Script())

    var requests: [JoinRequest] { script.withLock { $0.requests } }

    func change(_ body: (inout Script) -> Void) { script.withLock { body(&$0) } }

    func get(_ id: CallID) async throws -> CallInfo { try await room.get(id) }
    func create(_ id: CallID, _ request: CallCreation, by user: User) async throws -> CallInfo {
        try await room.create(id, request, by: user)
    }
    func update(_ id: CallID, _ request: CallUpdate) async throws -> CallInfo { try await room.update(id, request) }
    func query(_ query: CallQuery) async throws -> [CallInfo] { try await room.query(query) }
    func end(_ id: CallID) async throws { try await room.end(id) }
    func events(of id: CallID) -> AsyncStream<CallEvent> { room.events(of: id) }

    func join(
        _ request: JoinRequest, receive: @escaping @Sendable (TrackID, RTPPacket) -> Void
    ) async throws -> any RoomSession {
        let (gate, isDeaf, failure) = script.withLock { script -> (Gate?, Bool, (any Error)?) in
            script.requests.append(request)
            var failure = script.joinFailures.isEmpty ? nil : script.joinFailures.removeFirst()
            if request.kind == .fastReconnect, let fast = script.fastFailure { failure = fast }
            return (script.joinGate, script.joinIsDeaf, failure)
        }
        if let gate {
            await gate.pass(isCancellable: !isDeaf)
            if !isDeaf { try Task.checkCancellation() }
        }
        if let failure { throw failure }
        if isDeaf {
            // Past the room's own look at cancellation, as an answer of a server that is already on its way.
            let (service, request) = (room, request)
            return ScriptedSession(
                try await Task.detached { try await service.join(request, receive: receive) }.value, self)
        }
        return ScriptedSession(try await room.join(request, receive: receive), self)
    }
}

/// A session of the in-process room with the service's script in front of it.
final class ScriptedSession: RoomSession {
    private let base: any RoomSession
    private let service: ScriptedService

    init(_ base: any RoomSession, _ service: ScriptedService) {
        self.base = base
        self.service = service
    }

    var info: CallInfo { base.info }
    var events: AsyncStream<SessionEvent> { base.events }
    func publish(_ track: TrackInfo) async throws {
        if let gate = service.script.withLock({ $0.publishGate }) { await gate.pass(isCancellable: true) }
        try await base.publish(track)
    }
    func setMuted(_ isMuted: Bool, track: TrackKind) async throws { try await base.setMuted(isMuted, track: track) }
    func unpublish(_ track: TrackKind) async throws { try await base.unpublish(track) }
    func send(_ packet: RTPPacket, track: TrackKind) { base.send(packet, track: track) }
    var statistics: TransportStatistics? { base.statistics }
    func requestKeyframe(of track: TrackID) { base.requestKeyframe(of: track) }
    func sendReaction(_ reaction: String) async throws { try await base.sendReaction(reaction) }

    func leave() async throws {
        let (gate, failure) = service.script.withLock { script in
            script.leaves += 1
            return (script.leaveGate, script.leaveFailure)
        }
        if let gate { await gate.pass(isCancellable: true) }
        if let failure { throw failure }
        try await base.leave()
    }

    func close() async {
        let gate = service.script.withLock { script in
            script.closes += 1
            return script.closeGate
        }
        if let gate { await gate.pass(isCancellable: false) }
        await base.close()
    }
}
