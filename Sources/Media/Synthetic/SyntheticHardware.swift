import Synchronization

/// The hardware side of a synthetic device: its handle, what happened to it, and the faults a test gives it.
///
/// - Thread: any. A fault set on a running device takes effect at once: on the device's thread, or inside the call
///   where its clock is a test's.
public final class SyntheticHardware: Sendable {
    private struct State {
        var isPresent = true
        var isOpen = false
        var isRunning = false
        var opens = 0
        var closes = 0
        var starts = 0
        var failures: [DeviceError.Code] = []
        var startGate: SyntheticGate?
        var stopGate: SyntheticGate?
        var driver: SyntheticDriver?
        var onPresence: [@Sendable (Bool) -> Void] = []
    }

    public let id: DeviceID
    let timing: SyntheticTiming
    private let state = Mutex(State())
    private let turns = SerialGate()
    /// Read by the stream at every period.
    let isStalled = Atomic<Bool>(false)
    private let unplugs = Atomic<Int>(0)

    init(id: DeviceID, timing: SyntheticTiming) {
        self.id = id
        self.timing = timing
    }

    // MARK: What happened

    /// Whether the device is plugged in: listed, and can be started.
    public var isPresent: Bool { state.withLock { $0.isPresent } }
    /// Whether its handle is taken: it runs or is warm.
    public var isOpen: Bool { state.withLock { $0.isOpen } }
    public var isRunning: Bool { state.withLock { $0.isRunning } }
    /// How often the handle was taken.
    public var opens: Int { state.withLock { $0.opens } }
    /// How often it was given back; equals ``opens`` when closed.
    public var closes: Int { state.withLock { $0.closes } }
    /// How often a start succeeded.
    public var starts: Int { state.withLock { $0.starts } }

    // MARK: Faults

    /// Lets the next starts fail.
    public func failNextStarts(_ count: Int = 1, with code: DeviceError.Code) {
        state.withLock { $0.failures += Array(repeating: code, count: count) }
    }

    /// Starts from now on wait at this gate (and obey cancellation there), until it opens; nil takes it away.
    public func holdStarts(at gate: SyntheticGate?) { state.withLock { $0.startGate = gate } }

    /// Stops from now on wait at this gate, with the stream over and the handle still taken; nil takes it away.
    public func holdStops(at gate: SyntheticGate?) { state.withLock { $0.stopGate = gate } }

    /// Takes the device away: it leaves the list, and a running stream ends with `.disconnected`.
    public func unplug() {
        let (driver, observers) = state.withLock { state in
            let observers = state.isPresent ? state.onPresence : []
            state.isPresent = false
            // A handle of a device that is gone is good for nothing; a stream's is closed when the stream ends.
            if !state.isRunning { close(&state) }
            return (state.driver, observers)
        }
        unplugs.wrappingAdd(1, ordering: .releasing)
        driver?.interrupt()
        for observer in observers { observer(false) }
    }

    /// Brings it back.
    public func plugIn() {
        let observers = state.withLock { state in
            defer { state.isPresent = true }
            return state.isPresent ? [] : state.onPresence
        }
        for observer in observers { observer(true) }
    }

    /// Lets the device deliver and take nothing, while its stream goes on.
    public func stall() { isStalled.store(true, ordering: .releasing) }

    /// Ends a ``stall()``.
    public func resume() { isStalled.store(false, ordering: .releasing) }

    // MARK: For the devices

    /// Has `observer` told of every plugging and unplugging from now on.
    func onPresence(_ observer: @escaping @Sendable (Bool) -> Void) {
        state.withLock { $0.onPresence.append(observer) }
    }

    /// Whether the device was unplugged since `connection` was read, even where it is back by now.
    func isUnplugged(since connection: Int) -> Bool { unplugs.load(ordering: .acquiring) != connection }

    /// Starts a stream, after those calls that came before.
    /// - `makeStream`: told the connection that the stream lives by; gives it and the time of its first period.
    func start(
        name: String, priority: Int?,
        makeStream: (_ connection: Int) -> (stream: any SyntheticStream, firstDue: MonotonicInstant)
    ) async throws(DeviceError) -> (reused: Bool, grant: RealTimeGrant) {
        await turns.enter()
        defer { turns.leave() }
        await halt()
        do throws(DeviceError) {
            // Read before the presence is: an unplugging in between ends the stream.
            let connection = unplugs.load(ordering: .acquiring)
            let reused = try await open()
            let (stream, firstDue) = makeStream(connection)
            state.withLock { state in
                state.isRunning = true
                state.starts += 1
            }
            let driver = await SyntheticDriver(
                stream, firstDue: firstDue, timing: timing, name: name, priority: priority)
            state.withLock { $0.driver = driver }
            // Unplugged while there was no driver to tell.
            if isUnplugged(since: connection) { driver.interrupt() }
            return (reused, driver.grant)
        } catch {
            state.withLock { close(&$0) }
            throw error
        }
    }

    /// Takes the handle without starting a stream, after those calls that came before.
    func prepare() async throws(DeviceError) {
        await turns.enter()
        defer { turns.leave() }
        guard !state.withLock({ $0.isRunning }) else { return }
        _ = try await open()
    }

    /// Stops the stream, after those calls that came before.
    func stop(_ standby: StandbyPolicy) async {
        await turns.enter()
        defer { turns.leave() }
        await halt()
        if let gate = state.withLock({ $0.stopGate }) { await gate.pass(isCancellable: false) }
        if standby == .release { state.withLock { close(&$0) } }
    }

    /// A stream tells that it saw the unplugging: the device is closed before the event says so.
    func ended() {
        state.withLock { state in
            state.isRunning = false
            close(&state)
        }
    }

    func error(_ code: DeviceError.Code, _ operation: String, _ reason: String) -> DeviceError {
        DeviceError(code, operation: "\(operation)(\(id))", device: id.rawValue, reason: reason)
    }

    private func open() async throws(DeviceError) -> Bool {
        if let gate = state.withLock({ $0.startGate }) { await gate.pass(isCancellable: true) }
        if Task.isCancelled { throw error(.cancelled, "start", "The start was cancelled") }
        let result = state.withLock { state -> Result<Bool, DeviceError> in
            if !state.failures.isEmpty {
                return .failure(error(state.failures.removeFirst(), "start", "A fault given by the test"))
            }
            guard state.isPresent else { return .failure(error(.noDevice, "open", "No such device")) }
            let reused = state.isOpen
            if !reused {
                state.isOpen = true
                state.opens += 1
            }
            return .success(reused)
        }
        return try result.get()
    }

    private func halt() async {
        let driver = state.withLock { $0.driver.take() }
        await driver?.stop()
        state.withLock { $0.isRunning = false }
    }

    private func close(_ state: inout State) {
        guard state.isOpen else { return }
        state.isOpen = false
        state.closes += 1
    }
}
