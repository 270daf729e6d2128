import Media
public import Rooms
public import Scopes
import Synchronization

/// A call that can be joined, left and joined again on this same object, without end.
///
/// ```swift
/// let call = client.call(type: "default", id: "kitchen")
/// try await call.join()
/// try await call.microphone.disable()
/// await call.leave()
/// try await call.join()   // the devices start again
/// ```
///
/// Two lifetimes (see the article on scopes and rejoining): ``stateScope`` lives as long as the call, and ``scope`` from
/// a join to the next leave. Joins and leaves are ordered by one lock; ``join()`` says what meets what.
/// A call that is joined lives until it is left, also where nobody holds it any more.
/// - Thread: everything may be called from any task.
public final class Call: Sendable {
    public let id: CallID
    /// This machine's user in the call.
    public let user: User
    /// What can be watched.
    public let state: CallState
    /// The devices.
    public let media: CallMedia
    public let configuration: CallConfiguration
    /// What keeps the state true, joined or not. Never cancelled by a leave.
    public let stateScope: Scope

    let service: any CallService
    let devices: DeviceSystem
    let sessions: ReusableScope
    let lifecycle = Mutex(CallLifecycle())
    let tracer: Tracer
    let video = VideoOutlets()
    let sound = SoundOutlets()
    private let watching = Mutex(false)

    init(
        id: CallID, user: User, service: any CallService, devices: DeviceSystem, configuration: CallConfiguration
    ) {
        self.id = id
        self.user = user
        self.service = service
        self.devices = devices
        self.configuration = configuration
        let state = CallState(
            sessionID: SessionID(configuration.makeID()), unifiedSessionID: SessionID(configuration.makeID()))
        self.state = state
        let name = id.description
        let report: @Sendable (ScopeFailure) -> Void = { failure in
            state.report(CallError(.workFailed, call: name, reason: "\(failure.child): \(failure.error)"))
        }
        stateScope = Scope("state of \(id)", onFailure: report)
        sessions = ReusableScope("session of \(id)", onFailure: report)
        tracer = Tracer(call: id, now: configuration.now)
        let link = CallLink()
        media = CallMedia(link: link)
        link.attach(self)
    }

    public var microphone: MicrophoneManager { media.microphone }
    public var speaker: SpeakerManager { media.speaker }
    public var camera: CameraManager { media.camera }
    public var screenShare: ScreenShareManager { media.screenShare }

    /// The scope of the session that is on: from a join to the next leave, which cancels it and waits for what runs in
    /// it. Nil in between. A handle kept from an old session refuses work.
    public var scope: ScopeHandle? { lifecycle.withLock { $0.cleanup == nil ? $0.session?.scope : nil } }

    /// The number of the session that is on, or of the last one: 1 for the first join.
    public var generation: Int { lifecycle.withLock { $0.generation } }

    /// The session whose join has succeeded and that nobody has left.
    var activeSession: CallLifecycle.Session? {
        lifecycle.withLock { $0.cleanup == nil && $0.session?.transport != nil ? $0.session : nil }
    }

    /// What the session that is on has come to so far; nil when not joined.
    public var statistics: CallStatistics? { activeSession.map { statistics(of: $0) } }

    /// What a session has come to, its devices included.
    func statistics(of session: CallLifecycle.Session) -> CallStatistics {
        var statistics = session.media.statistics
        statistics.recoveries = media.recoveries
        return statistics
    }

    func trace(_ name: String, _ detail: String) { tracer.record(name, detail) }

    func report(_ code: CallError.Code, _ reason: String, advice: String? = nil) {
        state.report(CallError(code, call: id.description, reason: reason, advice: advice))
    }

    /// A device of the session failed: everybody who watches the call's errors sees it.
    func deviceFailed(_ manager: String, _ error: DeviceError) {
        trace("\(manager).failed", error.description)
        var reason = error
        reason.advice = nil
        report(.device, "\(manager): \(reason)", advice: error.advice)
    }

    /// Begins following what the service tells of the call, for as long as the call lives. Once.
    func watchOnce() {
        let isFirst = watching.withLock { watching in
            defer { watching = true }
            return !watching
        }
        guard isFirst else { return }
        let events = service.events(of: id)
        // The stream and the state only: an event never reaches the devices, nor joins or leaves.
        _ = try? stateScope.launch("events") { [state] in
            for await event in events { state.apply(event) }
        }
    }
}
