import CLinux
import Glibc
public import Media
import Synchronization

/// Watches the devices of this machine: by udev where it runs, by the kernel's own messages and the folders of /dev where
/// it does not (containers), by what other sources give (the cards' controls), by the sockets of sound servers, and by
/// the clock for a machine that slept.
///
/// One thread for all, which exists while somebody listens, and sleeps until something happens.
/// - Source: libudev(3), inotify(7), timerfd_create(2).
public final class MachineWatch: DeviceWatch {
    /// Makes a source on the watch's thread; nil where the machine has none such.
    package typealias MakeSource = @Sendable () -> (any WatchSource)?

    private let hub: SignalHub
    private let runner: WatchRunner

    /// - `others`: sources beside the machine's own.
    package init(dev: String = "/dev", others: [MakeSource] = []) {
        let makers: [MakeSource] =
            [{ UdevSource() }, { NodeSource(dev: dev) }, { ServerSource() }, { ClockSource() }] + others
        let runner = WatchRunner(makers)
        self.runner = runner
        hub = SignalHub { isUsed in runner.setUsed(isUsed) }
        runner.attach(hub)
    }

    deinit { runner.setUsed(false) }

    public func signals() -> AsyncStream<DeviceSignal> { hub.signals() }
    public var listeners: Int { hub.listeners }
}

/// Has a thread while it is used.
private final class WatchRunner: Sendable {
    private struct State {
        weak var hub: SignalHub?
        var stop: WatchStop?
    }

    private let makers: [MachineWatch.MakeSource]
    private let state = Mutex(State())

    init(_ makers: [MachineWatch.MakeSource]) { self.makers = makers }

    func attach(_ hub: SignalHub) { state.withLock { $0.hub = hub } }

    func setUsed(_ isUsed: Bool) {
        state.withLock { state in
            if isUsed {
                // Without a descriptor for it, as without its sources, this session sees nothing come or go.
                guard state.stop == nil, let hub = state.hub, let stop = try? WatchStop() else { return }
                state.stop = stop
                // The descriptors are open before the first listener has its stream: what happens next is told.
                let sources = WatchSources(makers.compactMap { $0() })
                let told = WeakHub(hub)
                _ = DeviceThread(name: "device-watch") { _ in
                    watch(sources, stop) { told.hub?.tell($0) }
                }
            } else {
                state.stop?.ask()
                state.stop = nil
            }
        }
    }
}

/// The end of one run of the thread.
private final class WatchStop: Sendable {
    let wakeup: Wakeup
    private let isAsked = Atomic(false)

    init() throws(DeviceError) { wakeup = try Wakeup(for: "watch", "devices") }

    var mustStop: Bool { isAsked.load(ordering: .acquiring) }

    func ask() {
        isAsked.store(true, ordering: .releasing)
        wakeup.signal()
    }
}

/// Made by who starts the thread, used by the thread alone.
private final class WatchSources: @unchecked Sendable {
    let all: [any WatchSource]
    init(_ all: [any WatchSource]) { self.all = all }
}

/// The thread does not keep the hub of a watch that is given up.
private final class WeakHub: Sendable {
    private struct Reference { weak var hub: SignalHub? }

    private let reference: Mutex<Reference>

    init(_ hub: SignalHub) { reference = Mutex(Reference(hub: hub)) }

    var hub: SignalHub? { reference.withLock { $0.hub } }
}

private func watch(_ sources: WatchSources, _ stop: WatchStop, tell: ([DeviceSignal]) -> Void) {
    defer { for source in sources.all { source.close() } }
    while !stop.mustStop {
        let groups = sources.all.map { source in
            source.descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        }
        var set = [pollfd(fd: stop.wakeup.descriptor, events: Int16(POLLIN), revents: 0)] + groups.joined()
        let ready = unsafe poll(&set, nfds_t(set.count), -1)
        if ready < 0, errno != EINTR {
            // No memory, or more descriptors than the process may have now: it is tried again in a second.
            _ = unsafe poll(&set, 1, 1_000)
        }
        guard ready > 0, !stop.mustStop else { continue }
        var place = 1
        for (index, group) in groups.enumerated() {
            defer { place += group.count }
            guard set[place..<place + group.count].contains(where: { $0.revents != 0 }) else { continue }
            let signals = sources.all[index].read()
            guard !signals.isEmpty else { continue }
            // First: a source that hears of a new card opens it, and that takes time.
            tell(signals)
            for (other, source) in sources.all.enumerated() where other != index { source.hear(signals) }
        }
    }
}
