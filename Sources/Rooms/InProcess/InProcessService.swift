public import RTP
import Synchronization

/// Calls among the participants of one process: the room of tests, demonstrations and the mirror.
///
/// Media goes over real peer connections on loopback to a forwarder in the process, or, where the transport is
/// ``Transport/memory``, straight from one to the other on the sender's thread. In a call of type ``echoType`` every session meets a
/// participant of its own that publishes what the session publishes and sends back every packet.
///
/// It is as strict as a server on a network: a session id that has left is refused.
public final class InProcessService: CallService {
    /// The type of calls with an echo participant.
    public static let echoType = "echo"

    /// How packets travel.
    public enum Transport: Sendable, Hashable {
        /// ICE, DTLS-SRTP and UDP on loopback, as over any network.
        case loopback
        /// From hand to hand: nothing takes time, nothing is lost. For tests whose time is not the machine's.
        case memory
    }

    private let rooms = Mutex<[CallID: Room]>([:])
    private let transport: Transport

    public init(transport: Transport = .loopback) { self.transport = transport }

    public func get(_ id: CallID) async throws -> CallInfo {
        try existingRoom(id, for: "get").info
    }

    public func create(_ id: CallID, _ request: CallCreation, by user: User) async throws -> CallInfo {
        room(id, creator: user, request).info
    }

    public func update(_ id: CallID, _ request: CallUpdate) async throws -> CallInfo {
        try existingRoom(id, for: "update").update(request)
    }

    public func query(_ query: CallQuery) async throws -> [CallInfo] {
        guard query.limit > 0 else {
            throw ServiceError(
                .invalidArgument, operation: "query calls", reason: "limit \(query.limit)", advice: "Use 1 or more.")
        }
        let infos = rooms.withLock { Array($0.values) }.map(\.info)
        let matching = infos.filter { info in
            (query.type.map { $0 == info.id.type } ?? true)
                && (query.userID.map { user in
                    info.createdBy.id == user || info.members.contains { $0.user.id == user }
                } ?? true)
                && (!query.ongoingOnly || !info.participants.isEmpty)
        }
        return Array(matching.sorted { $0.id.description < $1.id.description }.prefix(query.limit))
    }

    public func end(_ id: CallID) async throws {
        try existingRoom(id, for: "end").end()
        _ = rooms.withLock { $0.removeValue(forKey: id) }
    }

    public func events(of id: CallID) -> AsyncStream<CallEvent> {
        room(id, creator: User(id: "system"), CallCreation()).watch()
    }

    public func join(
        _ request: JoinRequest, receive: @escaping @Sendable (TrackID, RTPPacket) -> Void
    ) async throws -> any RoomSession {
        try Task.checkCancellation()
        return try room(request.call, creator: request.user, CallCreation()).join(request, receive: receive)
    }

    /// Cuts a session's transport, as a lost network does.
    /// - `forgetting`: whether the room forgets the session too, as a restarted server does: only a rejoin helps then.
    public func disconnect(_ session: SessionID, of call: CallID, forgetting: Bool = false) throws {
        try existingRoom(call, for: "disconnect").disconnect(session, forgetting: forgetting)
    }

    private func room(_ id: CallID, creator: User, _ request: CallCreation) -> Room {
        rooms.withLock { rooms in
            if let room = rooms[id] { return room }
            let info = CallInfo(
                id: id, createdBy: creator, members: request.members, settings: request.settings,
                custom: request.custom)
            let room = Room(info: info, hasEcho: id.type == Self.echoType, transport: transport)
            rooms[id] = room
            return room
        }
    }

    private func existingRoom(_ id: CallID, for operation: String) throws -> Room {
        guard let room = rooms.withLock({ $0[id] }) else {
            throw ServiceError(
                .notFound, operation: "\(operation) \(id)", reason: "no such call",
                advice: "Create it with create(), or join it.")
        }
        return room
    }
}
