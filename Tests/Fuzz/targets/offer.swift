import RTP
@testable import WebRTC

/// Any description as an offer, and as an answer: it is refused, or leads to descriptions that can be read.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOffer(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: data, count: size), as: UTF8.self)
    guard let description = try? SessionDescription(parsing: text) else { return 0 }
    let transport = TransportParameters(
        credentials: ICECredentials(ufrag: "abcd", password: "0123456789abcdefghijkl"),
        fingerprint: DTLSFingerprint(algorithm: .sha256, bytes: [UInt8](0..<32)))
    var answerer = Negotiation(codecs: [.opus, .vp8], cname: "fuzz")
    if (try? answerer.acceptOffer(description)) != nil {
        for transceiver in answerer.transceivers { _ = answerer.set(.sendReceive, of: transceiver.mid, track: nil) }
        guard let answer = try? answerer.makeAnswer(transport) else { fatalError("an accepted offer is answered") }
        check(answer, lines: description.media.count)
        _ = answerer.add(.video, .sendOnly, LocalTrack())
        guard let offer = try? answerer.makeOffer(transport) else { fatalError("an offer follows the answer") }
        check(offer, lines: answerer.lines.count)
    }
    var offerer = Negotiation(codecs: [.opus, .vp8], cname: "fuzz")
    for _ in 0..<min(8, description.media.count) { _ = offerer.add(.audio, .sendReceive, LocalTrack()) }
    if (try? offerer.makeOffer(transport)) != nil, (try? offerer.acceptAnswer(description)) != nil {
        for transceiver in offerer.transceivers { _ = (transceiver.sender, transceiver.receiver) }
    }
    return 0
}

private func check(_ description: SessionDescription, lines: Int) {
    precondition(description.media.count == lines, "every m-line has its answer")
    guard let again = try? SessionDescription(parsing: description.text) else { fatalError("what is written is read") }
    precondition(again.media.count == lines, "no line breaks out of its place")
}
