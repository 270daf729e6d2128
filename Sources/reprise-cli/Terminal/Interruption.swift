import Dispatch
import Glibc

/// Does work that a person can end at any time: Ctrl-C, SIGTERM and a closed terminal cancel its task, so that it can
/// leave its call. A second Ctrl-C ends the process at once.
/// - Returns: what the work returns once it has seen the cancellation and cleaned up.
func interruptible<Result: Sendable>(
    _ work: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    let task = Task { try await work() }
    let isSecond = OneShot()
    let sources = [SIGINT, SIGTERM, SIGHUP].map { number in
        // The default action would end the process before the source tells.
        ignoreSignal(number)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler {
            if isSecond.raise() {
                LiveLine.restoreTerminal()
                _exit(128 + number)
            }
            task.cancel()
        }
        source.activate()
        return source
    }
    defer { for source in sources { source.cancel() } }
    return try await task.value
}

func ignoreSignal(_ number: Int32) { _ = signal(number, SIG_IGN) }
