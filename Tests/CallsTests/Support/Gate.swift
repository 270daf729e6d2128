import Media

/// Where a script holds somebody up until the test lets them pass.
final class Gate: Sendable {
    private let opened = Completion()
    private let arrival = Completion()

    func open() { opened.complete() }

    /// Returns when somebody stands at the gate.
    func waitForArrival() async { await arrival.wait() }

    func pass(isCancellable: Bool) async {
        arrival.complete()
        guard isCancellable else { return await opened.wait() }
        let passed = Completion()
        let opened = opened
        Task {
            await opened.wait()
            passed.complete()
        }
        await withTaskCancellationHandler {
            await passed.wait()
        } onCancel: {
            passed.complete()
        }
    }
}
