import Reprise

/// Follows the devices of a machine for `reprise devices --watch`: each plugging is one change of the list.
struct DeviceFollower: Sendable {
    let system: DeviceSystem
    let isJSON: Bool

    /// Until the task is cancelled.
    func run() async throws {
        let signals = system.watch.signals()
        var lists = await look()
        try tell(lists.changes(since: DeviceLists()), [])
        // Signals come to this task, and it wakes for the end of a batch: one channel for both.
        let (events, send) = AsyncStream.makeStream(of: DeviceSignal?.self)
        let forwarding = Task {
            for await signal in signals { send.yield(signal) }
            send.finish()
        }
        defer { forwarding.cancel() }
        var debounce = SignalDebounce()
        for await event in events {
            if let event, event.changesDevices {
                if debounce.deadline == nil { wake(send, after: SignalDebounce.quiet) }
                debounce.add(event, now: .now())
            }
            if let batch = debounce.take(now: .now()) {
                let next = await look()
                try tell(next.changes(since: lists), batch)
                lists = next
            } else if event == nil, let deadline = debounce.deadline {
                wake(send, after: deadline - .now())
            }
        }
    }

    private func wake(_ send: AsyncStream<DeviceSignal?>.Continuation, after pause: Duration) {
        Task {
            try? await Task.sleep(for: pause)
            send.yield(nil)
        }
    }

    private func look() async -> DeviceLists {
        var lists = DeviceLists()
        lists.microphones = (try? await system.audio.devices(.capture)) ?? []
        lists.speakers = (try? await system.audio.devices(.playback)) ?? []
        lists.cameras = (try? await system.cameras.devices()) ?? []
        return lists
    }

    private func tell(_ changes: DeviceChanges, _ batch: [DeviceSignal]) throws {
        if isJSON {
            func items(_ items: [DeviceChanges.Item]) -> JSON {
                .array(
                    items.map { item -> JSON in
                        ["kind": .string(item.kind), "id": .string(item.id.rawValue), "name": .string(item.name)]
                    })
            }
            let json: JSON = [
                "added": items(changes.added), "removed": items(changes.removed), "changed": items(changes.changed),
                "signals": .array(batch.map { .string($0.description) }),
            ]
            return try Output.standard.line(json.text)
        }
        // A jack or a mixer changes no list, and is worth a line all the same.
        let controls = batch.filter { $0.event == .controlsChanged || $0.subject == .machine }.map { "  \($0)" }
        for line in changes.lines + controls { try Output.standard.line(line) }
    }
}
