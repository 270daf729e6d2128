import Media
@testable import WebRTC

/// Any bytes: cutting gives whole records one after the other, and a handshake that meets them does not trap.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDTLS(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    let limit = 13 + Int(bytes.first ?? 0) * 8
    var end = 0
    while let range = DTLSRecords.datagram(in: bytes.span, from: end, limit: limit) {
        precondition(range.lowerBound == end && range.upperBound > end && range.upperBound <= bytes.count)
        let isOneRecord = DTLSRecords.datagram(in: bytes.span, from: end, limit: 0) == range
        precondition(range.count <= limit || isOneRecord, "only a single record is larger than the limit")
        end = range.upperBound
    }
    let now = MonotonicInstant(nanoseconds: 1)
    for role in [DTLSSession.Role.server, .client] {
        let session = DTLSSession(role: role, remoteFingerprints: [DTLSContext.shared.fingerprint])
        session.start(now: now)
        session.receive(bytes.span, now: now)
        while let datagram = session.nextDatagram() {
            precondition(DTLSRecords.datagram(in: datagram.span, from: 0, limit: 1200) != nil, "records are sent whole")
        }
        session.close(now: now)
    }
    return 0
}
