/// The little of multicast DNS that finding the address behind a browser's candidate needs (RFC 6762, RFC 1035 §4).
package enum MDNSMessage {
    /// An address that a response gives for a name.
    package struct Answer: Sendable, Hashable {
        /// In lower case, without a dot at the end.
        package var name: String
        /// Its port is 0.
        package var address: SocketAddress
        /// In seconds; 0 takes the answer back (RFC 6762 §10.1).
        package var ttl: UInt32
    }

    /// A query for the A and AAAA records of a name.
    /// - `name`: labels of 1–63 bytes, 253 in all; nil for others.
    package static func query(_ name: String) -> [UInt8]? {
        let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard name.utf8.count <= 253, labels.allSatisfy({ 1...63 ~= $0.count }) else { return nil }
        let encoded: [UInt8] = labels.flatMap { [UInt8($0.count)] + Array($0) } + [0]
        var bytes: [UInt8] = []
        // Id and flags of 0 (RFC 6762 §18.1, §18.2), two questions.
        for field: UInt16 in [0, 0, 2, 0, 0, 0] { bytes.append(bigEndian: field) }
        for type in [typeA, typeAAAA] {
            bytes += encoded
            bytes.append(bigEndian: type)
            bytes.append(bigEndian: classIN)
        }
        return bytes
    }

    /// The addresses in a response: any bytes are safe, and what cannot be read ends the reading.
    package static func answers(_ bytes: Span<UInt8>) -> [Answer] {
        guard bytes.count >= 12, bytes[2] & 0xF8 == 0x80, bytes[3] & 0xF == 0 else { return [] }
        var offset = 12
        for _ in 0..<bytes.bigEndian16(4) {
            guard readName(bytes, &offset) != nil else { return [] }
            offset += 4
        }
        let records = Int(bytes.bigEndian16(6)) + Int(bytes.bigEndian16(8)) + Int(bytes.bigEndian16(10))
        var answers: [Answer] = []
        for _ in 0..<records {
            guard let name = readName(bytes, &offset), offset + 10 <= bytes.count else { break }
            let (type, count) = (bytes.bigEndian16(offset), Int(bytes.bigEndian16(offset + 8)))
            // The top bit of the class is the cache-flush bit (RFC 6762 §10.2).
            let isIN = bytes.bigEndian16(offset + 2) & 0x7FFF == classIN
            let ttl = bytes.bigEndian32(offset + 4)
            let data = offset + 10
            guard data + count <= bytes.count else { break }
            offset = data + count
            guard isIN, let host = host(bytes, at: data, type, count) else { continue }
            answers.append(Answer(name: name, address: SocketAddress(host: host, port: 0), ttl: ttl))
        }
        return answers
    }

    private static func host(
        _ bytes: Span<UInt8>, at offset: Int, _ type: UInt16, _ count: Int
    ) -> SocketAddress.Host? {
        switch (type, count) {
        case (typeA, 4): .v4(bytes.bigEndian32(offset))
        case (typeAAAA, 16): .v6(bytes.bigEndian64(offset), bytes.bigEndian64(offset + 8))
        default: nil
        }
    }

    /// Reads a name and goes past it; follows compression only backwards, so that it ends (RFC 1035 §4.1.4).
    private static func readName(_ bytes: Span<UInt8>, _ offset: inout Int) -> String? {
        var name: [UInt8] = []
        var position = offset
        var end: Int?
        while position < bytes.count {
            let count = Int(bytes[position])
            switch count >> 6 {
            case 0 where count == 0:
                offset = end ?? position + 1
                return String(decoding: name, as: UTF8.self).lowercased()
            case 0:
                guard position + 1 + count <= bytes.count, name.count + count < 255 else { return nil }
                if !name.isEmpty { name.append(UInt8(ascii: ".")) }
                for index in position + 1...position + count { name.append(bytes[index]) }
                position += 1 + count
            case 3:
                guard position + 2 <= bytes.count else { return nil }
                let target = Int(bytes.bigEndian16(position) & 0x3FFF)
                guard target < position else { return nil }
                end = end ?? position + 2
                position = target
            default: return nil
            }
        }
        return nil
    }

    private static let typeA: UInt16 = 1
    private static let typeAAAA: UInt16 = 28
    private static let classIN: UInt16 = 1
}
