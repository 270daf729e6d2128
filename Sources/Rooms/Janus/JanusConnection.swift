internal import NIOCore
import Synchronization

/// A session on a Janus server with the WebSocket that carries it. All handles of a service share one.
///
/// When the WebSocket breaks, the session lives on at the server for a while: ``open()`` takes it up over a new one
/// (`claim`), its handles as they were.
final class JanusConnection: Sendable {
    private struct State {
        var socket: WebSocket?
        /// Which socket: what an earlier one still tells is not heard.
        var epoch = 0
        var session: Int64?
        var pending: [String: CheckedContinuation<JanusMessage.Content, any Error>] = [:]
        /// Handles for a join to come.
        var spare: [Task<Int64, any Error>] = []
        var handlers: [Int64: @Sendable (JanusMessage.Content, Int64) -> Void] = [:]
        var nextTransaction = 0
        var keepalive: Task<Void, Never>?

        /// With the session go its handles.
        mutating func forgetSession() {
            session = nil
            spare = []
        }
    }

    private let url: ServiceURL
    private let options: JanusOptions
    private let clock: any Clock<Duration>
    /// Called when the WebSocket breaks, or the server forgets the session.
    private let onLost: @Sendable (String) -> Void
    private let state = Mutex(State())
    private let opening = AsyncLock()

    // A third of the server's default session_timeout of 60 s.
    private static let keepaliveInterval = Duration.seconds(20)
    /// What a join takes: a publisher's and a subscriber's.
    private static let spares = 2
    /// What an answer may take that proves a connection alive.
    private static let proofLimit = Duration.milliseconds(1500)
    /// What the answer to a farewell may take: whoever leaves does not wait for a server that is gone.
    static let farewellLimit = Duration.milliseconds(300)

    init(
        _ url: ServiceURL, _ options: JanusOptions, clock: any Clock<Duration>,
        onLost: @escaping @Sendable (String) -> Void
    ) {
        self.url = url
        self.options = options
        self.clock = clock
        self.onLost = onLost
    }

    var isOpen: Bool { state.withLock { $0.socket != nil && $0.session != nil } }

    /// Opens what is not open: the WebSocket, the session.
    /// - Throws: ``JanusFailure`` of code 458 where the server has forgotten the session; the next call makes a new one.
    func open() async throws {
        if isOpen { return }
        try await opening.run { try await self.openAgain() }
    }

    /// Opens what is not open, and does not take the WebSocket's word for that: where the machine's address has changed,
    /// TCP goes on for minutes without an answer.
    /// - Throws: as ``open()``.
    func openAnew() async throws {
        let epoch = state.withLock { $0.socket == nil ? nil : $0.epoch }
        if let epoch {
            do { _ = try await request("keepalive", acknowledged: true, limit: Self.proofLimit) } catch {
                try Task.checkCancellation()
                lost("no answer to a keepalive: \(error)", epoch)
            }
        }
        try await open()
    }

    private func openAgain() async throws {
        if isOpen { return }
        let epoch = state.withLock { state in
            state.epoch += 1
            return state.epoch
        }
        var socketOptions = WebSocketOptions()
        socketOptions.subprotocol = "janus-protocol"
        socketOptions.tls = options.tls
        socketOptions.connectTimeout = options.requestTimeout
        let socket = try await WebSocket.open(url, socketOptions) { [weak self] text in
            self?.receive(text, epoch)
        } onEnd: { [weak self] error in
            self?.lost(error.reason, epoch)
        }
        let claimed = state.withLock { state in
            state.socket = socket
            return state.session
        }
        do {
            if claimed != nil {
                _ = try await request("claim")
            } else {
                guard case .success(let id?) = try await request("create") else {
                    throw ServiceError(.refused, operation: "create a Janus session", reason: "no id in the answer")
                }
                state.withLock { $0.session = id }
            }
            keepAlive(epoch)
        } catch {
            forget(error)
            await socket.close()
            throw error
        }
    }

    /// The session is gone with the socket where the server does not know it.
    private func forget(_ error: any Error) {
        state.withLock { state in
            state.epoch += 1
            state.socket = nil
            if error is JanusFailure { state.forgetSession() }
        }
    }

    private func keepAlive(_ epoch: Int) {
        let task = Task { [weak self, clock] in
            while (try? await clock.sleep(for: Self.keepaliveInterval)) != nil {
                guard let self, self.state.withLock({ $0.epoch == epoch }) else { return }
                do { _ = try await self.request("keepalive", acknowledged: true) } catch {
                    self.lost("no answer to a keepalive: \(error)", epoch)
                }
            }
        }
        exchangeKeepalive(task)
    }

    /// Ends the keeper of before. Outside the lock: a request of its that waits takes the lock as it is cancelled.
    private func exchangeKeepalive(_ task: Task<Void, Never>?) {
        let old = state.withLock { state in
            defer { state.keepalive = task }
            return state.keepalive
        }
        old?.cancel()
    }

    /// Ends the session and closes the WebSocket.
    func close() async {
        if isOpen { await tell("destroy") }
        let socket = state.withLock { state in
            defer {
                state.epoch += 1
                state.socket = nil
                state.forgetSession()
                state.handlers = [:]
            }
            return state.socket
        }
        exchangeKeepalive(nil)
        failAll(ServiceError(.unreachable, operation: "Janus", reason: "the connection was closed"))
        await socket?.close()
    }

    // MARK: Requests

    /// Attaches a handle to the VideoRoom plugin.
    /// - `onEvent`: what the server says of it unasked, with the handle; on the service thread, in order.
    func attach(onEvent: @escaping @Sendable (JanusMessage.Content, Int64) -> Void) async throws -> Int64 {
        let id = try await newHandle()
        state.withLock { $0.handlers[id] = onEvent }
        return id
    }

    /// A handle that ``attachSpares()`` has asked for, or a new one. As ``attach(onEvent:)``.
    func takeHandle(onEvent: @escaping @Sendable (JanusMessage.Content, Int64) -> Void) async throws -> Int64 {
        guard let spare = state.withLock({ $0.spare.popLast() }) else { return try await attach(onEvent: onEvent) }
        let id = try? await withTaskCancellationHandler {
            try await spare.value
        } onCancel: {
            spare.cancel()
        }
        try Task.checkCancellation()
        guard let id else { return try await attach(onEvent: onEvent) }
        state.withLock { $0.handlers[id] = onEvent }
        return id
    }

    /// Has somebody else hear what the server says of a handle.
    func listen(to handle: Int64, onEvent: @escaping @Sendable (JanusMessage.Content, Int64) -> Void) {
        state.withLock { $0.handlers[handle] = onEvent }
    }

    /// Asks for handles for the next join, which then has a round trip less to wait for. Does not wait.
    func attachSpares() {
        state.withLock { state in
            guard state.session != nil else { return }
            while state.spare.count < Self.spares { state.spare.append(Task { try await self.newHandle() }) }
        }
    }

    private func newHandle() async throws -> Int64 {
        guard case .success(let id?) = try await request("attach", members: ["plugin": "janus.plugin.videoroom"]) else {
            throw ServiceError(.refused, operation: "attach to the VideoRoom", reason: "no id in the answer")
        }
        return id
    }

    /// Lets a handle go, also where the caller is cancelled.
    func detach(_ handle: Int64) async {
        state.withLock { $0.handlers[handle] = nil }
        await tell("detach", handle: handle)
    }

    /// Tells the server of an end, and returns when it has heard. The end of a WebSocket overtakes requests at the server:
    /// without waiting, a program that ends now would be answered by errors that nobody hears.
    private func tell(_ name: String, handle: Int64? = nil) async {
        await Task { _ = try? await request(name, handle: handle, limit: Self.farewellLimit) }.value
    }

    /// Asks the plugin.
    /// - `limit`: how long the answer may take; nil: ``JanusOptions/requestTimeout``.
    /// - Returns: its answer, not its acknowledgement.
    /// - Throws: ``JanusFailure``, the plugin's errors included.
    func ask(
        _ handle: Int64, _ body: JSON, jsep: JSON? = nil, limit: Duration? = nil
    ) async throws -> (VideoRoomEvent, JanusDescription?) {
        var members = ["body": body]
        members["jsep"] = jsep
        guard
            case .plugin(let event, let description) = try await request(
                "message", handle: handle, members: members, limit: limit)
        else { throw ServiceError(.refused, operation: "ask the VideoRoom", reason: "an answer of another kind") }
        if case .failure(let failure) = event { throw failure }
        return (event, description)
    }

    /// Tells the server a candidate of ours, or with nil that no more come. Any thread; does not wait.
    func trickle(_ handle: Int64, candidate: String?, mid: String) {
        let json: JSON = candidate.map { ["candidate": .string($0), "sdpMid": .string(mid)] } ?? ["completed": true]
        state.withLock { state in
            state.socket?.send(message("trickle", handle: handle, ["candidate": json], in: &state).text)
        }
    }

    private func request(
        _ name: String, handle: Int64? = nil, members: [String: JSON] = [:], acknowledged: Bool = false,
        limit: Duration? = nil
    ) async throws -> JanusMessage.Content {
        let transaction = state.withLock { state in
            state.nextTransaction += 1
            return (acknowledged ? "k" : "t") + "\(state.nextTransaction)"
        }
        // The service thread's timer: nothing of ours sleeps for it.
        let limit = TimeAmount.nanoseconds((limit ?? options.requestTimeout).wholeNanoseconds)
        let timeout = ServiceEventLoop.group.any().scheduleTask(in: limit) { [weak self] in
            self?.resume(
                transaction,
                .failure(ServiceError(.timedOut, operation: "Janus: \(name)", reason: "the server did not answer")))
        }
        defer { timeout.cancel() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isSent = state.withLock { state in
                    guard let socket = state.socket, !Task.isCancelled else { return false }
                    state.pending[transaction] = continuation
                    socket.send(message(name, handle: handle, members, transaction, in: &state).text)
                    return true
                }
                if !isSent {
                    continuation.resume(
                        throwing: Task.isCancelled
                            ? CancellationError()
                            : ServiceError(
                                .unreachable, operation: "Janus: \(name)", reason: "the connection is lost"))
                }
            }
        } onCancel: {
            resume(transaction, .failure(CancellationError()))
        }
    }

    private func message(
        _ name: String, handle: Int64? = nil, _ members: [String: JSON] = [:], _ transaction: String? = nil,
        in state: inout State
    ) -> JSON {
        var object = members
        object["janus"] = .string(name)
        object["session_id"] = state.session.map { .integer($0) }
        object["handle_id"] = handle.map { .integer($0) }
        object["token"] = options.token.map { .string($0) }
        object["apisecret"] = options.apiSecret.map { .string($0) }
        if transaction == nil { state.nextTransaction += 1 }
        object["transaction"] = .string(transaction ?? "n\(state.nextTransaction)")
        return .object(object)
    }

    // MARK: From the server, on the service thread

    private func receive(_ text: String, _ epoch: Int) {
        guard state.withLock({ $0.epoch == epoch }), let message = try? JanusMessage(parsing: text) else { return }
        if let transaction = message.transaction {
            switch message.content {
            case .ack:
                if transaction.hasPrefix("k") { resume(transaction, .success(.ack)) }
                return
            case .error(let failure):
                resume(transaction, .failure(failure))
                return
            default: if resume(transaction, .success(message.content)) { return }
            }
        }
        if case .timeout = message.content {
            state.withLock { $0.forgetSession() }
            lost("the server has forgotten the session", epoch)
        } else if let handle = message.handle, let handler = state.withLock({ $0.handlers[handle] }) {
            handler(message.content, handle)
        }
    }

    @discardableResult
    private func resume(_ transaction: String, _ result: Result<JanusMessage.Content, any Error>) -> Bool {
        guard let continuation = state.withLock({ $0.pending.removeValue(forKey: transaction) }) else { return false }
        continuation.resume(with: result)
        return true
    }

    private func lost(_ reason: String, _ epoch: Int) {
        let (isCurrent, socket) = state.withLock { state -> (Bool, WebSocket?) in
            guard state.epoch == epoch else { return (false, nil) }
            state.epoch += 1
            return (true, state.socket.take())
        }
        guard isCurrent else { return }
        exchangeKeepalive(nil)
        failAll(ServiceError(.unreachable, operation: "Janus", reason: reason))
        if let socket { Task { await socket.close() } }
        onLost("the server cannot be reached: \(reason)")
    }

    private func failAll(_ error: ServiceError) {
        let pending = state.withLock { state in
            defer { state.pending = [:] }
            return state.pending.values
        }
        for continuation in pending { continuation.resume(throwing: error) }
    }
}
