/// The way that data takes to the peer: everything a sender needs to send without asking the agent.
package struct ICERoute: Sendable, Hashable {
    /// The socket to send from; nil where a TURN server is reached over a stream.
    package var base: Int?
    /// The stream to a TURN server (see ``ICEAgent/Action/openStream(id:to:tlsName:)``).
    package var stream: Int?
    /// Where datagrams go: the peer, or the TURN server.
    package var destination: SocketAddress
    /// The TURN channel: data goes behind a header of four bytes, this number and the data's length, both in network
    /// order; on a stream it is padded to a multiple of four (RFC 8656 §12.4, §12.5).
    package var channel: UInt16?
    package var local: ICECandidate
    package var remote: ICECandidate

    /// Whether some server stands between the two.
    package var isRelayed: Bool { local.kind == .relayed || remote.kind == .relayed }
}
