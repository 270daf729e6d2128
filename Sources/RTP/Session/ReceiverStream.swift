import Media

/// A stream that is received.
struct ReceiverStream: Sendable {
    let ssrc: SSRC
    let mid: String
}
