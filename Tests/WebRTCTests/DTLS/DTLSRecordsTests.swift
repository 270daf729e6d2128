import Testing

@testable import WebRTC

@Suite("DTLS records")
struct DTLSRecordsTests {
    private func record(_ type: UInt8 = 22, body: Int) -> [UInt8] {
        [type, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 1, UInt8(body >> 8), UInt8(body & 0xFF)]
            + [UInt8](repeating: 7, count: body)
    }

    private func cut(_ bytes: [UInt8], limit: Int) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        while let next = DTLSRecords.datagram(in: bytes.span, from: ranges.last?.upperBound ?? 0, limit: limit) {
            ranges.append(next)
        }
        return ranges
    }

    @Test(
        "whole records are packed up to the limit",
        arguments: [
            ("none", [], 100, []),
            ("one", [20], 100, [33]),
            ("two that fit to the byte", [24, 50], 100, [100]),
            ("two that do not", [24, 51], 100, [37, 64]),
            ("one that is larger than the limit goes alone", [10, 200, 10], 100, [23, 213, 23]),
            ("empty records", [0, 0, 0], 26, [26, 13]),
        ])
    func packing(fact: String, bodies: [Int], limit: Int, datagrams: [Int]) {
        #expect(cut(bodies.flatMap { record(body: $0) }, limit: limit).map(\.count) == datagrams, "\(fact)")
    }

    @Test(
        "what is no whole record ends the cutting",
        arguments: [
            ("a header cut short", Array([22, 0xFE, 0xFD, 0, 0])), ("another protocol", Array([0x80, 1, 2])),
        ])
    func ending(fact: String, tail: [UInt8]) {
        #expect(cut(record(body: 5) + tail, limit: 1200) == [0..<18], "\(fact)")
        #expect(cut(tail, limit: 1200).isEmpty, "\(fact)")
    }

    @Test("a record whose body is cut short is left out")
    func bodyCutShort() { #expect(cut(record(body: 5) + record(body: 9).dropLast(), limit: 1200) == [0..<18]) }
}
