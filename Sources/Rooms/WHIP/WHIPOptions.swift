public import WebRTC

/// How a WHIP or WHEP endpoint is used.
public struct WHIPOptions: Sendable {
    /// Sent as `Authorization: Bearer …`.
    public var token: String?
    /// Besides those that the server tells: its answer's `Link` headers come too late for the first connection, and serve
    /// those after it.
    public var iceServers: [ICEServer] = []
    public var icePolicy = ICEPolicy.all
    /// Whether media may go over loopback interfaces: for a server on the same machine.
    public var includesLoopback = true
    public var requestTimeout = Duration.seconds(10)

    public init() {}
}
