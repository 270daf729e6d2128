/// A payload type of a section, with what `a=rtpmap`, `a=fmtp` and `a=rtcp-fb` say of it.
package struct SDPCodec: Sendable, Hashable {
    /// 0–127.
    package var payloadType: UInt8
    /// As it was written; compare without regard to case (RFC 8866 §6.6).
    package var name: String
    package var clockRate: Int32
    package var channels: Int
    /// `a=fmtp`'s value, as it stands.
    package var parameters: String?
    /// `nack`, `nack pli`, `ccm fir`, `goog-remb`, `transport-cc`, …; those for all payload types (`*`) included.
    package var feedback: [String]

    package init(
        payloadType: UInt8, name: String, clockRate: Int32, channels: Int = 1, parameters: String? = nil,
        feedback: [String] = []
    ) {
        self.payloadType = payloadType
        self.name = name
        self.clockRate = clockRate
        self.channels = channels
        self.parameters = parameters
        self.feedback = feedback
    }

    package func isNamed(_ other: String) -> Bool { name.lowercased() == other.lowercased() }

    /// The value of one of the parameters: `parameter("apt")` of `apt=96;rtx-time=3000` is `96`. Names have no case.
    package func parameter(_ name: String) -> String? {
        for part in (parameters ?? "").split(separator: ";") {
            let pair = part.split(separator: "=", maxSplits: 1)
            if let key = pair.first, key.sdpTrimmed.lowercased() == name.lowercased() {
                return pair.count > 1 ? String(pair[1].sdpTrimmed) : ""
            }
        }
        return nil
    }

    /// For `rtx`: the payload type whose packets it repeats (RFC 4588 §8.6).
    package var associatedPayloadType: UInt8? { isNamed("rtx") ? parameter("apt").flatMap { UInt8($0) } : nil }

    // What RFC 3551 §6 fixes, and what peers still send without an a=rtpmap.
    fileprivate static func fixed(_ payloadType: UInt8) -> (name: String, clockRate: Int32)? {
        switch payloadType {
        case 0: ("PCMU", 8000)
        case 8: ("PCMA", 8000)
        case 9: ("G722", 8000)
        default: nil
        }
    }
}

extension MediaSection {
    /// The section's codecs in its order of preference. Formats that are no payload type, or that nothing explains,
    /// are left out.
    ///
    /// Setting replaces the formats and all that was said of them.
    package var codecs: [SDPCodec] {
        get {
            let maps = payloadTypeAttributes("rtpmap")
            let parameters = payloadTypeAttributes("fmtp")
            let feedback = payloadTypeAttributes("rtcp-fb")
            return formats.compactMap { format in
                guard let payloadType = UInt8(format), payloadType < 128 else { return nil }
                let own = maps.first { $0.payloadType == format }.flatMap { Self.parseMap($0.value) }
                guard let map = own ?? SDPCodec.fixed(payloadType).map({ ($0.name, $0.clockRate, 1) }) else {
                    return nil
                }
                // Some peers write a line for every parameter.
                let fmtp = parameters.filter { $0.payloadType == format }.map(\.value)
                return SDPCodec(
                    payloadType: payloadType, name: map.0, clockRate: map.1, channels: map.2,
                    parameters: fmtp.isEmpty ? nil : fmtp.joined(separator: ";"),
                    feedback: feedback.filter { $0.payloadType == format || $0.payloadType == "*" }.map(\.value))
            }
        }
        set {
            formats = newValue.map { "\($0.payloadType)" }
            for name in ["rtpmap", "fmtp", "rtcp-fb"] { attributes.remove(name) }
            for codec in newValue {
                let channels = codec.channels == 1 ? "" : "/\(codec.channels)"
                let payloadType = codec.payloadType
                attributes.append("rtpmap", "\(payloadType) \(codec.name)/\(codec.clockRate)\(channels)")
                for feedback in codec.feedback { attributes.append("rtcp-fb", "\(payloadType) \(feedback)") }
                if let parameters = codec.parameters { attributes.append("fmtp", "\(payloadType) \(parameters)") }
            }
        }
    }

    private func payloadTypeAttributes(_ name: String) -> [(payloadType: String, value: String)] {
        attributes.all.compactMap { attribute in
            guard attribute.name == name, let words = attribute.value?.sdpFirstWord, !words.rest.isEmpty else {
                return nil
            }
            return (String(words.first), String(words.rest))
        }
    }

    private static func parseMap(_ value: String) -> (String, Int32, Int)? {
        let parts = value.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 2, !parts[0].isEmpty, let rate = Int32(parts[1].sdpTrimmed), rate > 0 else { return nil }
        let channels = parts.count > 2 ? Int(parts[2].sdpTrimmed) ?? 1 : 1
        guard (1...255).contains(channels) else { return nil }
        return (String(parts[0]), rate, channels)
    }
}
