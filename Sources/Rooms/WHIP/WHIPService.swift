public import RTP
internal import Foundation

/// Publishes to a WHIP endpoint (RFC 9725): a call in which one sends and nobody else is seen.
///
/// The offer has sound and picture from the start; tracks begin to flow as they are published. A second picture (a shared
/// screen) there is no way for.
public final class WHIPService: CallService {
    private let core: WHIPCore

    /// - Throws: `.invalidArgument` for what is no http: or https: URL.
    public init(url: String, options: WHIPOptions = WHIPOptions()) throws(ServiceError) {
        core = try WHIPCore(url, options, publishes: true)
    }

    public func get(_ id: CallID) async throws -> CallInfo { core.info(id) }
    public func create(_ id: CallID, _ request: CallCreation, by user: User) async throws -> CallInfo { core.info(id) }
    public func update(_ id: CallID, _ request: CallUpdate) async throws -> CallInfo {
        throw WHIPCore.unsupported("update \(id)")
    }
    public func query(_ query: CallQuery) async throws -> [CallInfo] { throw WHIPCore.unsupported("query calls") }
    public func end(_ id: CallID) async throws { throw WHIPCore.unsupported("end \(id)") }
    public func events(of id: CallID) -> AsyncStream<CallEvent> { core.events() }

    public func join(
        _ request: JoinRequest, receive: @escaping @Sendable (TrackID, RTPPacket) -> Void
    ) async throws -> any RoomSession { try await core.join(request, receive) }
}

/// Plays from a WHEP endpoint (draft-ietf-wish-whep): a call in which somebody else is seen, and nothing is sent.
public final class WHEPService: CallService {
    private let core: WHIPCore

    /// - Throws: `.invalidArgument` for what is no http: or https: URL.
    public init(url: String, options: WHIPOptions = WHIPOptions()) throws(ServiceError) {
        core = try WHIPCore(url, options, publishes: false)
    }

    public func get(_ id: CallID) async throws -> CallInfo { core.info(id) }
    public func create(_ id: CallID, _ request: CallCreation, by user: User) async throws -> CallInfo { core.info(id) }
    public func update(_ id: CallID, _ request: CallUpdate) async throws -> CallInfo {
        throw WHIPCore.unsupported("update \(id)")
    }
    public func query(_ query: CallQuery) async throws -> [CallInfo] { throw WHIPCore.unsupported("query calls") }
    public func end(_ id: CallID) async throws { throw WHIPCore.unsupported("end \(id)") }
    public func events(of id: CallID) -> AsyncStream<CallEvent> { core.events() }

    public func join(
        _ request: JoinRequest, receive: @escaping @Sendable (TrackID, RTPPacket) -> Void
    ) async throws -> any RoomSession { try await core.join(request, receive) }
}
