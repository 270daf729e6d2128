import Media
import Synchronization

@testable import ScreenCapture

/// What a started device delivers, as one sequence.
final class Frames: Sendable {
    enum Item: Sendable {
        case frame(VideoFrame)
        case event(VideoDeviceEvent)
    }

    private let stream: AsyncStream<Item>
    private let input: AsyncStream<Item>.Continuation

    init() { (stream, input) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(2)) }

    func start(
        _ device: any VideoDevice, framesPerSecond: Double = 50, stallAfter: Duration = .seconds(2)
    ) async throws(DeviceError) -> VideoStreamInfo {
        var target = VideoTarget(width: 1920, height: 1080, framesPerSecond: framesPerSecond)
        target.stallAfter = stallAfter
        return try await device.start(
            target, deliver: { [input] in input.yield(.frame($0)) }, onEvent: { [input] in input.yield(.event($0)) })
    }

    /// The next frame for which the condition holds.
    func first(where condition: (VideoFrame) -> Bool = { _ in true }) async throws -> VideoFrame {
        for await item in stream {
            switch item {
            case .frame(let frame): if condition(frame) { return frame }
            case .event(.ended(let error)): throw error
            case .event: break
            }
        }
        throw CancellationError()
    }

    /// The next event.
    func event() async -> VideoDeviceEvent? {
        for await case .event(let event) in stream { return event }
        return nil
    }

    /// Why the stream ended.
    func end() async -> DeviceError? {
        while let event = await event() {
            if case .ended(let error) = event { return error }
        }
        return nil
    }
}

extension VideoFrame {
    /// A pixel as 0xRRGGBB.
    func pixel(_ x: Int, _ y: Int) -> UInt32 {
        let plane = planes[0]
        return unsafe plane.bytes.loadUnaligned(fromByteOffset: y * plane.stride + x * 4, as: UInt32.self) & 0xffffff
    }

    /// Whether all pixels have one colour.
    func isAll(_ colour: UInt32) -> Bool {
        (0..<height).allSatisfy { y in (0..<width).allSatisfy { x in pixel(x, y) == colour } }
    }

    var address: UInt { unsafe UInt(bitPattern: planes[0].bytes.baseAddress) }
}
