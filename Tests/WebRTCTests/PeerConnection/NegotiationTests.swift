import RTP
import Testing

@testable import WebRTC

@Suite("Offer and answer")
struct NegotiationTests {
    private let transport = TransportParameters(
        credentials: ICECredentials(ufrag: "abcd", password: "0123456789abcdefghijkl"),
        fingerprint: DTLSFingerprint(algorithm: .sha256, bytes: [UInt8](0..<32)))

    private func negotiation() -> Negotiation { Negotiation(codecs: [.opus, .vp8], cname: "here") }

    private static let session = """
        v=0
        o=- 1 2 IN IP4 127.0.0.1
        s=-
        t=0 0
        a=group:BUNDLE 0 1 2
        a=ice-ufrag:wxyz
        a=ice-pwd:lkjihgfedcba9876543210
        a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F
        a=setup:actpass

        """

    private static let audio = """
        m=audio 9 UDP/TLS/RTP/SAVPF 9 109
        c=IN IP4 0.0.0.0
        a=mid:0
        a=sendrecv
        a=rtcp-mux
        a=rtpmap:9 G722/8000
        a=rtpmap:109 opus/48000/2
        a=rtcp-fb:109 transport-cc
        a=extmap:7 urn:ietf:params:rtp-hdrext:sdes:mid
        a=extmap:8 urn:ietf:params:rtp-hdrext:toffset
        a=ssrc:1001 cname:there
        a=msid:stream track

        """

    private static let video = """
        m=video 9 UDP/TLS/RTP/SAVPF 120 121 126
        a=mid:1
        a=sendonly
        a=rtcp-mux
        a=rtpmap:126 H264/90000
        a=rtpmap:120 VP8/90000
        a=rtpmap:121 rtx/90000
        a=fmtp:121 apt=120
        a=rtcp-fb:120 nack
        a=rtcp-fb:120 nack pli
        a=ssrc-group:FID 2001 2002
        a=ssrc:2001 cname:there
        a=ssrc:2002 cname:there

        """

    private static let data = """
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel
        a=mid:2
        a=sctp-port:5000

        """

    private func parse(_ parts: String...) throws -> SessionDescription {
        try SessionDescription(parsing: parts.joined())
    }

    @Test("an answer speaks the offer's payload types and extension ids, and refuses data channels")
    func answer() throws {
        var negotiation = negotiation()
        let tracks = try negotiation.acceptOffer(parse(Self.session, Self.audio, Self.video, Self.data))
        #expect(
            tracks == [
                RemoteTrack(
                    mid: "0", kind: .audio, isActive: true, ssrcs: [1001], streamID: "stream", trackID: "track"),
                RemoteTrack(mid: "1", kind: .video, isActive: true, ssrcs: [2001]),
            ])
        _ = negotiation.set(.sendReceive, of: "0", track: LocalTrack(ssrc: 5))
        _ = negotiation.set(.sendReceive, of: "1", track: nil)
        let answer = try SessionDescription(parsing: negotiation.makeAnswer(transport).text)
        #expect(answer.bundle == ["0", "1"])
        #expect(answer.media.map(\.isRejected) == [false, false, true])
        #expect(answer.media.map(\.mid) == ["0", "1", "2"])
        #expect(answer.media[0].codecs.map(\.payloadType) == [109])
        #expect(answer.media[1].codecs.map(\.payloadType) == [120, 121])
        #expect(answer.media[1].codecs[0].feedback == ["nack", "nack pli"])
        #expect(answer.media[0].extensions.map(\.id) == [7])
        #expect(answer.media[0].direction == .sendReceive)
        #expect(answer.media[1].direction == .receiveOnly, "the offer only sends on it")
        #expect(answer.media[0].setup == .active)
        let audio = try #require(negotiation.transceivers.first)
        #expect(audio.sender?.payloadType == 109 && audio.sender?.ssrc == 5)
        #expect(audio.receiver?.codecs.map(\.deliveredAs) == [111])
        let video = try #require(negotiation.transceivers.last)
        #expect(video.sender == nil)
        #expect(video.receiver?.codecs.map(\.deliveredAs) == [96])
        #expect(video.receiver?.codecs.map(\.rtxPayloadType) == [121])
        #expect(video.receiver?.rtxSSRCs == [2001: 2002])
    }

    @Test("the offer's reader understands its own answer, and payload types of a later m-line collide with none")
    func offerAfterAnswer() throws {
        var negotiation = negotiation()
        let audio = Self.audio.replacing("109", with: "96")
        let session = Self.session.replacing("BUNDLE 0 1 2", with: "BUNDLE 0")
        _ = try negotiation.acceptOffer(parse(session, audio))
        _ = try negotiation.makeAnswer(transport)
        let mid = negotiation.add(.video, .sendOnly, LocalTrack())
        let offer = try negotiation.makeOffer(transport)
        #expect(mid != "0" && offer.media.map(\.mid) == ["0", mid])
        let types = offer.media.flatMap(\.codecs).map(\.payloadType)
        #expect(Set(types).count == types.count, "\(types)")
        #expect(offer.media[0].setup == .actpass)

        var other = self.negotiation()
        _ = try other.acceptOffer(SessionDescription(parsing: offer.text))
        let answer = try other.makeAnswer(transport)
        _ = try negotiation.acceptAnswer(SessionDescription(parsing: answer.text))
        #expect(negotiation.transceivers.map(\.current) == [.inactive, .sendOnly])
    }

    @Test(
        "a description that cannot be served is refused, and changes nothing",
        arguments: [
            ("not bundled", "a=group:BUNDLE 0 1 2\n", ""),
            ("no rtcp-mux", "a=rtcp-mux\n", ""),
            ("no credentials", "a=ice-ufrag:wxyz\n", ""),
            ("a weak fingerprint", "a=fingerprint:sha-256", "a=fingerprint:sha-1"),
            ("a held connection", "a=setup:actpass", "a=setup:holdconn"),
            ("no m-line that is accepted", "m=audio 9", "m=audio 0"),
        ])
    func refused(fact: String, text: String, replacement: String) throws {
        var negotiation = negotiation()
        let video = fact.hasPrefix("no m-line") ? "" : Self.video
        let description = try SessionDescription(
            parsing: (Self.session + Self.audio + video).replacing(text, with: replacement))
        #expect(throws: PeerConnectionError.self, "\(fact)") { try negotiation.acceptOffer(description) }
        #expect(negotiation.signaling == .stable && negotiation.lines.isEmpty)
    }

    @Test("answers that do not fit their offer are refused")
    func badAnswers() throws {
        var negotiation = negotiation()
        #expect(throws: PeerConnectionError.self) { try negotiation.makeOffer(transport) }
        #expect(throws: PeerConnectionError.self) { try negotiation.makeAnswer(transport) }
        _ = negotiation.add(.audio, .sendReceive, LocalTrack())
        _ = try negotiation.makeOffer(transport)
        let active = Self.session.replacing("actpass", with: "active")
        let undecided = try parse(Self.session, Self.audio)
        let twoLines = try parse(active, Self.audio, Self.video)
        #expect(throws: PeerConnectionError.self) { try negotiation.acceptAnswer(undecided) }
        #expect(throws: PeerConnectionError.self) { try negotiation.acceptAnswer(twoLines) }
        #expect(throws: PeerConnectionError.self) { try negotiation.acceptOffer(undecided) }
        _ = try negotiation.acceptAnswer(parse(active.replacing("BUNDLE 0 1 2", with: "BUNDLE 0"), Self.audio))
        #expect(negotiation.localSetup == .passive)
        #expect(negotiation.transceivers[0].sender?.payloadType == 109)
    }

    @Test("another certificate in a later description is another peer: refused")
    func otherPeer() throws {
        var negotiation = negotiation()
        _ = try negotiation.acceptOffer(parse(Self.session, Self.audio, Self.video))
        _ = try negotiation.makeAnswer(transport)
        let other = try parse(Self.session.replacing("00:01:02", with: "AA:01:02"), Self.audio, Self.video)
        #expect(throws: PeerConnectionError.self) { try negotiation.acceptOffer(other) }
        _ = try negotiation.acceptOffer(parse(Self.session, Self.audio, Self.video))
        let answer = try negotiation.makeAnswer(transport)
        #expect(answer.media[0].setup == .active, "the role stays")
    }

    @Test("the place of a stopped m-line goes to another, of one that is not stopped it does not")
    func recycled() throws {
        var negotiation = negotiation()
        _ = try negotiation.acceptOffer(parse(Self.session, Self.audio, Self.video))
        _ = try negotiation.makeAnswer(transport)
        let recycled = Self.video.replacing("a=mid:1", with: "a=mid:2")
        let tooEarly = try parse(Self.session, Self.audio, recycled)
        #expect(throws: PeerConnectionError.self) { try negotiation.acceptOffer(tooEarly) }
        let stopped = Self.video.replacing("m=video 9", with: "m=video 0")
        _ = try negotiation.acceptOffer(parse(Self.session, Self.audio, stopped))
        _ = try negotiation.makeAnswer(transport)
        #expect(negotiation.transceivers.map(\.current) == [.receiveOnly, .inactive])
        let tracks = try negotiation.acceptOffer(parse(Self.session, Self.audio, recycled))
        #expect(tracks.map(\.mid) == ["2"])
        let answer = try negotiation.makeAnswer(transport)
        #expect(answer.section(mid: "2")?.direction == .receiveOnly)
    }

    @Test("candidates stand in the first m-line of the bundle, with their end")
    func candidates() throws {
        var negotiation = negotiation()
        _ = negotiation.add(.audio, .sendReceive, LocalTrack())
        _ = negotiation.add(.video, .sendReceive, LocalTrack())
        var transport = transport
        let line = "candidate:1 1 udp 2130706431 192.0.2.1 4321 typ host"
        transport.candidates = [try ICECandidate(sdp: line)]
        transport.hasAllCandidates = true
        let offer = try negotiation.makeOffer(transport)
        #expect(offer.media.map(\.candidates) == [[line], []])
        #expect(offer.media.map(\.hasAllCandidates) == [true, false])
        let remote = try RemoteTransport(offer)
        #expect(remote.candidates.count == 1 && remote.hasAllCandidates)
    }
}
