/// What is to be done, first come first out; its storage is kept.
struct ActionQueue: Sendable {
    private var actions: [RTPTransport.Action?] = []
    private var first = 0

    mutating func append(_ action: RTPTransport.Action) { actions.append(action) }

    mutating func removeFirst() -> RTPTransport.Action? {
        guard first < actions.count else { return nil }
        defer {
            actions[first] = nil
            first += 1
            if first == actions.count {
                actions.removeAll(keepingCapacity: true)
                first = 0
            }
        }
        return actions[first]
    }
}
