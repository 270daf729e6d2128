internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import NIOWebSocket
import Synchronization

/// A WebSocket to a server (RFC 6455), for text messages.
final class WebSocket: Sendable {
    private let channel: any Channel

    private init(_ channel: any Channel) { self.channel = channel }

    /// Opens a WebSocket.
    /// - `onText`: a message; on the service thread, in order; must return soon.
    /// - `onEnd`: called once, when the connection is over, whoever ended it. Nothing comes after it.
    /// - Throws: ``WebSocketError``.
    static func open(
        _ url: ServiceURL, _ options: WebSocketOptions, onText: @escaping @Sendable (String) -> Void,
        onEnd: @escaping @Sendable (WebSocketError) -> Void
    ) async throws -> WebSocket {
        let tls: NIOSSLContext?
        do { tls = url.isSecure ? try options.tls.makeContext() : nil } catch {
            throw WebSocketError(.unreachable, "TLS cannot be set up: \(error)")
        }
        let opened = ServiceEventLoop.group.any().makePromise(of: (any Channel).self)
        let answer = HandshakeAnswer(opened)
        let handler = NIOLoopBoundBox.makeEmptyBox(
            valueType: WebSocketHandler.self, eventLoop: opened.futureResult.eventLoop)
        let bootstrap = ClientBootstrap(group: opened.futureResult.eventLoop)
            .connectTimeout(.nanoseconds(options.connectTimeout.wholeNanoseconds))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    handler.value = WebSocketHandler(onText: onText, onEnd: onEnd)
                    try configure(channel, url, options, tls, answer, handler)
                }
            }
        let timeout = opened.futureResult.eventLoop.scheduleTask(
            in: .nanoseconds(options.connectTimeout.wholeNanoseconds)
        ) {
            answer.fail(WebSocketError(.unreachable, "\(url.authority) did not answer in time"))
        }
        defer { timeout.cancel() }
        do {
            let channel = try await bootstrap.connect(host: url.host, port: url.port).get()
            var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: url.path)
            head.headers.add(name: "Host", value: url.authority)
            if let subprotocol = options.subprotocol {
                head.headers.add(name: "Sec-WebSocket-Protocol", value: subprotocol)
            }
            for (name, value) in options.headers { head.headers.add(name: name, value: value) }
            channel.write(HTTPClientRequestPart.head(head), promise: nil)
            channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
            do {
                return WebSocket(try await opened.futureResult.get())
            } catch {
                channel.close(promise: nil)
                throw error
            }
        } catch let error as WebSocketError {
            throw error
        } catch {
            let failure = WebSocketError(.unreachable, "\(url.authority) cannot be reached: \(error)")
            answer.fail(failure)
            throw failure
        }
    }

    /// Thread: the channel's event loop.
    private static func configure(
        _ channel: any Channel, _ url: ServiceURL, _ options: WebSocketOptions, _ tls: NIOSSLContext?,
        _ answer: HandshakeAnswer, _ handler: NIOLoopBoundBox<WebSocketHandler?>
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        if let tls {
            // A name for SNI; an address has none (RFC 6066 §3), and is checked against the certificate as it is.
            let isAddress = (try? SocketAddress(ipAddress: url.host, port: 0)) != nil
            try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: isAddress ? nil : url.host))
        }
        let upgrader = NIOWebSocketClientUpgrader(
            maxFrameSize: options.maximumMessageSize, automaticErrorHandling: false
        ) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                let operations = channel.pipeline.syncOperations
                // It reads HTTP, and what comes now is none.
                let handshake = try operations.context(handlerType: HandshakeHandler.self)
                operations.removeHandler(context: handshake, promise: nil)
                try operations.addHandler(
                    NIOWebSocketFrameAggregator(
                        minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 4096,
                        maxAccumulatedFrameSize: options.maximumMessageSize))
                if let handler = handler.value { try operations.addHandler(handler) }
                handler.value = nil
                answer.succeed(channel)
            }
        }
        // What comes in one piece with the handshake's answer is the first of the messages.
        try pipeline.addHTTPClientHandlers(
            leftOverBytesStrategy: .forwardBytes,
            withClientUpgrade: (upgraders: [upgrader], completionHandler: { _ in }))
        try pipeline.addHandler(HandshakeHandler(answer))
    }

    /// Sends a message. Any thread; does not wait; dropped when the connection is over.
    func send(_ text: String) {
        let frame = WebSocketFrame(
            fin: true, opcode: .text, maskKey: .random(), data: channel.allocator.buffer(string: text))
        channel.writeAndFlush(frame, promise: nil)
    }

    /// Says goodbye and closes, without waiting for the server's word. Idempotent.
    func close() async {
        let channel = channel
        let frame = WebSocketFrame(
            fin: true, opcode: .connectionClose, maskKey: .random(),
            data: channel.allocator.buffer(integer: UInt16(1000)))
        try? await channel.writeAndFlush(frame).flatMap { channel.close() }.get()
    }
}

/// The one answer to a handshake, whoever gives it first.
private final class HandshakeAnswer: Sendable {
    private let promise: Mutex<EventLoopPromise<any Channel>?>

    init(_ promise: EventLoopPromise<any Channel>) { self.promise = Mutex(promise) }

    func succeed(_ channel: any Channel) { take()?.succeed(channel) }
    func fail(_ error: WebSocketError) { take()?.fail(error) }

    private func take() -> EventLoopPromise<any Channel>? { promise.withLock { $0.take() } }
}

/// What comes before the WebSocket, and should not: an answer that is no upgrade, or an end.
private final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let answer: HandshakeAnswer

    init(_ answer: HandshakeAnswer) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let head) = unwrapInboundIn(data) else { return }
        answer.fail(
            WebSocketError(
                .refused, "the server answered \(head.status.code) \(head.status.reasonPhrase), no WebSocket"))
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // An answer that is no WebSocket's (a wrong accept key among them), or none of HTTP.
        let isAnswer = error is NIOHTTPClientUpgradeError || error is HTTPParserError
        answer.fail(
            isAnswer
                ? WebSocketError(.refused, "the server's answer is no WebSocket's: \(error)")
                : WebSocketError(.unreachable, "\(error)"))
        context.fireErrorCaught(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(WebSocketError(.unreachable, "the server closed the connection"))
        context.fireChannelInactive()
    }
}

extension Duration {
    /// Rounded down; at most what an Int64 holds.
    var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : product + attoseconds / 1_000_000_000
    }
}
