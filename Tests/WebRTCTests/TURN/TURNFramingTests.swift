import Testing

@testable import WebRTC

@Suite("TURN on streams and in channels (RFC 8656 §12)")
struct TURNFramingTests {
    private static let message = STUNWriter(.indication, .data, STUNMessage.Transaction(high: 1, low: 2)).finish()

    private func messages(_ stream: [UInt8], piece: Int) throws(TURNError) -> [[UInt8]] {
        var reader = TURNStreamReader()
        var messages: [[UInt8]] = []
        for start in stride(from: 0, to: stream.count, by: piece) {
            reader.append(Array(stream[start..<min(stream.count, start + piece)]).span)
            while let range = try reader.next() { messages.append(Array(reader.bytes[range])) }
        }
        return messages
    }

    @Test("Messages and channel data come out whole, wherever the stream was cut", arguments: 1...40)
    func pieces(piece: Int) throws {
        let data = (0...5).map {
            TURNChannelData.wrap([UInt8](repeating: 9, count: $0), channel: 0x4001, isPadded: true)
        }
        let stream = Self.message + data.flatMap(\.self) + Self.message
        let unpadded = (0...5).map { [0x40, 1, 0, UInt8($0)] + [UInt8](repeating: 9, count: $0) }
        #expect(try messages(stream, piece: piece) == [Self.message] + unpadded + [Self.message])
    }

    @Test(
        "What is neither ends the reading", arguments: [[0x80, 0, 0, 0], [0xC0, 0, 0, 0], [0, 1, 0, 3]] as [[UInt8]])
    func garbage(bytes: [UInt8]) {
        #expect(throws: TURNError.self) { try messages(bytes, piece: 4) }
    }

    @Test("A message that is not all there waits")
    func cut() throws {
        #expect(try messages(Array(Self.message.dropLast()), piece: 100).isEmpty)
        #expect(try messages([0x40, 1, 0, 1, 9], piece: 100).isEmpty, "its padding is missing")
    }

    @Test(
        "Channel data is read up to its length, which a datagram may exceed",
        arguments: [
            ([0x40, 0, 0, 2, 7, 8], [7, 8]), ([0x40, 0, 0, 2, 7, 8, 0, 0], [7, 8]), ([0x40, 0, 0, 0], []),
            ([0x40, 0, 0, 3, 7, 8], nil), ([0x40, 0, 0], nil), ([0x00, 0, 0, 0], nil), ([0x80, 0, 0, 0], nil),
        ] as [([UInt8], [UInt8]?)])
    func channelData(bytes: [UInt8], expected: [UInt8]?) {
        #expect(TURNChannelData.parse(bytes.span).map { Array(bytes[$0.data]) } == expected)
    }
}
