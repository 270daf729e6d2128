extension ICEAgent {
    /// What the owner of the sockets has to do. Taken with ``nextAction()`` after every call that changes the agent.
    package enum Action: Sendable, Hashable {
        /// Send a datagram from one of our sockets.
        case send([UInt8], base: Int, to: SocketAddress)
        /// A candidate of ours, for the peer.
        case candidate(ICECandidate)
        /// No more candidates will come, unless a base is added, or an allocation made anew.
        case gatheringComplete
        /// Data goes this way from now on.
        case selected(ICERoute)
        case state(ICEState)
        /// Find the addresses of a name and call ``resolved(_:to:now:)``: by multicast DNS where it ends in `.local`.
        case resolve(name: String)
        /// Connect to a TURN server, over TLS if there is a name to check its certificate against; then call
        /// ``streamOpened(_:now:)`` or ``streamClosed(_:now:)``.
        case openStream(id: Int, to: SocketAddress, tlsName: String?)
        case sendStream([UInt8], id: Int)
        case closeStream(id: Int)
        /// A server gives us no candidate, or has taken it back; the others go on, and it is asked again where that may help.
        case serverFailed(TURNError)
    }

    /// What a datagram was.
    package enum Reception: Sendable, Hashable {
        /// The agent's own business.
        case consumed
        /// Data of the peer: this part of the datagram.
        case payload(Range<Int>)
        /// Nothing that may be believed.
        case ignored
    }

    /// What was counted, for people who look for faults.
    package struct Counters: Sendable, Hashable {
        package var requestsSent = 0
        package var requestsReceived = 0
        /// Checks by which a controlling peer nominated a pair.
        package var nominationsReceived = 0
        package var responsesReceived = 0
        /// Messages whose integrity is missing or wrong.
        package var forged = 0
        /// Answers to no check that waits for one: late, doubled or made up.
        package var unexpectedResponses = 0
        /// Answers that came from elsewhere than the check went to (RFC 8445 §7.2.5.2.1).
        package var misdirected = 0
        /// Bytes that are no message.
        package var malformed = 0
        /// Data from an address that no check was answered for.
        package var unexpectedData = 0
    }
}
