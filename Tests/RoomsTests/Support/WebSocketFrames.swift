import COpenSSL
import Foundation

/// A frame of a WebSocket as bytes (RFC 6455 §5.2), written by hand.
struct TestFrame: Equatable {
    enum Opcode: UInt8 {
        case continuation = 0
        case text = 1
        case binary = 2
        case close = 8
        case ping = 9
        case pong = 10
    }

    var opcode: UInt8
    var payload: [UInt8]
    var isFinal = true
    var reserved: UInt8 = 0
    var mask: [UInt8]?

    init(_ opcode: Opcode, _ payload: some Sequence<UInt8>, isFinal: Bool = true) {
        self.opcode = opcode.rawValue
        self.payload = Array(payload)
        self.isFinal = isFinal
    }

    init(_ text: String) { self.init(.text, text.utf8) }

    var text: String { String(decoding: payload, as: UTF8.self) }

    var bytes: [UInt8] {
        var bytes = [(isFinal ? 0x80 : 0) | reserved << 4 | opcode]
        let masked: UInt8 = mask == nil ? 0 : 0x80
        switch payload.count {
        case ..<126: bytes.append(masked | UInt8(payload.count))
        case ..<65_536: bytes += [masked | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        default: bytes += [masked | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        guard let mask else { return bytes + payload }
        return bytes + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
    }
}

extension ServerConnection {
    /// The next frame of the client.
    func readFrame() async throws -> TestFrame {
        let head = try await read(2)
        var count = Int(head[1] & 0x7F)
        if count >= 126 {
            count = try await read(count == 126 ? 2 : 8).reduce(0) { $0 << 8 | Int($1) }
        }
        let mask = head[1] & 0x80 == 0 ? nil : try await read(4)
        let payload = try await read(count)
        var frame = TestFrame(.text, mask.map { mask in payload.enumerated().map { $1 ^ mask[$0 % 4] } } ?? payload)
        frame.isFinal = head[0] & 0x80 != 0
        frame.reserved = head[0] >> 4 & 7
        frame.opcode = head[0] & 15
        frame.mask = mask
        return frame
    }

    /// Answers a client's handshake.
    /// - Returns: its lines.
    @discardableResult
    func upgrade() async throws -> [String] {
        let head = try await readHead()
        try await write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: \(acceptKey(for: header("Sec-WebSocket-Key", in: head)))\r\n\r\n")
        return head
    }
}

/// A header's value, or "".
func header(_ name: String, in head: [String]) -> String {
    let line = head.first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
    return line.map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) } ?? ""
}

/// RFC 6455 §4.2.2.
func acceptKey(for key: String) -> String {
    let text = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
    var digest = [UInt8](repeating: 0, count: 20)
    _ = unsafe SHA1(text, text.count, &digest)
    return Data(digest).base64EncodedString()
}
