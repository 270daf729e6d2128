internal import NIOCore
internal import NIOWebSocket
import Synchronization

/// The frames of an open WebSocket: text goes to the owner, pings are answered, the end is told once.
///
/// Thread: the channel's event loop.
final class WebSocketHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let onText: @Sendable (String) -> Void
    private let onEnd: @Sendable (WebSocketError) -> Void
    private var end: WebSocketError?
    private var hasEnded = false

    init(onText: @escaping @Sendable (String) -> Void, onEnd: @escaping @Sendable (WebSocketError) -> Void) {
        self.onText = onText
        self.onEnd = onEnd
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        // Nothing more is heard of a server that broke the protocol.
        guard end == nil else { return }
        // RFC 6455 §5.1: a server masks nothing; §5.2: no extension was agreed that gives the reserved bits a meaning.
        guard frame.maskKey == nil, !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
            return fail("a masked frame, or reserved bits", context)
        }
        var payload = frame.unmaskedData
        switch frame.opcode {
        case .text:
            guard let text = String(validating: payload.readableBytesView, as: UTF8.self) else {
                return fail("text that is no UTF-8", context, code: 1007)
            }
            onText(text)
        case .ping:
            // RFC 6455 §5.5.3: with the ping's own data.
            send(.pong, payload, context)
        case .connectionClose:
            let code = payload.readInteger(as: UInt16.self)
            let reason = payload.readString(length: min(payload.readableBytes, 123)) ?? ""
            end =
                end
                ?? WebSocketError(
                    .closed,
                    "closed by the server" + (code.map { ", \($0)" } ?? "") + (reason.isEmpty ? "" : " \(reason)"))
            // RFC 6455 §5.5.1: a close is answered by one.
            send(.connectionClose, code.map { context.channel.allocator.buffer(integer: $0) }, context)
            context.close(promise: nil)
        case .binary, .pong, .continuation: break
        default: fail("an unknown opcode", context)
        }
    }

    /// - `code`: of the goodbye (RFC 6455 §7.4.1).
    private func fail(_ reason: String, _ context: ChannelHandlerContext, code: UInt16 = 1002) {
        end = WebSocketError(.badFrame, "the server sent \(reason)")
        send(.connectionClose, context.channel.allocator.buffer(integer: code), context)
        context.close(promise: nil)
    }

    private func send(_ opcode: WebSocketOpcode, _ data: ByteBuffer?, _ context: ChannelHandlerContext) {
        let frame = WebSocketFrame(
            fin: true, opcode: opcode, maskKey: .random(), data: data ?? context.channel.allocator.buffer(capacity: 0))
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard end == nil else { return }
        guard error is NIOWebSocketError || error is NIOWebSocketFrameAggregator.Error else {
            end = WebSocketError(.closed, "\(error)")
            context.close(promise: nil)
            return
        }
        fail("what RFC 6455 does not allow, or too much: \(error)", context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !hasEnded {
            hasEnded = true
            onEnd(end ?? WebSocketError(.closed, "the connection was lost"))
        }
        context.fireChannelInactive()
    }
}
