import Media
import Scopes
import Synchronization

/// A camera that runs smaller than it can because its bus is full: told once, and tried at the wanted size again when there
/// may be room.
extension DeviceControl {
    /// Under the gate: a device was started, and delivers.
    func lookForRoom(_ session: CallLifecycle.Session) {
        let reduction = driver.reduction(in: session.media)
        let now = now
        let wasReduced = state.withLock { state in
            defer { state.room.started(isReduced: reduction != nil, now: now) }
            return state.room.isReduced
        }
        guard wasReduced != (reduction != nil), let call = link.optional else { return }
        call.trace("\(driver.name).\(reduction == nil ? "regained" : "reduced")", reduction ?? "")
        guard let reduction else { return }
        call.report(
            .device, "\(driver.name): its bus has no room for what is wanted: \(reduction)",
            advice: "Plug it into a port of another USB controller, or unplug what else is on the bus.")
    }

    /// A device of the machine went or was closed: there may be room.
    func hearOfRoom(_ signal: DeviceSignal, in session: CallLifecycle.Session) {
        let now = now
        let epoch = state.withLock { state in state.room.hear(signal, now: now) ? state.epoch : nil }
        if let epoch { retryLater(epoch, session) }
    }

    /// The run to open anew at the wanted size; nil where that is not due.
    var regaining: Int? {
        let now = now
        return state.withLock { state in state.room.isDue(now: now) ? state.running?.token : nil }
    }
}
