internal import WebRTC
import Synchronization

/// A subscriber that stays connected after its session, paused, until the next session in the room takes it or its time
/// is over. What the server or the path says of it meanwhile ends it: somebody is gone whom it received, or it was hung up.
final class JanusParked: Sendable {
    private struct State {
        /// Until it is taken or closed.
        var subscriber: JanusSubscriber?
        /// Whether its end was told before there was anybody to tell.
        var isOver = false
        var onEnd: (@Sendable () -> Void)?
        var expiry: Task<Void, Never>?
    }

    let call: CallID
    private let user: User
    private let state = Mutex(State())

    private init(after request: JoinRequest) {
        call = request.call
        user = request.user
    }

    /// Parks what received in a session that is over.
    /// - Returns: nil where it cannot be kept; then it is closed.
    static func park(_ subscriber: JanusSubscriber, after request: JoinRequest) async -> JanusParked? {
        let parked = JanusParked(after: request)
        guard await subscriber.park(parked.listener) else { return nil }
        parked.state.withLock { $0.subscriber = subscriber }
        return parked
    }

    private var listener: JanusSubscriber.Listener {
        JanusSubscriber.Listener { [weak self] content, _ in
            switch content {
            case .plugin(.updated, _), .plugin(.attached, _), .hangup, .detached: self?.end()
            default: break
            }
        } onEvent: { [weak self] event in
            if case .state(let state) = event, state != .connected { self?.end() }
        } onPacket: { _, _ in
        } onFailure: { [weak self] _ in
            self?.end()
        }
    }

    private func end() {
        let onEnd = state.withLock { state in
            state.isOver = true
            return state.onEnd
        }
        onEnd?()
    }

    /// Has it end by itself when its time is over.
    /// - `onEnd`: called where it cannot be kept any longer.
    func keep(_ time: Duration, _ clock: any Clock<Duration>, onEnd: @escaping @Sendable () -> Void) {
        let isOver = state.withLock { state in
            guard state.subscriber != nil else { return false }
            state.onEnd = onEnd
            state.expiry = Task { if (try? await clock.sleep(for: time)) != nil { onEnd() } }
            return state.isOver
        }
        if isOver { onEnd() }
    }

    /// - Returns: nil where it is not for this join, or can receive no more; then it is closed.
    func take(for request: JoinRequest) -> JanusSubscriber? {
        let isWanted = request.keepsTransport && request.kind == .join && request.call == call && request.user == user
        guard let (subscriber, isOver) = release() else { return nil }
        if isWanted, !isOver, subscriber.peer.statistics.state == .connected { return subscriber }
        Task { await subscriber.close() }
        return nil
    }

    /// Closes it, unless it was taken. Does not wait; the task returned does.
    @discardableResult
    func close() -> Task<Void, Never>? {
        guard let (subscriber, _) = release() else { return nil }
        return Task { await subscriber.close() }
    }

    private func release() -> (JanusSubscriber, isOver: Bool)? {
        let (subscriber, isOver, expiry) = state.withLock { state in
            state.onEnd = nil
            return (state.subscriber.take(), state.isOver, state.expiry.take())
        }
        expiry?.cancel()
        return subscriber.map { ($0, isOver) }
    }
}
