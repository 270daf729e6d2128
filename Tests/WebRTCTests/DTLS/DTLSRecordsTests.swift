import Testing

@testable import WebRTC

@Suite("DTLS records in datagrams")
struct DTLSRecordsTests {
    /// A record whose payload begins with `first`.
    private static func record(_ contentType: UInt8, _ first: UInt8, epoch: UInt8 = 0, count: Int = 100) -> [UInt8] {
        [contentType, 254, 253, 0, epoch, 0, 0, 0, 0, 0, 0, UInt8(count >> 8), UInt8(count & 255), first]
            + [UInt8](repeating: 7, count: count - 1)
    }

    private static let hello = record(22, 1)
    private static let certificate = record(22, 11, count: 400)
    private static let changeCipherSpec = record(20, 1, count: 1)
    // An encrypted Finished may begin with any byte, 1 too.
    private static let finished = record(22, 1, epoch: 1, count: 40)

    private static func datagrams(_ bytes: [UInt8], limit: Int = 1200) -> [Int] {
        var counts: [Int] = []
        var offset = 0
        while let range = DTLSRecords.datagram(in: bytes.span, from: offset, limit: limit) {
            counts.append(range.count)
            offset = range.upperBound
        }
        return counts
    }

    private static let named = [
        "hello": hello, "certificate": certificate, "change cipher spec": changeCipherSpec, "finished": finished,
    ]

    @Test(
        "records are packed to the limit, a ClientHello goes alone",
        arguments: [
            (["certificate", "change cipher spec", "finished"], [413 + 14 + 53]),
            (["hello", "certificate", "change cipher spec", "finished"], [113, 413 + 14 + 53]),
            (["hello", "hello"], [113, 113]),
            (["certificate", "hello"], [413, 113]),
            (["certificate", "certificate", "certificate"], [826, 413]),
            (["hello"], [113]),
        ])
    func packing(records: [String], expected: [Int]) throws {
        let bytes = try records.flatMap { try #require(Self.named[$0]) }
        #expect(Self.datagrams(bytes) == expected)
    }

    @Test("a record larger than the limit goes alone; one that is cut short ends it")
    func edges() {
        #expect(Self.datagrams(Self.certificate + Self.finished, limit: 100) == [413, 53])
        #expect(Self.datagrams(Self.certificate + Self.finished.dropLast()) == [413])
        #expect(Self.datagrams([22, 254, 253, 0]) == [])
        #expect(Self.datagrams([]) == [])
        #expect(Self.datagrams(Self.record(22, 1, count: 1)) == [14])
        // No content type of DTLS: RTP.
        #expect(Self.datagrams([0x80] + Self.hello.dropFirst()) == [])
    }
}
