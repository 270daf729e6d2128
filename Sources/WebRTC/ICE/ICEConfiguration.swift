/// Who decides which pair is used (RFC 8445 §6.1.1).
package enum ICERole: Sendable, Hashable {
    case controlling, controlled
}

/// Which candidates are gathered and used.
public enum ICEPolicy: Sendable, Hashable {
    case all
    /// Only what a TURN server relays: the peer does not learn our addresses.
    case relay
}

/// How an agent stands. `failed` ends with a restart only, `closed` never.
package enum ICEState: Sendable, Hashable {
    case new, checking, connected, disconnected, failed, closed
}

/// The times of an agent. The defaults connect in a round trip and notice a dead path in four seconds; RFC 8445 §14
/// leaves what is faster than its own defaults to who knows that few pairs are checked.
package struct ICETimings: Sendable, Hashable {
    /// Between the first sendings of two checks (Ta, RFC 8445 §14.2: at least 5 ms).
    package var pacing: Duration = .milliseconds(5)
    /// Until a check is sent again; doubles each time.
    package var retransmission: Duration = .milliseconds(50)
    package var maximumRetransmission: Duration = .milliseconds(800)
    /// The most in the first second of a check, when a lost one holds up the call: libwebrtc sends one every 48 ms then
    /// (`WEAK_PING_INTERVAL`); RFC 8445 §14.3's 500 ms are for networks of which nothing is known.
    package var eagerRetransmission: Duration = .milliseconds(100)
    package var eagerPeriod: Duration = .seconds(1)
    /// Until a check is given up.
    package var checkTimeout: Duration = .seconds(12)
    /// Until gathering no longer waits for a server.
    package var gatheringTimeout: Duration = .seconds(5)
    /// Until an allocation that was refused, or is lost again, is asked for once more; doubles each time.
    package var relayRetry: Duration = .seconds(1)
    package var maximumRelayRetry: Duration = .seconds(30)
    /// The same where the server has no more to give (RFC 8656 §7.4: at least a minute).
    package var exhaustedRelayRetry: Duration = .seconds(60)
    /// Until an agent that never connected has failed.
    package var connectTimeout: Duration = .seconds(30)
    /// Between consent checks, ±20 % (RFC 7675 §5.1).
    package var consentInterval: Duration = .seconds(5)
    /// Silence of a path that carried data, after which consent is asked at once.
    package var silence: Duration = .milliseconds(1500)
    /// Between consent checks while none is answered.
    package var consentRetry: Duration = .milliseconds(500)
    /// From an unanswered consent check to `disconnected`.
    package var disconnectTimeout: Duration = .milliseconds(2500)
    /// From the last answer to `failed`: nothing may be sent without consent for longer (RFC 7675 §5.1).
    package var consentTimeout: Duration = .seconds(30)
    /// Between what keeps the mapping of a NAT (RFC 8445 §11).
    package var keepalive: Duration = .seconds(15)

    package init() {}
}
