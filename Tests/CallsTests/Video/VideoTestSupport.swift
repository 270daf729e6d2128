import Codecs
import Glibc
import Media
import RTP
import Synchronization

@testable import Calls

/// A moving picture of shades and edges. B G R X as a screen's, or I420 as a camera's.
func movingFrame(
    _ width: Int, _ height: Int, number: Int, at instant: MonotonicInstant, format: PixelFormat = .bgrx
) -> VideoFrame {
    func shade(_ x: Int, _ y: Int) -> UInt8 {
        let edge = (number * 3) % width
        return (edge..<edge + width / 4).contains(x) && y > height / 2 ? 210 : UInt8(60 + (x / 2 + y + number) % 100)
    }
    let isScreen = format == .bgrx
    let luma = (0..<height).flatMap { y in
        (0..<width).flatMap { x in [UInt8](repeating: shade(x, y), count: isScreen ? 4 : 1) }
    }
    let chroma = [UInt8](repeating: 128, count: ((width + 1) / 2) * ((height + 1) / 2))
    let planes = isScreen ? [(luma, width * 4)] : [(luma, width), (chroma, (width + 1) / 2), (chroma, (width + 1) / 2)]
    let copies = planes.map { bytes, stride in
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        unsafe copy.copyBytes(from: bytes)
        return unsafe VideoFrame.Plane(bytes: UnsafeRawBufferPointer(copy), stride: stride)
    }
    return unsafe VideoFrame(
        format: format, width: width, height: height, planes: copies, capturedAt: instant, sequence: UInt32(number),
        release: { for copy in copies { unsafe copy.bytes.deallocate() } })
}

/// How alike the luma of two I420 pictures is, in dB; 99 for the same.
func psnr(_ a: VideoFrame, _ b: VideoFrame) -> Double {
    var sum = 0
    for y in 0..<a.height {
        for x in 0..<a.width {
            let (planeA, planeB) = (a.planes[0], b.planes[0])
            let difference = unsafe Int(planeA.bytes[y * planeA.stride + x]) - Int(planeB.bytes[y * planeB.stride + x])
            sum += difference * difference
        }
    }
    return sum == 0 ? 99 : 10 * log10(255 * 255 * Double(a.width * a.height) / Double(sum))
}

/// A sender and a receiver with a network between them, moved by hand: time goes on only by ``step(_:network:)``.
final class VideoBench: Sendable {
    let time = BenchTime()
    let wire = Collected<RTPPacket>()
    let pictures = Collected<VideoFrame>()
    let sender: VideoSender
    let receiver: VideoReceiver
    private let number = Mutex(0)
    /// Whether the receiver's requests reach the sender.
    let requestsPass = Flag()

    init(target: VideoTarget = VideoTarget(width: 320, height: 240, framesPerSecond: 30)) {
        let (time, wire, pictures) = (time, wire, pictures)
        let sender = VideoSender(target: target, ssrc: 9, notBefore: time.now, now: { time.now }) { wire.append($0) }
        self.sender = sender
        let passes = requestsPass
        receiver = VideoReceiver(
            now: { time.now }, requestKeyframe: { if passes.value { sender.requestKeyframe() } },
            deliver: { pictures.append($0) })
    }

    /// A thirtieth of a second: a frame is captured, sent, and what came over the network is received.
    /// - Returns: the frame.
    @discardableResult
    func step(
        _ width: Int = 160, _ height: Int = 120, network: ([RTPPacket]) -> [RTPPacket] = { $0 }
    ) -> VideoFrame {
        time.advance(by: .nanoseconds(33_333_333))
        let number = number.withLock { number in
            number += 1
            return number
        }
        let frame = movingFrame(width, height, number: number, at: time.now)
        sender.offer(frame)
        pump(network: network)
        return frame
    }

    /// Sends and receives without a new frame.
    func pump(network: ([RTPPacket]) -> [RTPPacket] = { $0 }) {
        _ = sender.pump(now: time.now)
        for packet in network(wire.take()) { receiver.receive(packet) }
        _ = receiver.pump(now: time.now)
    }
}

/// A switch between threads, on at first.
final class Flag: Sendable {
    private let flag = Atomic(true)

    var value: Bool {
        get { flag.load(ordering: .relaxed) }
        set { flag.store(newValue, ordering: .relaxed) }
    }
}
