import Foundation
import Testing

@testable import Rooms

@Suite("A WebSocket to a server", .timeLimit(.minutes(1)))
struct WebSocketTests {
    /// What the client tells of its socket.
    private enum Told: Sendable, Equatable {
        case text(String)
        case end(WebSocketError.Code)
    }

    /// A server with a script, the client's socket to it, and what that told.
    private struct Opened {
        let server: LoopbackServer
        let socket: WebSocket
        let told: AsyncStream<Told>

        /// What was told until the end.
        func all() async -> [Told] { await told.reduce(into: []) { $0.append($1) } }
    }

    private static func open(
        _ options: WebSocketOptions = WebSocketOptions(), certificate: TestCertificate? = nil,
        _ script: @escaping LoopbackServer.Script
    ) async throws -> Opened {
        let server = try await LoopbackServer(tls: certificate?.serverContext(), script)
        let (told, continuation) = AsyncStream.makeStream(of: Told.self)
        let scheme = certificate == nil ? "ws" : "wss"
        let url = try #require(ServiceURL(webSocket: "\(scheme)://127.0.0.1:\(server.port)/janus"))
        do {
            let socket = try await WebSocket.open(url, options) {
                continuation.yield(.text($0))
            } onEnd: {
                continuation.yield(.end($0.code))
                continuation.finish()
            }
            return Opened(server: server, socket: socket, told: told)
        } catch {
            await server.stop()
            throw error
        }
    }

    @Test("the handshake asks for what RFC 6455 §4.1 wants, with the subprotocol and a fresh key")
    func handshake() async throws {
        #expect(acceptKey(for: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        var options = WebSocketOptions()
        options.subprotocol = "janus-protocol"
        options.headers = [("Origin", "here")]
        var keys: Set<String> = []
        for _ in 0..<2 {
            let (heads, continuation) = AsyncStream.makeStream(of: [String].self)
            let opened = try await Self.open(options) { connection in
                continuation.yield(try await connection.upgrade())
                try await connection.readToEnd()
            }
            var iterator = heads.makeAsyncIterator()
            let head = try #require(await iterator.next())
            #expect(head.first == "GET /janus HTTP/1.1")
            #expect(header("Host", in: head) == "127.0.0.1:\(opened.server.port)")
            #expect(header("Upgrade", in: head).lowercased() == "websocket")
            #expect(header("Connection", in: head).lowercased() == "upgrade")
            #expect(header("Sec-WebSocket-Version", in: head) == "13")
            #expect(header("Sec-WebSocket-Protocol", in: head) == "janus-protocol")
            #expect(header("Origin", in: head) == "here")
            let key = header("Sec-WebSocket-Key", in: head)
            #expect(Data(base64Encoded: key)?.count == 16)
            keys.insert(key)
            await opened.socket.close()
            await opened.server.stop()
        }
        #expect(keys.count == 2)
    }

    @Test("what it sends is one masked text frame a message, under a new mask each time, of every length's form")
    func masking() async throws {
        let (frames, continuation) = AsyncStream.makeStream(of: TestFrame.self)
        let opened = try await Self.open { connection in
            try await connection.upgrade()
            while true { continuation.yield(try await connection.readFrame()) }
        }
        let texts = ["", "hello", String(repeating: "ä", count: 200), String(repeating: "x", count: 70_000)]
        for text in texts { opened.socket.send(text) }
        var masks: Set<[UInt8]> = []
        var iterator = frames.makeAsyncIterator()
        for text in texts {
            let frame = try #require(await iterator.next())
            #expect(frame.text == text && frame.opcode == 1 && frame.isFinal && frame.reserved == 0)
            masks.insert(try #require(frame.mask))
        }
        #expect(masks.count == texts.count)
        await opened.socket.close()
        let goodbye = try #require(await iterator.next())
        #expect(goodbye.opcode == 8 && goodbye.payload == [3, 232] && goodbye.mask != nil)
        await opened.server.stop()
    }

    @Test("messages come whole: in fragments with a ping between, byte by byte, of every length's form")
    func receiving() async throws {
        let long = [String(repeating: "y", count: 300), String(repeating: "z", count: 66_000)]
        let (pongs, continuation) = AsyncStream.makeStream(of: TestFrame.self)
        let opened = try await Self.open { connection in
            try await connection.upgrade()
            for frame in [
                TestFrame(.text, "ab".utf8, isFinal: false), TestFrame(.ping, "are you there".utf8),
                TestFrame(.continuation, "cd".utf8, isFinal: false), TestFrame(.continuation, "ef".utf8),
                TestFrame(.binary, [1, 2, 3]), TestFrame(.pong, []),
            ] { try await connection.write(frame.bytes) }
            for byte in TestFrame("half and half").bytes { try await connection.write([byte]) }
            for text in long { try await connection.write(TestFrame(text).bytes) }
            continuation.yield(try await connection.readFrame())
            try await connection.write(TestFrame(.close, [3, 232] + "bye".utf8).bytes)
            // A close is answered by one.
            continuation.yield(try await connection.readFrame())
            try await connection.readToEnd()
        }
        let told = await opened.all()
        #expect(told == (["abcdef", "half and half"] + long).map { .text($0) } + [.end(.closed)])
        var iterator = pongs.makeAsyncIterator()
        let pong = try #require(await iterator.next())
        #expect(pong.opcode == 10 && pong.text == "are you there" && pong.mask != nil)
        let close = try #require(await iterator.next())
        #expect(close.opcode == 8 && close.payload == [3, 232] && close.mask != nil)
        await opened.server.stop()
    }

    @Test("nothing that was sent right behind the handshake's answer is lost")
    func together() async throws {
        let opened = try await Self.open { connection in
            let head = try await connection.readHead()
            let answer =
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: \(acceptKey(for: header("Sec-WebSocket-Key", in: head)))\r\n\r\n"
            try await connection.write(Array(answer.utf8) + TestFrame("at once").bytes)
            try await connection.readToEnd()
        }
        var told = opened.told.makeAsyncIterator()
        #expect(await told.next() == .text("at once"))
        await opened.socket.close()
        await opened.server.stop()
    }

    private struct Breach: CustomTestStringConvertible {
        var testDescription: String
        var bytes: [UInt8]

        init(_ description: String, _ frames: TestFrame...) {
            testDescription = description
            bytes = frames.flatMap(\.bytes)
        }

        static func changed(_ frame: TestFrame, _ change: (inout TestFrame) -> Void) -> TestFrame {
            var frame = frame
            change(&frame)
            return frame
        }
    }

    @Test(
        "what breaks RFC 6455, or is more than is allowed, ends the connection and is not told",
        arguments: [
            Breach("a masked frame of a server (§5.1)", Breach.changed(TestFrame("x")) { $0.mask = [1, 2, 3, 4] }),
            Breach("a reserved bit (§5.2)", Breach.changed(TestFrame("x")) { $0.reserved = 4 }),
            Breach("an unknown opcode (§5.2)", Breach.changed(TestFrame("x")) { $0.opcode = 3 }),
            Breach("a ping in fragments (§5.4)", TestFrame(.ping, [1], isFinal: false)),
            Breach("a ping of 126 bytes (§5.5)", TestFrame(.ping, [UInt8](repeating: 0, count: 126))),
            Breach("a continuation of nothing (§5.4)", TestFrame(.continuation, "x".utf8)),
            Breach(
                "a new message within another (§5.4)", TestFrame(.text, "x".utf8, isFinal: false), TestFrame("y")),
            Breach("text that is no UTF-8 (§8.1)", TestFrame(.text, [0xC3, 0x28])),
            Breach("a message above the limit", TestFrame(String(repeating: "x", count: 1001))),
            Breach(
                "fragments above the limit together",
                TestFrame(.text, [UInt8](repeating: 120, count: 600), isFinal: false),
                TestFrame(.continuation, [UInt8](repeating: 120, count: 600))),
        ])
    private func breaches(breach: Breach) async throws {
        var options = WebSocketOptions()
        options.maximumMessageSize = 1000
        let opened = try await Self.open(options) { connection in
            try await connection.upgrade()
            try await connection.write(breach.bytes)
            try await connection.readToEnd()
        }
        #expect(await opened.all() == [.end(.badFrame)])
        await opened.server.stop()
    }

    @Test(
        "an end without a goodbye, even within a frame, is an end",
        arguments: [[], Array(TestFrame("never to end").bytes.dropLast(3)), [0x81]])
    func breaksOff(bytes: [UInt8]) async throws {
        let opened = try await Self.open { connection in
            try await connection.upgrade()
            _ = try await connection.readFrame()
            try await connection.write(bytes)
        }
        opened.socket.send("go on")
        #expect(await opened.all() == [.end(.closed)])
        await opened.server.stop()
    }

    @Test(
        "an answer that is no WebSocket is refused, and says what it was",
        arguments: [
            ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "401"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200"),
            (
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Accept: c29tZXRoaW5nIGVsc2UuLi4=\r\n\r\n", ""
            ),
            ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", ""),
            ("SSH-2.0-OpenSSH\r\n\r\n", ""),
        ])
    func refused(answer: String, told: String) async throws {
        let error = await #expect(throws: WebSocketError.self) {
            _ = try await Self.open { connection in
                _ = try await connection.readHead()
                try await connection.write(answer)
                try await connection.readToEnd()
            }
        }
        #expect(
            error?.code == .refused && (told.isEmpty || error?.reason.contains(told) == true),
            "\(String(describing: error))")
    }

    @Test("a server that closes, or that never answers, cannot be reached")
    func silent() async throws {
        let closed = await #expect(throws: WebSocketError.self) {
            _ = try await Self.open { connection in _ = try await connection.readHead() }
        }
        #expect(closed?.code == .unreachable)
        var options = WebSocketOptions()
        options.connectTimeout = .milliseconds(50)
        let late = await #expect(throws: WebSocketError.self) {
            _ = try await Self.open(options) { connection in try await connection.readToEnd() }
        }
        #expect(late?.code == .unreachable && late?.reason.contains("in time") == true)
        let nobody = try await LoopbackServer { _ in }
        await nobody.stop()
        let url = try #require(ServiceURL(webSocket: "ws://127.0.0.1:\(nobody.port)"))
        await #expect(throws: WebSocketError.self) {
            _ = try await WebSocket.open(url, WebSocketOptions()) { _ in
            } onEnd: { _ in
            }
        }
    }

    @Test("TLS: a certificate is believed where its authority and its name are, and not elsewhere")
    func tls() async throws {
        let right = try TestCertificate("IP:127.0.0.1")
        let otherName = try TestCertificate("DNS:elsewhere.example")
        let script: LoopbackServer.Script = { connection in
            try await connection.upgrade()
            try await connection.write(TestFrame("secret").bytes)
            try await connection.readToEnd()
        }
        let cases: [(TestCertificate, TLSVerification, Bool)] = [
            (right, .authorities(file: right.file), true), (right, .none, true), (otherName, .none, true),
            (right, .system, false), (right, .authorities(file: otherName.file), false),
            (otherName, .authorities(file: otherName.file), false), (right, .authorities(file: "/nowhere"), false),
        ]
        for (certificate, trust, isBelieved) in cases {
            var options = WebSocketOptions()
            options.tls = trust
            do {
                let opened = try await Self.open(options, certificate: certificate, script)
                var told = opened.told.makeAsyncIterator()
                #expect(await told.next() == .text("secret"))
                #expect(isBelieved, "\(trust)")
                await opened.socket.close()
                await opened.server.stop()
            } catch let error as WebSocketError {
                #expect(!isBelieved && error.code == .unreachable, "\(trust): \(error)")
            }
        }
    }
}
