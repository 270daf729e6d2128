package import RTP

/// An SSRC that a section names before its packets come (RFC 5576 §4.1).
package struct SDPSource: Sendable, Hashable {
    package var ssrc: SSRC
    /// The RTCP canonical name, the same for all that one peer sends in step.
    package var cname: String?
    package var stream: SDPStream?

    package init(ssrc: SSRC, cname: String? = nil, stream: SDPStream? = nil) {
        self.ssrc = ssrc
        self.cname = cname
        self.stream = stream
    }
}

/// SSRCs that belong together: `FID`, a stream and its retransmissions; `SIM`, versions of a picture (RFC 5576 §4.2).
package struct SDPSourceGroup: Sendable, Hashable {
    package var semantics: String
    package var ssrcs: [SSRC]

    package init(semantics: String, ssrcs: [SSRC]) {
        self.semantics = semantics
        self.ssrcs = ssrcs
    }
}

extension MediaSection {
    /// In the order in which they are first named. Setting replaces all `a=ssrc` lines.
    package var sources: [SDPSource] {
        get {
            var sources: [SDPSource] = []
            for value in attributes.values("ssrc") {
                guard let words = value.sdpFirstWord, let number = UInt32(words.first) else { continue }
                let ssrc = SSRC(rawValue: number)
                let index = sources.firstIndex { $0.ssrc == ssrc } ?? sources.count
                if index == sources.count { sources.append(SDPSource(ssrc: ssrc)) }
                let pair = words.rest.split(separator: ":", maxSplits: 1)
                guard pair.count == 2 else { continue }
                switch pair[0] {
                case "cname": sources[index].cname = String(pair[1])
                case "msid": sources[index].stream = SDPStream(String(pair[1]))
                default: break
                }
            }
            return sources
        }
        set {
            attributes.set(
                "ssrc",
                newValue.flatMap { source in
                    [
                        source.cname.map { "\(source.ssrc) cname:\($0)" },
                        source.stream.map { "\(source.ssrc) msid:\($0)" },
                    ]
                    .compactMap { $0 }
                })
        }
    }

    package var sourceGroups: [SDPSourceGroup] {
        get {
            attributes.values("ssrc-group").compactMap { value in
                let words = value.sdpWords
                guard let semantics = words.first else { return nil }
                return SDPSourceGroup(
                    semantics: String(semantics),
                    ssrcs: words.dropFirst().compactMap { UInt32($0) }.map { SSRC(rawValue: $0) })
            }
        }
        set {
            attributes.set(
                "ssrc-group",
                newValue.map { ([$0.semantics] + $0.ssrcs.map(\.description)).joined(separator: " ") })
        }
    }

    /// The SSRC of the retransmissions of another.
    package func retransmissionSSRC(of ssrc: SSRC) -> SSRC? {
        sourceGroups.first { $0.semantics == "FID" && $0.ssrcs.count == 2 && $0.ssrcs[0] == ssrc }?.ssrcs[1]
    }

    /// The SSRCs that are named, without those of retransmissions.
    package var primarySSRCs: [SSRC] {
        let repeated = Set(sourceGroups.filter { $0.semantics == "FID" }.flatMap { $0.ssrcs.dropFirst() })
        return sources.map(\.ssrc).filter { !repeated.contains($0) }
    }
}
