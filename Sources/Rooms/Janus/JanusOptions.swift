public import WebRTC

/// How a Janus server is used.
public struct JanusOptions: Sendable {
    /// Sent with every request, where the server asks for tokens (`token_auth`).
    public var token: String?
    /// Sent with every request, where the server has an `api_secret`.
    public var apiSecret: String?
    /// Allows to create rooms, where the VideoRoom plugin has an `admin_key`.
    public var adminKey: String?
    /// The secret of rooms created here, and what ends them.
    public var roomSecret: String?
    /// What rooms created here ask of those who join, and what is said when joining.
    public var pin: String?
    public var tls = TLSVerification.system
    public var iceServers: [ICEServer] = []
    public var icePolicy = ICEPolicy.all
    /// Whether media may go over loopback interfaces: for a server on the same machine.
    public var includesLoopback = true
    public var requestTimeout = Duration.seconds(10)
    /// How often a call is looked at that is watched and not joined: the plugin tells only those who are in a room.
    public var watchInterval = Duration.seconds(5)
    /// How long the connection stays open after its last use, for a rejoin to find it.
    public var lingering = Duration.seconds(30)

    public init() {}
}
