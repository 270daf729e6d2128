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
        var payload = frame.unmaskedData
        switch frame.opcode {
        case .text: onText(payload.readString(length: payload.readableBytes) ?? "")
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
        default: break
        }
    }

    private func send(_ opcode: WebSocketOpcode, _ data: ByteBuffer?, _ context: ChannelHandlerContext) {
        let frame = WebSocketFrame(
            fin: true, opcode: opcode, maskKey: .random(), data: data ?? context.channel.allocator.buffer(capacity: 0))
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end =
            end
            ?? WebSocketError(error is NIOWebSocketError ? .badFrame : .closed, "\(error)")
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !hasEnded {
            hasEnded = true
            onEnd(end ?? WebSocketError(.closed, "the connection was lost"))
        }
        context.fireChannelInactive()
    }
}
