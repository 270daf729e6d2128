import Foundation
import RTP
import Testing

@testable import WebRTC

/// What a peer wrote, and what it says. The texts are Tests/Fuzz/corpus/sdp.
struct PeerDescription: Sendable, CustomTestStringConvertible {
    var file: String
    var bundle: [String]
    var sectionTypes: [String]
    var ufrag: String
    var setup: DTLSSetup
    var direction: TransceiverDirection
    var opus: UInt8
    var candidates: Int

    var testDescription: String { file }

    static let all = [
        // Recorded from Chromium 150: simulcast by rid, a section that only receives, data.
        PeerDescription(
            file: "chromium-offer", bundle: ["0", "1", "2", "3"],
            sectionTypes: ["audio", "video", "video", "application"], ufrag: "wG3U", setup: .actpass,
            direction: .sendReceive, opus: 111, candidates: 0),
        // In the form of Firefox 115: fingerprint and options in the session part, `a=extmap:2/recvonly`, a video
        // section of port 0 that is not refused (`a=bundle-only`), `a=fmtp` before `a=rtpmap`.
        PeerDescription(
            file: "firefox-offer", bundle: ["0", "1"], sectionTypes: ["audio", "video"], ufrag: "5b21f3ac",
            setup: .actpass, direction: .sendReceive, opus: 109, candidates: 0),
        // Recorded from Janus 1.1.2, a publisher's answer: fingerprint in the session part.
        PeerDescription(
            file: "janus-answer", bundle: ["0", "1"], sectionTypes: ["audio", "video"], ufrag: "", setup: .active,
            direction: .receiveOnly, opus: 96, candidates: 0),
        // Recorded from Janus 1.1.2, a subscriber's offer: feeds named by `a=msid`, retransmissions by FID.
        PeerDescription(
            file: "janus-offer", bundle: ["0", "1"], sectionTypes: ["audio", "video"], ufrag: "uEfC", setup: .actpass,
            direction: .sendOnly, opus: 111, candidates: 0),
        // Recorded from aiortc 1.4: candidates inside, credentials of their own in each section, DTLS/SCTP of old.
        PeerDescription(
            file: "aiortc-offer", bundle: ["0", "1", "2"], sectionTypes: ["audio", "video", "application"],
            ufrag: "X2RP", setup: .actpass, direction: .sendReceive, opus: 96, candidates: 2),
        // Recorded from GStreamer 1.22's webrtcbin: `OPUS` in capitals, mids of words, TCP candidates, no extensions.
        PeerDescription(
            file: "gstreamer-offer", bundle: ["audio0", "video1"], sectionTypes: ["audio", "video"],
            ufrag: "pd10yrMG70lIu4gUzX42ucshuCrFre2i", setup: .actpass, direction: .sendReceive, opus: 111,
            candidates: 9),
        // In the form of Pion 3: `WMS*`, a blank at a line's end, candidates of component 2, a refused section.
        PeerDescription(
            file: "pion-answer", bundle: ["0", "1"], sectionTypes: ["audio", "video"], ufrag: "VwTqEnbWcHzYtPyq",
            setup: .active, direction: .sendReceive, opus: 111, candidates: 2),
    ]

    func text() throws -> String {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fuzz/corpus/sdp")
        return try String(contentsOf: folder.appending(path: file), encoding: .utf8)
    }
}

@Suite("Session descriptions")
struct SessionDescriptionTests {
    @Test("What peers write is understood", arguments: PeerDescription.all)
    func peers(_ peer: PeerDescription) throws {
        let description = try SessionDescription(parsing: peer.text())
        let audio = try #require(description.media.first)
        #expect(description.bundle == peer.bundle)
        #expect(description.media.compactMap(\.mid) == peer.bundle)
        #expect(description.media.map(\.type) == peer.sectionTypes)
        let credentials = try #require(description.iceCredentials(of: audio))
        if !peer.ufrag.isEmpty { #expect(credentials.ufrag == peer.ufrag) }
        #expect(credentials.password.utf8.count >= 22, "RFC 8839 §5.4")
        #expect(description.setup(of: audio) == peer.setup)
        #expect(description.direction(of: audio) == peer.direction)
        let fingerprint = try #require(description.fingerprints(of: audio).first)
        #expect(fingerprint.algorithm == "sha-256" && fingerprint.bytes.count == 32)
        let opus = try #require(audio.codecs.first { $0.isNamed("opus") })
        #expect(opus.payloadType == peer.opus && opus.clockRate == 48_000 && opus.channels == 2)
        #expect(audio.candidates.count == peer.candidates)
        #expect(audio.muxesRTCP && audio.isRTP && audio.kind == .audio)
    }

    @Test("What was read is written as it was", arguments: PeerDescription.all)
    func roundTrip(_ peer: PeerDescription) throws {
        let description = try SessionDescription(parsing: peer.text())
        let written = description.text
        #expect(try SessionDescription(parsing: written).text == written)
        let lost = Set(try peer.text().split(whereSeparator: \.isNewline))
            .subtracting(written.split(whereSeparator: \.isNewline))
        #expect(lost.isEmpty, "every line is there")
    }

    @Test("A section of port 0 is refused, unless it goes with another's transport")
    func rejected() throws {
        #expect(try SessionDescription(parsing: peer("pion-answer").text()).media.map(\.isRejected) == [false, true])
        #expect(
            try SessionDescription(parsing: peer("firefox-offer").text()).media.map(\.isRejected) == [false, false])
    }

    @Test("Retransmissions are told from the streams they repeat")
    func retransmission() throws {
        let video = try SessionDescription(parsing: peer("aiortc-offer").text()).media[1]
        #expect(video.primarySSRCs == [2_686_515_159])
        #expect(video.retransmissionSSRC(of: 2_686_515_159) == 1_741_888_743)
        let rtx = try #require(video.codecs.first { $0.isNamed("RTX") })
        #expect(rtx.associatedPayloadType == 97)
        #expect(try #require(video.codecs.first).feedback == ["nack", "nack pli", "goog-remb"])
    }

    @Test("Simulcast, header extensions and streams of Chromium")
    func chromium() throws {
        let video = try SessionDescription(parsing: peer("chromium-offer").text()).media[1]
        #expect(video.restrictions.map(\.id) == ["h", "l"] && video.restrictions.allSatisfy { $0.direction == "send" })
        #expect(video.simulcast == "send h;l")
        #expect(video.extensions.first { $0.uri.hasSuffix("sdes:mid") }?.id == 4)
        #expect(video.streams.first?.stream == "ebfe3b0d-2876-4e41-b597-b2afbbfce0f9")
    }

    @Test("Firefox's extension of one direction")
    func extensionDirection() throws {
        let audio = try SessionDescription(parsing: peer("firefox-offer").text()).media[0]
        #expect(audio.extensions[1].direction == .receiveOnly && audio.extensions[1].id == 2)
    }

    @Test("A description that is built says what it was given")
    func built() throws {
        var description = SessionDescription(origin: SessionDescription.Origin(sessionID: 7, version: 2))
        var section = MediaSection(type: "video")
        section.mid = "v"
        section.direction = .sendOnly
        section.direction = .inactive
        section.setup = .actpass
        section.fingerprints = [SDPFingerprint(algorithm: "sha-256", bytes: [0, 0xAB])]
        section.codecs = [
            SDPCodec(payloadType: 96, name: "VP8", clockRate: 90_000, feedback: ["nack", "nack pli"]),
            SDPCodec(payloadType: 97, name: "rtx", clockRate: 90_000, parameters: "apt=96"),
        ]
        section.sources = [SDPSource(ssrc: 1, cname: "c", stream: SDPStream(stream: "s", track: "t"))]
        section.sourceGroups = [SDPSourceGroup(semantics: "FID", ssrcs: [1, 2])]
        section.candidates = ["candidate:1 1 udp 1 192.0.2.1 9 typ host"]
        description.media = [section]
        description.bundle = ["v"]
        let expected = """
            v=0
            o=- 7 2 IN IP4 127.0.0.1
            s=-
            t=0 0
            a=group:BUNDLE v
            m=video 9 UDP/TLS/RTP/SAVPF 96 97
            c=IN IP4 0.0.0.0
            a=mid:v
            a=inactive
            a=setup:actpass
            a=fingerprint:sha-256 00:AB
            a=rtpmap:96 VP8/90000
            a=rtcp-fb:96 nack
            a=rtcp-fb:96 nack pli
            a=rtpmap:97 rtx/90000
            a=fmtp:97 apt=96
            a=ssrc:1 cname:c
            a=ssrc:1 msid:s t
            a=ssrc-group:FID 1 2
            a=candidate:1 1 udp 1 192.0.2.1 9 typ host

            """
        #expect(description.text == expected.replacing("\n", with: "\r\n"))
        #expect(try SessionDescription(parsing: description.text).media == [withConnection(section)])
    }

    @Test(
        "What is no description is refused",
        arguments: [
            ("", SDPError.Code.badVersion), ("v=1\r\n", .badVersion), ("o=- 1 1 IN IP4 0.0.0.0\r\n", .badVersion),
            ("v=0\r\nno line\r\n", .badLine), ("v=0\r\nm=audio\r\n", .badLine),
            ("v=0\r\nm=audio 99999 RTP/SAVPF 0\r\n", .badLine), ("v=0\r\no=-\r\n", .badLine),
            ("v=0\r\nv=0\r\n", .badLine),
            ("v=0\r\nm=audio 9 RTP/SAVPF" + String(repeating: " 0", count: 257), .tooLarge),
            ("v=0\r\n" + String(repeating: "m=a 9 b c\r\n", count: 513), .tooLarge),
            ("v=0\r\n" + String(repeating: "\n", count: 21_000) + "a=x", .tooLarge),
            (String(repeating: "v", count: 1 << 20 + 1), .tooLarge),
        ] as [(String, SDPError.Code)])
    func refused(text: String, code: SDPError.Code) {
        let error = #expect(throws: SDPError.self) { try SessionDescription(parsing: text) }
        #expect(error?.code == code)
    }

    @Test("A value cannot begin a line of its own")
    func injection() throws {
        var description = SessionDescription(origin: SessionDescription.Origin(sessionID: 1, version: 1))
        description.attributes.append("x", "y\r\na=ice-lite")
        #expect(try !SessionDescription(parsing: description.text).isICELite)
    }

    @Test("A trickled fragment there and back")
    func fragment() throws {
        let fragment = ICEFragment(
            ufrag: "EsAw", password: "P2uYro0UCOQ4zxjKXaWCBui1",
            sections: [
                ICEFragment.Section(
                    mid: "0", mediaLine: "audio 9 UDP/TLS/RTP/SAVPF 0",
                    candidates: ["candidate:1 1 udp 2130706431 192.0.2.1 61764 typ host"])
            ], hasAllCandidates: true)
        #expect(try ICEFragment(parsing: fragment.text) == fragment)
        #expect(try ICEFragment(parsing: "a=candidate:1 1 udp 1 ::1 9 typ host\n").sections.map(\.mid) == [""])
    }

    private func peer(_ file: String) throws -> PeerDescription {
        try #require(PeerDescription.all.first { $0.file == file })
    }

    private func withConnection(_ section: MediaSection) -> MediaSection {
        var section = section
        section.otherLines = [SessionDescription.OtherLine(type: UInt8(ascii: "c"), value: "IN IP4 0.0.0.0")]
        return section
    }
}
