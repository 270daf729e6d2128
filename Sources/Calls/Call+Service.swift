public import Rooms
import Scopes

extension Call {
    /// Asks the service what it knows of the call, without joining, and follows the call's events from here on.
    @discardableResult
    public func get() async throws -> CallInfo {
        watchOnce()
        let info = try await service.get(id)
        state.apply(info)
        return info
    }

    /// Creates the call, or takes the one that exists, and follows its events from here on.
    @discardableResult
    public func create(_ request: CallCreation = CallCreation()) async throws -> CallInfo {
        let info = try await service.create(id, request, by: user)
        watchOnce()
        state.apply(info)
        return info
    }

    /// Changes the call for everybody.
    @discardableResult
    public func update(_ request: CallUpdate) async throws -> CallInfo {
        let info = try await service.update(id, request)
        state.apply(info)
        return info
    }

    /// Ends the call for everybody in it.
    public func end() async throws { try await service.end(id) }

    /// Shows a reaction to everybody in the call.
    /// - Throws: `CallError.notJoined`.
    public func react(_ reaction: String) async throws {
        guard let transport = activeSession?.transport else {
            throw CallError(
                .notJoined, call: id.description, reason: "a reaction needs a joined call", advice: "Join first.")
        }
        try await transport.sendReaction(reaction)
    }

    /// Pins a session in views, until it is unpinned or this session ends.
    public func pin(_ session: SessionID) { state.pinned.update { _ = $0.insert(session) } }

    public func unpin(_ session: SessionID) { state.pinned.update { _ = $0.remove(session) } }
}
