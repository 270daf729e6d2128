import Synchronization

/// Something that happens once.
final class OneShot: Sendable {
    private let raised = Atomic<Bool>(false)

    var isRaised: Bool { raised.load(ordering: .acquiring) }

    /// Returns whether it was raised already.
    @discardableResult
    func raise() -> Bool { raised.exchange(true, ordering: .acquiringAndReleasing) }
}
