import RTP

extension RTPFeedbackKinds {
    /// - `sdp`: the values of `a=rtcp-fb` without their payload type (RFC 4585 §4.2).
    init(sdp values: [String]) {
        self.init(
            nack: values.contains("nack"), pictureLoss: values.contains("nack pli"),
            fullIntraRequest: values.contains("ccm fir"), remb: values.contains("goog-remb"),
            transportWide: values.contains("transport-cc"))
    }

    var sdp: [String] {
        [
            nack ? "nack" : nil, pictureLoss ? "nack pli" : nil, fullIntraRequest ? "ccm fir" : nil,
            remb ? "goog-remb" : nil, transportWide ? "transport-cc" : nil,
        ]
        .compactMap { $0 }
    }

    func intersection(_ other: Self) -> Self {
        Self(
            nack: nack && other.nack, pictureLoss: pictureLoss && other.pictureLoss,
            fullIntraRequest: fullIntraRequest && other.fullIntraRequest, remb: remb && other.remb,
            transportWide: transportWide && other.transportWide)
    }
}
