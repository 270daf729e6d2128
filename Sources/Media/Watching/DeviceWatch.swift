import Synchronization

/// Tells what happens to the devices of a machine.
public protocol DeviceWatch: Sendable {
    /// What happens from now on, until the stream is given up: ended by its task's cancellation or by its last
    /// reference. Nothing runs where nobody listens.
    func signals() -> AsyncStream<DeviceSignal>

    /// How many listen.
    var listeners: Int { get }
}

/// Of a machine whose devices never change.
public struct NoDeviceWatch: DeviceWatch {
    public init() {}
    public func signals() -> AsyncStream<DeviceSignal> { AsyncStream { $0.finish() } }
    public var listeners: Int { 0 }
}

/// Hands signals to any number of listeners.
package final class SignalHub: Sendable {
    private struct State {
        var listeners: [Int: AsyncStream<DeviceSignal>.Continuation] = [:]
        var next = 0
    }

    private let state = Mutex(State())
    /// Called, outside the lock, when the first listener has come and when the last has gone.
    private let onUse: @Sendable (_ isUsed: Bool) -> Void

    package init(onUse: @escaping @Sendable (_ isUsed: Bool) -> Void = { _ in }) { self.onUse = onUse }

    package var listeners: Int { state.withLock { $0.listeners.count } }

    package func signals() -> AsyncStream<DeviceSignal> {
        // A listener that sleeps misses the oldest of a thousand: it looks at what is there, not at what was.
        let (stream, continuation) = AsyncStream.makeStream(
            of: DeviceSignal.self, bufferingPolicy: .bufferingNewest(1000))
        let (key, isFirst) = state.withLock { state in
            state.next += 1
            state.listeners[state.next] = continuation
            return (state.next, state.listeners.count == 1)
        }
        continuation.onTermination = { [weak self] _ in self?.remove(key) }
        if isFirst { onUse(true) }
        return stream
    }

    package func tell(_ signals: [DeviceSignal]) {
        for listener in state.withLock({ Array($0.listeners.values) }) {
            for signal in signals { listener.yield(signal) }
        }
    }

    private func remove(_ key: Int) {
        let isLast = state.withLock { state in
            state.listeners.removeValue(forKey: key) != nil && state.listeners.isEmpty
        }
        if isLast { onUse(false) }
    }
}
