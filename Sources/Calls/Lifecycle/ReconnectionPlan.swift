import Rooms

/// What a lost session tries next, and when: events in, actions out; no clock, nothing is done here.
///
/// Fast attempts come first: the same session over a new path keeps its ids and all that others have of it. A rejoin
/// comes where the service has forgotten the session, where fast attempts were answered and failed, and where one
/// succeeded and the connection was lost again at once.
///
///     attempting ──failed──▶ waiting ──over, or the network changed──▶ attempting ──succeeded──▶ over
///         └──forgotten: at once as a rejoin──▶ attempting                  limit, refused for good ──▶ given up
struct ReconnectionPlan {
    /// Why an attempt failed.
    enum Failure: Sendable, Hashable {
        /// The service does not know the session any more.
        case forgotten
        /// Nobody answers: as good a reason to try the same again as any.
        case unreachable
        /// It came to no end in its time.
        case timedOut
        /// It was answered, and did not work.
        case other
        /// The service will not have this user in this call, however often it is asked.
        case refused
    }

    enum Event: Sendable, Hashable {
        /// - `step`: of the attempt.
        case failed(Failure, step: Int)
        /// The path that the attempt of the moment brought was lost before the session was whole again.
        case lostAgain
        /// - `step`: of the wait.
        case waitOver(step: Int)
        /// There is reason to believe that an attempt works now.
        case networkChanged
        /// The time for all attempts together is up.
        case expired
    }

    enum Action: Sendable, Hashable {
        case attempt(JoinRequest.Kind, step: Int)
        case wait(Duration, step: Int)
        case giveUp
        case nothing
    }

    /// Fast attempts that may fail with an answer before a rejoin is tried.
    private static let fastAttempts = 2
    private static let firstWait = Duration.milliseconds(250)
    private static let longestWait = Duration.seconds(4)

    private(set) var kind: JoinRequest.Kind
    private(set) var step = 0
    private var isWaiting = false
    private var isOver = false
    private var failedFast = 0
    private var wait = Self.firstWait

    /// - `hasRelapsed`: whether the last fast reconnection did not hold.
    init(hasRelapsed: Bool = false) { kind = hasRelapsed ? .rejoin : .fastReconnect }

    mutating func begin() -> Action { attempt() }

    /// - Returns: what to do. Events of steps that are over are answered with nothing.
    mutating func handle(_ event: Event) -> Action {
        guard !isOver else { return .nothing }
        switch event {
        case .failed(let failure, let step):
            guard step == self.step, !isWaiting else { return .nothing }
            return failed(failure)
        case .lostAgain: return isWaiting ? .nothing : failed(.other)
        case .waitOver(let step): return step == self.step && isWaiting ? attempt() : .nothing
        case .networkChanged:
            guard isWaiting else { return .nothing }
            wait = Self.firstWait
            return attempt()
        case .expired: return giveUp()
        }
    }

    private mutating func attempt() -> Action {
        step += 1
        isWaiting = false
        return .attempt(kind, step: step)
    }

    private mutating func failed(_ failure: Failure) -> Action {
        switch failure {
        case .refused: return giveUp()
        case .forgotten where kind == .fastReconnect:
            kind = .rejoin
            return attempt()
        case .timedOut, .other:
            failedFast += 1
            if failedFast >= Self.fastAttempts { kind = .rejoin }
        case .forgotten, .unreachable: break
        }
        step += 1
        isWaiting = true
        defer { wait = min(wait * 2, Self.longestWait) }
        return .wait(wait, step: step)
    }

    private mutating func giveUp() -> Action {
        isOver = true
        return .giveUp
    }
}

extension ReconnectionPlan.Failure {
    /// What an attempt's error says of the next one.
    init(_ error: any Error) {
        switch (error as? ServiceError)?.code {
        case .sessionLost?, .sessionEnded?: self = .forgotten
        case .unreachable?: self = .unreachable
        case .notPermitted?, .callEnded?: self = .refused
        default: self = .other
        }
    }
}
