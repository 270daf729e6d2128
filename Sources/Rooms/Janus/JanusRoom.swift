internal import RTP
internal import WebRTC
import Synchronization

/// One session in a VideoRoom: two handles with their peer connections, and who else is there. It outlives a
/// ``JanusSession`` that is taken up again.
final class JanusRoom: Sendable {
    private struct State {
        var people: JanusPeople
        /// Whom news and packets go to; nil before the first and after the end.
        var current: JanusSession?
        var isClosed = false
        var subscriber: JanusSubscriber
        /// Takes the place of ``subscriber`` when it is connected.
        var next: JanusSubscriber?
    }

    let request: JoinRequest
    private let connection: JanusConnection
    private let inbox: JanusInbox
    private let subscription: Subscription
    private let publisher: JanusPublisher
    private let subscribing = AsyncLock()
    private let state: Mutex<State>
    private let display: Mutex<JanusDisplay>
    private let onClose: @Sendable (JanusSubscriber.Feeds, JanusParked?) -> Void

    // MARK: Joining

    /// Joins, and makes the room where there is none.
    /// - `feeds`: what is there to be received, as far as is known.
    /// - `kept`: receives already, from the session before.
    /// - `onClose`: told what there was to be received in the end, and what stays for the next session.
    /// - Throws: ``ServiceError``, ``JanusFailure``.
    static func join(
        _ request: JoinRequest, _ connection: JanusConnection, _ options: JanusOptions, _ style: JanusIDStyle,
        feeds: JanusSubscriber.Feeds, kept: JanusSubscriber?,
        onClose: @escaping @Sendable (JanusSubscriber.Feeds, JanusParked?) -> Void
    ) async throws -> JanusRoom {
        let inbox = JanusInbox()
        if let kept { kept.resume(inbox.listener(to: kept.handle)) }
        let handles: (publisher: Int64, subscriber: Int64)
        do {
            async let first = connection.takeHandle { inbox.receive($0, from: $1) }
            async let second = subscriberHandle(kept, connection, inbox)
            handles = (publisher: try await first, subscriber: try await second)
        } catch {
            await kept?.close()
            throw error
        }
        let own = style.participant(request.sessionID)
        let name = JanusDisplay(user: request.user, session: request.sessionID)
        var body: JSON = [
            "request": "join", "ptype": "publisher", "room": style.room(request.call).json, "id": own.json,
            "display": .string(name.text),
        ]
        body.set("pin", options.pin.map { .string($0) })
        async let answer = enter(body, handles.publisher, connection, options)
        // While the server thinks.
        let room: JanusRoom
        do {
            room = try JanusRoom(
                request, connection, options, handles, own: own, name: name,
                subscription: subscription(style.room(request.call), options), inbox: inbox, kept: kept,
                onClose: onClose)
        } catch {
            await kept?.peer.close()
            async let first: Void = connection.detach(handles.publisher)
            async let second: Void = connection.detach(handles.subscriber)
            _ = await (first, second)
            throw error
        }
        do {
            if kept == nil, !feeds.isEmpty { room.subscriber.guess(feeds) }
            let joined = try await answer
            guard case .joined(_, let privateID, _, _) = joined else {
                throw ServiceError(
                    .refused, operation: "join \(request.call)", reason: "Janus gave an answer of another kind")
            }
            room.subscription.privateID.withLock { $0 = privateID }
            room.apply(joined)
            inbox.open(room)
            return room
        } catch {
            await room.closeHandles()
            throw error
        }
    }

    private static func subscriberHandle(
        _ kept: JanusSubscriber?, _ connection: JanusConnection, _ inbox: JanusInbox
    ) async throws -> Int64 {
        if let kept { return kept.handle }
        return try await connection.takeHandle { inbox.receive($0, from: $1) }
    }

    private static func enter(
        _ body: JSON, _ handle: Int64, _ connection: JanusConnection, _ options: JanusOptions
    ) async throws -> VideoRoomEvent {
        do { return try await connection.ask(handle, body).0 } catch let failure as JanusFailure
            where failure.isNoSuchRoom
        {
            try await create(body["room"] ?? .null, handle, connection, options)
            return try await connection.ask(handle, body).0
        }
    }

    /// Makes a room, or finds that somebody else just did.
    static func create(
        _ room: JSON, description: String? = nil, _ handle: Int64, _ connection: JanusConnection,
        _ options: JanusOptions
    ) async throws {
        var body: JSON = [
            "request": "create", "room": room, "permanent": false, "publishers": 20, "audiocodec": "opus",
            "videocodec": "vp8", "audiolevel_ext": true, "notify_joining": true,
        ]
        body.set("description", description.map { .string($0) })
        body.set("admin_key", options.adminKey.map { .string($0) })
        body.set("secret", options.roomSecret.map { .string($0) })
        body.set("pin", options.pin.map { .string($0) })
        do { _ = try await connection.ask(handle, body) } catch let failure as JanusFailure where failure.isRoomExists {
        }
    }

    private static func subscription(_ room: JanusID, _ options: JanusOptions) -> JSON {
        // Feeds are named by a=msid: on an m-line that is taken up again, another feed is told from the one before.
        var body: JSON = ["request": "join", "ptype": "subscriber", "room": room.json, "use_msid": true]
        body.set("pin", options.pin.map { .string($0) })
        return body
    }

    private init(
        _ request: JoinRequest, _ connection: JanusConnection, _ options: JanusOptions,
        _ handles: (publisher: Int64, subscriber: Int64), own: JanusID, name: JanusDisplay, subscription: JSON,
        inbox: JanusInbox, kept: JanusSubscriber?,
        onClose: @escaping @Sendable (JanusSubscriber.Feeds, JanusParked?) -> Void
    ) throws {
        self.request = request
        self.connection = connection
        self.inbox = inbox
        self.onClose = onClose
        display = Mutex(name)
        var configuration = PeerConnectionConfiguration(loop: SharedNetworkLoop.loop)
        configuration.iceServers = options.iceServers
        configuration.icePolicy = options.icePolicy
        configuration.includesLoopback = options.includesLoopback
        // Janus begins when it has our answer and a path: 20 ms and more before the second of our hellos.
        configuration.waitsForHello = true
        let publisher = handles.publisher
        self.publisher = try JanusPublisher(
            connection, handle: publisher, session: request.sessionID, configuration
        ) { inbox.receive($0, from: publisher) }
        let subscription = Subscription(join: subscription, configuration: configuration)
        self.subscription = subscription
        let subscriber = try kept ?? subscription.subscriber(connection, handles.subscriber, inbox)
        state = Mutex(State(people: JanusPeople(own: own), subscriber: subscriber))
    }

    /// What subscribers are made of.
    private final class Subscription: Sendable {
        private let join: JSON
        private let configuration: PeerConnectionConfiguration
        /// What the room gave us with our own place in it; some rooms ask for it.
        let privateID = Mutex<Int64?>(nil)

        init(join: JSON, configuration: PeerConnectionConfiguration) {
            self.join = join
            self.configuration = configuration
        }

        func subscriber(
            _ connection: JanusConnection, _ handle: Int64, _ inbox: JanusInbox
        ) throws -> JanusSubscriber {
            try JanusSubscriber(
                connection, handle: handle, join: joining, configuration, inbox.listener(to: handle))
        }

        private func joining() -> JSON {
            var body = join
            body.set("private_id", privateID.withLock { $0 }.map { .integer($0) })
            return body
        }
    }

    /// Receives what there is to receive.
    private func subscribe() {
        subscribing.start { [self] in
            do { try await follow(state.withLock { $0.people.feeds }) } catch is CancellationError {} catch {
                if !state.withLock({ $0.isClosed }) { lost("the room's tracks cannot be received: \(error)") }
            }
        }
    }

    private func follow(_ feeds: JanusSubscriber.Feeds) async throws {
        let (subscriber, isClosed) = state.withLock { ($0.next ?? $0.subscriber, $0.isClosed) }
        guard !isClosed else { return }
        // A guess may be under way, or a kept subscriber's start, that the server refuses.
        await subscriber.settle()
        if subscriber.canTake(feeds) || feeds.isEmpty { return try await subscriber.want(feeds) }
        let inbox = inbox
        let handle = try await connection.attach { inbox.receive($0, from: $1) }
        let next = try subscription.subscriber(connection, handle, inbox)
        let skipped = state.withLock { state -> JanusSubscriber? in
            if state.isClosed { return next }
            defer { state.next = next }
            return state.next
        }
        await skipped?.close()
        if skipped !== next { try await next.want(feeds) }
    }

    /// The next subscriber receives: the one before has done.
    private func replaceSubscriber() {
        let old = state.withLock { state -> JanusSubscriber? in
            guard let next = state.next.take() else { return nil }
            defer { state.subscriber = next }
            return state.subscriber
        }
        if let old { Task { await old.close() } }
    }

    private var subscriber: JanusSubscriber { state.withLock { $0.subscriber } }

    /// Hands the room's news and packets to a session; one that had them before has them no more.
    func begin(_ info: CallInfo, receive: @escaping @Sendable (TrackID, RTPPacket) -> Void) -> JanusSession {
        let session = state.withLock { state in
            var info = info
            let own = ParticipantInfo(sessionID: request.sessionID, user: request.user)
            info.participants = [own] + state.people.participants
            let session = JanusSession(self, info, receive)
            state.current = session
            return session
        }
        subscriber.requestKeyframesAfterParking()
        subscribe()
        return session
    }

    /// New paths where the old ones are gone.
    func takeUp() async throws {
        async let sending: Void = publisher.peer.statistics.isAlive ? () : publisher.restartICE()
        let subscriber = subscriber
        async let receiving: Void = subscriber.peer.statistics.isAlive ? () : subscriber.restartICE()
        _ = try await (sending, receiving)
    }

    // MARK: The session's side

    func publish(_ track: TrackInfo) async throws {
        let before = display.withLock { $0.muted }
        try await publisher.publish(track)
        if track.isMuted || before.contains(track.id.kind) { try await setMuted(track.isMuted, track.id.kind) }
    }

    func setMuted(_ isMuted: Bool, _ kind: TrackKind) async throws {
        let name = display.withLock { display in
            if isMuted { display.muted.insert(kind) } else { display.muted.remove(kind) }
            return display
        }
        try await publisher.setMuted(isMuted, kind, display: name)
    }

    func unpublish(_ kind: TrackKind) async throws { try await publisher.unpublish(kind) }

    /// Any thread.
    func send(_ packet: RTPPacket, _ kind: TrackKind) {
        if let mid = publisher.mid(kind) { publisher.peer.send(packet, mid: mid) }
    }

    /// Any thread.
    func requestKeyframe(of track: TrackID) {
        if let mid = subscriber.mid(of: track) { subscriber.peer.requestKeyframe(mid: mid) }
    }

    var statistics: TransportStatistics {
        var statistics = TransportStatistics()
        statistics.add(publisher.peer.statistics, sent: publisher.kinds)
        statistics.add(subscriber.statistics, received: subscriber.tracks)
        return statistics
    }

    /// Returns when the server has told the others.
    func leave() async throws {
        do { _ = try await connection.ask(publisher.handle, ["request": "leave"]) } catch let failure as JanusFailure {
            throw failure.serviceError("leave \(request.call)")
        }
    }

    /// Closes the room if this session is the one it belongs to.
    /// - `keeps`: whether what receives may stay connected for the next session.
    func close(_ session: JanusSession, keeps: Bool) async {
        let feeds = state.withLock { state -> JanusSubscriber.Feeds? in
            guard state.current === session, !state.isClosed else { return nil }
            state.isClosed = true
            state.current = nil
            return state.people.feeds
        }
        guard let feeds else { return }
        onClose(feeds, await closeHandles(keeps: keeps && request.keepsTransport))
    }

    @discardableResult
    private func closeHandles(keeps: Bool = false) async -> JanusParked? {
        let (subscriber, next) = state.withLock { ($0.subscriber, $0.next.take()) }
        async let first: Void = publisher.close()
        async let second = closeOrPark(subscriber, parks: keeps && next == nil)
        async let third: Void? = next?.close()
        return await (first, second, third).1
    }

    private func closeOrPark(_ subscriber: JanusSubscriber, parks: Bool) async -> JanusParked? {
        if parks { return await JanusParked.park(subscriber, after: request) }
        await subscriber.close()
        return nil
    }

    /// Closes the room, whoever it belongs to: another session takes its place.
    func close() async {
        if let session = state.withLock({ $0.current }) { await close(session, keeps: false) }
    }

    // MARK: The server's side

    private func apply(_ event: VideoRoomEvent) {
        let (session, events) = state.withLock { state in (state.current, state.people.apply(event)) }
        for event in events { session?.deliver(event) }
        if session != nil, !events.isEmpty { subscribe() }
    }

    private var current: JanusSession? { state.withLock { $0.current } }

    private func subscriber(_ handle: Int64) -> JanusSubscriber? {
        state.withLock { state in [state.subscriber, state.next].lazy.compactMap { $0 }.first { $0.handle == handle } }
    }

    /// On the service thread.
    func receive(_ content: JanusMessage.Content, from handle: Int64) {
        switch content {
        case .plugin(let event, let description):
            guard handle == publisher.handle else { subscriber(handle)?.receive(event, description); return }
            switch event {
            case .leaving(nil, let reason?): current?.deliver(.ended(reason: "removed from the room: \(reason)"))
            case .destroyed: current?.deliver(.ended(reason: "the call was ended"))
            default: apply(event)
            }
        case .candidate(let line): add(line, handle)
        case .endOfCandidates: add("", handle)
        case .slowLink(let isUplink, let lost): current?.deliver(.slowLink(isUplink: isUplink, lostPackets: lost))
        case .detached: if handle == publisher.handle { lost("the server has let the handle go") }
        default: break
        }
    }

    private func add(_ candidate: String, _ handle: Int64) {
        if handle == publisher.handle {
            publisher.add(candidate: candidate)
        } else {
            subscriber(handle)?.add(candidate: candidate)
        }
    }

    /// The transport or the signalling is gone.
    func lost(_ reason: String) { current?.lose(reason) }

    /// On the loop's thread.
    func receive(_ event: PeerConnectionEvent, from handle: Int64) {
        let isPublisher = handle == publisher.handle
        switch event {
        case .state(.failed(let error)): lost("\(error)")
        case .state(.disconnected): lost("no packets come from the server")
        case .state(.connected): if state.withLock({ $0.next?.handle == handle }) { replaceSubscriber() }
        case .keyframeRequested(let mid):
            if let kind = publisher.kinds[mid] { current?.deliver(.keyframeRequested(kind)) }
        case .estimate(let estimate) where isPublisher:
            current?.deliver(
                .uplinkEstimate(
                    UplinkEstimate(
                        bitsPerSecond: estimate.bitsPerSecond, loss: estimate.lossFraction,
                        roundTrip: estimate.roundTrip)))
        default: break
        }
    }

    /// On the loop's thread.
    func receive(_ track: TrackID, _ packet: RTPPacket, from handle: Int64) {
        let session = state.withLock { $0.subscriber.handle == handle ? $0.current : nil }
        session?.receive(track, packet)
    }
}

extension PeerConnectionStatistics {
    /// Whether there is nothing to mend.
    fileprivate var isAlive: Bool {
        switch state {
        case .new, .connected: true
        default: false
        }
    }
}

/// What is told before there is a room to tell it to.
private final class JanusInbox: Sendable {
    private struct State {
        weak var room: JanusRoom?
        var waiting: [(JanusMessage.Content, Int64)]? = []
    }

    private let state = Mutex(State())

    func open(_ room: JanusRoom) {
        while true {
            let waiting = state.withLock { state in
                let waiting = state.waiting ?? []
                state.waiting = waiting.isEmpty ? nil : []
                if waiting.isEmpty { state.room = room }
                return waiting
            }
            if waiting.isEmpty { return }
            for (content, handle) in waiting { room.receive(content, from: handle) }
        }
    }

    private var room: JanusRoom? { state.withLock { $0.room } }

    func receive(_ content: JanusMessage.Content, from handle: Int64) {
        let room = state.withLock { state in
            state.waiting?.append((content, handle))
            return state.room
        }
        room?.receive(content, from: handle)
    }

    func receive(_ event: PeerConnectionEvent, from handle: Int64) { room?.receive(event, from: handle) }
    func receive(_ track: TrackID, _ packet: RTPPacket, from handle: Int64) {
        room?.receive(track, packet, from: handle)
    }
    func failed(_ reason: String) { room?.lost(reason) }

    func listener(to handle: Int64) -> JanusSubscriber.Listener {
        JanusSubscriber.Listener {
            self.receive($0, from: $1)
        } onEvent: {
            self.receive($0, from: handle)
        } onPacket: {
            self.receive($0, $1, from: handle)
        } onFailure: {
            self.failed($0)
        }
    }
}
