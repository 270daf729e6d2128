import Synchronization

/// A manager's way to its call: unowned, set once the call exists.
final class CallLink: Sendable {
    private struct Reference { weak var call: Call? }

    private let reference = Mutex(Reference())

    var call: Call {
        guard let call = optional else {
            preconditionFailure("a media manager was used after its Call was released; keep the Call")
        }
        return call
    }

    /// The call, nil where it is gone: for device threads that may outlast it by a moment.
    var optional: Call? { reference.withLock { $0.call } }

    func attach(_ call: Call) { reference.withLock { $0.call = call } }
}
