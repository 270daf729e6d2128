import Media
import WebRTC

/// Any datagram: reading ends, and gives addresses for names that were asked for only.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzMDNS(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    let answers = MDNSMessage.answers(bytes.span)
    // A record takes eleven bytes at least.
    precondition(answers.count <= bytes.count / 11, "no more answers than there is room for")
    var resolver = MDNSResolver()
    let now = MonotonicInstant(nanoseconds: 1)
    resolver.resolve("a1.local", now: now)
    _ = resolver.nextAction()
    resolver.receive(bytes.span, now: now)
    while let action = resolver.nextAction() {
        guard case .resolved("a1.local", let addresses) = action, !addresses.isEmpty else {
            fatalError("not asked for")
        }
    }
    if let query = MDNSMessage.query(String(decoding: bytes.prefix(253), as: UTF8.self)) {
        precondition(MDNSMessage.answers(query.span).isEmpty, "a query is no answer")
    }
    return 0
}
