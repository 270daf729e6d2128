public import RTP
import Synchronization

/// Calls in the VideoRooms of a Janus server, together with browsers and whoever else joins them.
///
/// A call is a room: its name is the call's id (with the type before it, unless that is `default`). Where the server
/// names rooms by numbers, as it does unless configured with `string_ids`, an id that is a number is the room's, and any
/// other is hashed to one, the same on every machine. A room that is missing is made by the first join, for 20
/// publishers, Opus and VP8, until the server ends.
///
/// The VideoRoom keeps no members, settings or custom data: those of ``CallInfo`` are what this process gave or the
/// defaults. Participants of ours carry user and session in their display name; others get ids of the form `janus:…`.
public final class JanusService: CallService {
    private struct State {
        var connection: JanusConnection?
        var control: Int64?
        var style = JanusIDStyle.numbers
        var rooms: [SessionID: JanusRoom] = [:]
        /// Uses of the connection; it closes a while after the last.
        var uses = 0
        var closing: Task<Void, Never>?
        var known: [CallID: CallInfo] = [:]
        /// What there was to be received at the end of the last session, and in which call: for a rejoin within the time that
        /// the connection lingers.
        var last: (call: CallID, feeds: JanusSubscriber.Feeds)?
        /// What received in that session, where it may be kept.
        var parked: JanusParked?
    }

    private let url: ServiceURL
    private let options: JanusOptions
    private let clock: any Clock<Duration>
    private let state = Mutex(State())
    private let opening = AsyncLock()

    /// - `url`: `ws://host:8188` or `wss://host:8989`; the path is `/janus` where it has none.
    /// - `clock`: for keepalives and for how long the connection lingers.
    /// - Throws: `.invalidArgument`.
    public init(
        url: String, options: JanusOptions = JanusOptions(), clock: any Clock<Duration> = ContinuousClock()
    ) throws(ServiceError) {
        guard var address = ServiceURL(webSocket: url) else {
            throw ServiceError(
                .invalidArgument, operation: "use Janus at \(url)", reason: "not a WebSocket's URL",
                advice: "Write it as ws://host:8188 or wss://host:8989.")
        }
        if address.path == "/" { address.path = "/janus" }
        self.url = address
        self.options = options
        self.clock = clock
    }

    // MARK: Calls

    public func get(_ id: CallID) async throws -> CallInfo {
        try await using("get \(id)") { [self] connection, control in
            try await withRoomID(id) { room in
                let answer = try await connection.ask(control, ["request": "listparticipants", "room": room.json]).0
                guard case .participants(let people) = answer else { return info(id) }
                var info = info(id)
                info.participants = people.map { ParticipantInfo(sessionID: $0.name.session, user: $0.name.user) }
                return info
            }
        }
    }

    public func create(_ id: CallID, _ request: CallCreation, by user: User) async throws -> CallInfo {
        try await using("create \(id)") { [self] connection, control in
            try await withRoomID(id) { room in
                try await JanusRoom.create(room.json, description: id.description, control, connection, options)
            }
        }
        return state.withLock { state in
            if let info = state.known[id] { return info }
            let info = CallInfo(
                id: id, createdBy: user, members: request.members, settings: request.settings, custom: request.custom)
            state.known[id] = info
            return info
        }
    }

    /// - Throws: `.unsupported` for any change: the VideoRoom keeps none of it.
    public func update(_ id: CallID, _ request: CallUpdate) async throws -> CallInfo {
        guard request == CallUpdate() else {
            throw ServiceError(
                .unsupported, operation: "update \(id)",
                reason: "Janus's VideoRoom keeps no members, settings or custom data")
        }
        return try await get(id)
    }

    /// Rooms of other programs are listed under their number or name, as calls of type `default`.
    public func query(_ query: CallQuery) async throws -> [CallInfo] {
        guard query.limit > 0 else {
            throw ServiceError(
                .invalidArgument, operation: "query calls", reason: "limit \(query.limit)", advice: "Use 1 or more.")
        }
        let rooms = try await using("query calls") { connection, control -> [VideoRoomSummary] in
            guard case .rooms(let rooms) = try await connection.ask(control, ["request": "list"]).0 else { return [] }
            return rooms
        }
        let calls = rooms.filter { !query.ongoingOnly || $0.participants > 0 }.map { info(callID(of: $0)) }
        return Array(
            calls.filter { call in
                (query.type.map { $0 == call.id.type } ?? true)
                    && (query.userID.map { user in
                        call.createdBy.id == user || call.members.contains { $0.user.id == user }
                    } ?? true)
            }
            .sorted { $0.id.description < $1.id.description }.prefix(query.limit))
    }

    public func end(_ id: CallID) async throws {
        try await using("end \(id)") { [self] connection, control in
            try await withRoomID(id) { room in
                var body: JSON = ["request": "destroy", "room": room.json]
                body.set("secret", options.roomSecret.map { .string($0) })
                _ = try await connection.ask(control, body)
            }
        }
        _ = state.withLock { $0.known.removeValue(forKey: id) }
    }

    /// Looks at the room every ``JanusOptions/watchInterval``: the VideoRoom tells only those who are in it.
    public func events(of id: CallID) -> AsyncStream<CallEvent> {
        let (stream, continuation) = AsyncStream.makeStream(of: CallEvent.self, bufferingPolicy: .bufferingNewest(256))
        let watching = Task { [weak self, clock, options] in
            var seen: [SessionID: ParticipantInfo] = [:]
            var exists = false
            while !Task.isCancelled {
                guard let self else { return }
                do {
                    let participants = try await self.get(id).participants
                    let now = Dictionary(participants.map { ($0.id, $0) }) { first, _ in first }
                    for gone in seen.keys where now[gone] == nil { continuation.yield(.participantLeft(gone)) }
                    for new in participants where seen[new.id] == nil { continuation.yield(.participantJoined(new)) }
                    (seen, exists) = (now, true)
                } catch let error as ServiceError where error.code == .notFound {
                    if exists { continuation.yield(.ended) }
                    (seen, exists) = ([:], false)
                } catch {
                    // A server that cannot be reached is asked again.
                }
                guard (try? await clock.sleep(for: options.watchInterval)) != nil else { return }
            }
        }
        continuation.onTermination = { _ in watching.cancel() }
        return stream
    }

    // MARK: Joining

    public func join(
        _ request: JoinRequest, receive: @escaping @Sendable (TrackID, RTPPacket) -> Void
    ) async throws -> any RoomSession {
        try Task.checkCancellation()
        let operation = "join \(request.call)"
        if request.kind == .fastReconnect { return try await takeUp(request, operation, receive) }
        if let replaced = request.replaces, let old = state.withLock({ $0.rooms[replaced] }) { await old.close() }
        let connection = try await acquire(operation, anew: request.kind == .rejoin)
        do {
            let room = try await withErrors(operation) { [self] in
                try await withRoomID(request.call) { [self] _ in
                    let (style, feeds) = state.withLock { state in
                        (state.style, state.last?.call == request.call ? state.last?.feeds : nil)
                    }
                    return try await JanusRoom.join(
                        request, connection, options, style, feeds: feeds ?? [:], kept: takeParked(request)
                    ) {
                        [weak self] in self?.closed(request, $0, $1)
                    }
                }
            }
            state.withLock { $0.rooms[request.sessionID] = room }
            let session = room.begin(info(request.call), receive: receive)
            if Task.isCancelled {
                await session.close()
                throw CancellationError()
            }
            return session
        } catch {
            if state.withLock({ $0.rooms[request.sessionID] }) == nil { release() }
            throw error
        }
    }

    private func takeUp(
        _ request: JoinRequest, _ operation: String, _ receive: @escaping @Sendable (TrackID, RTPPacket) -> Void
    ) async throws -> any RoomSession {
        let (room, connection) = state.withLock { ($0.rooms[request.sessionID], $0.connection) }
        guard let room, let connection else {
            throw ServiceError(
                .sessionLost, operation: operation, reason: "session \(request.sessionID) is not known",
                advice: "Rejoin with a new session id.")
        }
        try await withErrors(operation) {
            try await connection.openAnew()
            try await room.takeUp()
        }
        return room.begin(info(request.call), receive: receive)
    }

    private func closed(_ request: JoinRequest, _ feeds: JanusSubscriber.Feeds, _ parked: JanusParked?) {
        keep(parked)
        let (isKnown, connection) = state.withLock { state in
            state.last = (request.call, feeds)
            return (state.rooms.removeValue(forKey: request.sessionID) != nil, state.connection)
        }
        if isKnown { release() }
        connection?.attachSpares()
    }

    // MARK: What is kept of a left session

    /// Keeps it for as long as the connection lingers, in the place of another.
    private func keep(_ parked: JanusParked?) {
        let (replaced, connection) = state.withLock { state in
            defer { state.parked = parked }
            return (state.parked, state.connection)
        }
        replaced?.close()
        guard let parked else { return }
        parked.keep(options.lingering, clock) { [weak self, weak parked] in
            if let parked { self?.drop(parked) }
        }
        // It may have been lost meanwhile.
        if connection?.isOpen != true { drop(parked) }
    }

    private func drop(_ parked: JanusParked) {
        state.withLock { state in if state.parked === parked { state.parked = nil } }
        parked.close()
    }

    /// Takes what the session before has left for this join; what is left for another is closed.
    private func takeParked(_ request: JoinRequest) -> JanusSubscriber? {
        guard let parked = state.withLock({ $0.parked.take() }) else { return nil }
        return parked.take(for: request)
    }

    public func endStandby(of id: CallID) async {
        let parked = state.withLock { state in state.parked?.call == id ? state.parked.take() : nil }
        await parked?.close()?.value
    }

    // MARK: The connection

    /// The open connection, which stays open until ``release()``.
    /// - `anew`: whether there is reason to doubt that it is.
    private func acquire(_ operation: String, anew: Bool = false) async throws -> JanusConnection {
        let connection = state.withLock { state in
            state.uses += 1
            state.closing?.cancel()
            state.closing = nil
            if let connection = state.connection { return connection }
            let connection = JanusConnection(url, options, clock: clock) { [weak self] in self?.lost($0) }
            state.connection = connection
            return connection
        }
        do {
            try await withErrors(operation) {
                do { try await anew ? connection.openAnew() : connection.open() } catch let failure as JanusFailure
                    where failure.code == 458
                {
                    // The server has forgotten the old session: a new one.
                    try await connection.open()
                }
            }
            return connection
        } catch {
            release()
            throw error
        }
    }

    private func release() {
        state.withLock { state in
            state.uses -= 1
            guard state.uses == 0 else { return }
            state.closing = Task { [weak self, clock, options] in
                guard (try? await clock.sleep(for: options.lingering)) != nil else { return }
                await self?.closeIfUnused()
            }
        }
    }

    private func closeIfUnused() async {
        let (connection, parked) = state.withLock { state -> (JanusConnection?, JanusParked?) in
            guard state.uses == 0 else { return (nil, nil) }
            state.control = nil
            state.last = nil
            return (state.connection.take(), state.parked.take())
        }
        await parked?.close()?.value
        await connection?.close()
    }

    private func lost(_ reason: String) {
        let (rooms, parked) = state.withLock { state in
            state.control = nil
            return (Array(state.rooms.values), state.parked.take())
        }
        parked?.close()
        for room in rooms { room.lost(reason) }
    }

    /// Does something with the connection and a handle that is in no room.
    private func using<Value: Sendable>(
        _ operation: String, _ body: @Sendable (JanusConnection, Int64) async throws -> Value
    ) async throws -> Value {
        let connection = try await acquire(operation)
        defer { release() }
        return try await withErrors(operation) {
            try await body(connection, try await control(connection))
        }
    }

    private func control(_ connection: JanusConnection) async throws -> Int64 {
        if let handle = state.withLock({ $0.control }) { return handle }
        return try await opening.run { [self] in
            if let handle = state.withLock({ $0.control }) { return handle }
            let handle = try await connection.attach { _, _ in }
            state.withLock { $0.control = handle }
            return handle
        }
    }

    /// Does something with a room's id, and again with its other form where the server wants that.
    private func withRoomID<Value>(_ id: CallID, _ body: (JanusID) async throws -> Value) async throws -> Value {
        let style = state.withLock { $0.style }
        do { return try await body(style.room(id)) } catch let failure as JanusFailure where failure.isWrongElement {
            let other: JanusIDStyle = style == .numbers ? .strings : .numbers
            state.withLock { $0.style = other }
            return try await body(other.room(id))
        }
    }

    private func withErrors<Value>(_ operation: String, _ body: () async throws -> Value) async throws -> Value {
        do { return try await body() } catch let failure as JanusFailure {
            throw failure.serviceError(operation)
        } catch let error as WebSocketError {
            let code: ServiceError.Code = error.code == .refused ? .refused : .unreachable
            throw ServiceError(
                code, operation: operation, reason: error.reason, advice: "Is Janus at \(url.authority) running?")
        }
    }

    private func info(_ id: CallID) -> CallInfo {
        state.withLock { $0.known[id] } ?? CallInfo(id: id, createdBy: User(id: "janus", name: "Janus"))
    }

    private func callID(of room: VideoRoomSummary) -> CallID {
        let known = state.withLock { state in state.known.keys.first { state.style.room($0) == room.id } }
        if let known { return known }
        let parts = room.description.split(separator: ":", maxSplits: 1)
        if parts.count == 2 {
            let id = CallID(type: String(parts[0]), id: String(parts[1]))
            if state.withLock({ $0.style }).room(id) == room.id { return id }
        }
        return CallID(id: room.id.description)
    }
}
