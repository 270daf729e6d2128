/// What a left call keeps of its devices and of its transport.
public enum StandbyPolicy: String, Sendable, Hashable, CaseIterable {
    /// Everything is closed: the camera's light goes off and other programs can use the device. Nothing of the transport
    /// stays connected but, in Janus, the signalling.
    case release
    /// Configured but stopped: the fastest rejoin; the device stays taken.
    ///
    /// A call through Janus also keeps the connection that the others' sound and pictures come by, for
    /// `JanusOptions.lingering` (30 s) after the leave: paused at the server, so that no media comes, with a check of the path
    /// (STUN) every few seconds and now and then a report (RTCP). It ends earlier with a reset, a join of another call, when
    /// somebody leaves whom it received, and with the signalling.
    case warm
}
