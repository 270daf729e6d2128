/// How a connection is made.
public struct PeerConnectionConfiguration: Sendable {
    /// The thread that serves the connection's sockets; connections of one call share one.
    public var loop: NetworkLoop
    public var iceServers: [ICEServer] = []
    public var icePolicy = ICEPolicy.all
    /// Whom a `turns:` server's certificate must come from.
    public var tlsTrust = TLSTrust.system
    /// Whether candidates are also gathered on loopback interfaces: for tests, and for rooms within a machine.
    public var includesLoopback = false
    /// Whether only loopback interfaces are used.
    public var isLoopbackOnly = false
    /// What is offered and accepted, in order of preference.
    public var codecs: [MediaCodec] = [.opus, .vp8]
    /// Whether our answers leave DTLS's first word to the far side, where it leaves the choice to us. RFC 8842 §5.3
    /// recommends to take it; a far side that is ready later than we are drops our hello, and the next is late.
    public var waitsForHello = false

    public init(loop: NetworkLoop) { self.loop = loop }
}
