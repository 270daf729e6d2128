import Scopes

/// Carries out a transcript's events, one after the other.
final class ScopeStage {
    private struct Child {
        let job: ScopeJob
        let isStubborn: Bool
        let part: Part
    }

    /// What a child is told.
    private final class Part: Sendable {
        enum Command { case end, fail }
        let command = StateFlow<Command?>(nil)
        let gate = Gate()
    }

    /// The log so far. What one event causes has no order of its own: it is sorted.
    private(set) var transcript: [String] = []
    private let log = Log()
    private let scope: ReusableScope
    private var children: [String: Child] = [:]
    private var handles: [String: ScopeHandle] = [:]

    init() {
        scope = ReusableScope("stage") { [log] failure in
            log.add("\(failure.child) failed in \(failure.generation): \(failure.error)")
        }
    }

    func perform(_ event: ScopeEvent) async {
        await cause(event)
        transcript += log.all[transcript.count...].sorted()
    }

    /// Ends what a transcript left running.
    func close() async {
        for child in children.values { child.part.gate.open() }
        await scope.cancelAndWait()
    }

    private func cause(_ event: ScopeEvent) async {
        switch event {
        case .launch(let name): await launch(name, isStubborn: false) { scope.launch(name, $0) }
        case .launchStubborn(let name): await launch(name, isStubborn: true) { scope.launch(name, $0) }
        case .keepHandle(let name): handles[name] = scope.renew()
        case .launchThrough(let handle, let name):
            guard let handle = handles[handle] else { preconditionFailure("a handle is kept before it is used") }
            await launch(name, isStubborn: false) { operation throws(ScopeError) in
                try handle.launch(name, operation)
            }
        case .letGo(let name): await tell(name, .end)
        case .fail(let name): await tell(name, .fail)
        case .cancelJob(let name):
            children[name]?.job.cancel()
            await children[name]?.job.wait()
        case .cancel:
            scope.cancel()
            await settle()
        case .cancelChildren:
            scope.cancelChildren()
            await settle()
        case .cancelAndWait: await scope.cancelAndWait()
        case .cancelChildrenAndWait: await scope.cancelChildrenAndWait()
        case .beginCancelAndWait:
            Task { [scope, log] in
                await scope.cancelAndWait()
                log.add("wait is over")
            }
            await settle()
        case .endOfWait: await log.wait(for: ["wait is over"])
        case .look:
            let current = scope.current == nil ? "no current" : "current"
            log.add("generation \(scope.generation), \(current), \(scope.childCount) children")
        }
    }

    private func launch(
        _ name: String, isStubborn: Bool,
        _ start: (@escaping @Sendable () async throws -> Void) throws(ScopeError) -> ScopeJob
    ) async {
        let part = Part()
        do throws(ScopeError) {
            let job = try start { [log, scope] in
                log.add("\(name) began in \(scope.generation)")
                for await command in part.command {
                    if command == .fail { throw ExpectedFailure() }
                    if command == .end { return log.add("\(name) ended") }
                }
                log.add("\(name) cancelled")
                if isStubborn {
                    await part.gate.wait()
                    log.add("\(name) ended")
                }
            }
            children[name] = Child(job: job, isStubborn: isStubborn, part: part)
            await log.wait(for: ["\(name) began in \(scope.generation)"])
        } catch {
            log.add("\(name) refused: \(error.code) \(error.generation) of \(error.current)")
        }
    }

    private func tell(_ name: String, _ command: Part.Command) async {
        children[name]?.part.command.set(command)
        children[name]?.part.gate.open()
        await children[name]?.job.wait()
    }

    /// Returns when every cancelled child has ended or says that it takes its time.
    private func settle() async {
        for (name, child) in children where child.job.isActive {
            if child.isStubborn {
                await log.wait(for: ["\(name) cancelled"])
            } else {
                await child.job.wait()
            }
        }
    }
}
