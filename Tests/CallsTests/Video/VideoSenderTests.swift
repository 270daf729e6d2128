import Codecs
import Media
import RTP
import Testing

@testable import Calls

@Suite("Sending pictures")
struct VideoSenderTests {
    private static func sender(
        _ target: VideoTarget = VideoTarget(width: 320, height: 240, framesPerSecond: 30), time: BenchTime,
        wire: Collected<RTPPacket>
    ) -> VideoSender {
        VideoSender(target: target, ssrc: 5, notBefore: time.now, now: { time.now }) { wire.append($0) }
    }

    @Test("A frame captured before the session began is dropped and counted; the next one is sent")
    func stale() {
        let (time, wire) = (BenchTime(), Collected<RTPPacket>())
        let sender = Self.sender(time: time, wire: wire)
        sender.offer(movingFrame(64, 48, number: 0, at: time.now - .nanoseconds(1)))
        #expect(sender.pump(now: time.now) == nil)
        #expect(wire.take().isEmpty)
        #expect(sender.statistics.droppedStale == 1 && sender.statistics.firstFrameAt == nil)
        time.advance(by: .milliseconds(5))
        sender.offer(movingFrame(64, 48, number: 1, at: time.now))
        _ = sender.pump(now: time.now)
        #expect(!wire.take().isEmpty)
        let statistics = sender.statistics
        #expect(statistics.framesIn == 2 && statistics.encoded == 1 && statistics.keyframes == 1)
        #expect(statistics.firstFrameAt == time.now && statistics.firstPacketAt == time.now)
    }

    @Test("Only the latest frame is sent; the ones it overtook are let go at once")
    func latest() {
        let (time, wire) = (BenchTime(), Collected<RTPPacket>())
        let sender = Self.sender(time: time, wire: wire)
        weak var first: VideoFrame?
        for number in 0..<3 {
            time.advance(by: .milliseconds(33))
            let frame = movingFrame(64, 48, number: number, at: time.now)
            if number == 0 { first = frame }
            sender.offer(frame)
        }
        #expect(first == nil)
        _ = sender.pump(now: time.now)
        #expect(sender.statistics.encoded == 1 && sender.statistics.droppedBusy == 2)
    }

    @Test("Frames that come faster than the target's rate are thinned out to it")
    func rate() {
        let (time, wire) = (BenchTime(), Collected<RTPPacket>())
        let sender = Self.sender(VideoTarget(width: 320, height: 240, framesPerSecond: 15), time: time, wire: wire)
        for number in 0..<60 {
            time.advance(by: .nanoseconds(16_666_667))
            sender.offer(movingFrame(32, 32, number: number, at: time.now))
            _ = sender.pump(now: time.now)
        }
        let statistics = sender.statistics
        #expect((14...20).contains(statistics.encoded + statistics.droppedByEncoder))
        #expect(statistics.encoded + statistics.droppedBusy + statistics.droppedByEncoder == 60)
    }

    @Test(
        "A picture larger than the target is sent smaller, in its shape; others as they are",
        arguments: [
            ((640, 480), (320, 240)), ((640, 240), (320, 120)), ((240, 320), (240, 320)), ((480, 640), (240, 320)),
            ((100, 50), (100, 50)), ((320, 241), (318, 240)), ((2000, 2), (320, 2)), ((7, 5), (7, 5)),
        ])
    func size(from: (Int, Int), to: (Int, Int)) {
        let (time, wire) = (BenchTime(), Collected<RTPPacket>())
        let sender = Self.sender(time: time, wire: wire)
        sender.offer(movingFrame(from.0, from.1, number: 0, at: time.now))
        _ = sender.pump(now: time.now)
        #expect((sender.statistics.width, sender.statistics.height) == to)
    }

    @Test("Where encoding takes longer than a picture lasts, pictures become fewer and then smaller")
    func slowMachine() {
        let (time, wire) = (BenchTime(), Collected<RTPPacket>())
        var capturedAt = time.now
        let target = VideoTarget(width: 320, height: 240, framesPerSecond: 30)
        // Every look at the clock takes 60 ms: so long does a picture, however it is encoded.
        let sender = VideoSender(target: target, ssrc: 5, notBefore: time.now) {
            time.advance(by: .milliseconds(60))
            return time.now
        } send: {
            wire.append($0)
        }
        var encoded: [Int] = []
        for number in 0..<240 {
            if number % 60 == 0 { encoded.append(sender.statistics.encoded) }
            sender.offer(movingFrame(320, 240, number: number, at: capturedAt))
            _ = sender.pump(now: capturedAt)
            capturedAt = capturedAt + .nanoseconds(33_333_333)
        }
        let statistics = sender.statistics
        #expect((statistics.width, statistics.height) == (160, 120))
        #expect(statistics.encoded - (encoded.last ?? 0) < 25, "a third of 60 pictures")
    }

    @Test("Timestamps follow the time of capture at 90 kHz, without adding up errors")
    func timestamps() throws {
        let (time, wire) = (BenchTime(), Collected<RTPPacket>())
        let sender = VideoSender(
            target: VideoTarget(width: 320, height: 240, framesPerSecond: 30), content: .screen, ssrc: 5,
            notBefore: time.now, now: { time.now }, start: RTPStart(sequenceNumber: 1, timestamp: 0)
        ) { wire.append($0) }
        var packets: [RTPPacket] = []
        for number in 0..<31 {
            sender.offer(movingFrame(32, 32, number: number, at: time.now))
            _ = sender.pump(now: time.now)
            packets += wire.take()
            time.advance(by: .nanoseconds(33_333_333))
        }
        #expect(packets.first?.timestamp == 0)
        #expect(abs(Int(try #require(packets.last).timestamp.rawValue) - 90_000) <= 1)
        #expect(packets.allSatisfy { $0.ssrc == 5 })
    }

    @Test("A keyframe that is asked for is the next picture")
    func keyframe() {
        let bench = VideoBench()
        for _ in 0..<3 { bench.step() }
        let before = bench.sender.statistics.keyframes
        bench.sender.requestKeyframe()
        bench.step()
        bench.step()
        #expect(bench.sender.statistics.keyframes == before + 1)
    }

    @Test("Of a still screen the last picture is sent again when a keyframe is asked for, though not for ever")
    func stillScreen() {
        let bench = VideoBench()
        bench.step()
        bench.step()
        let before = bench.sender.statistics
        bench.sender.requestKeyframe()
        let wait = bench.sender.pump(now: bench.time.now)
        #expect(wait.map { $0 > .milliseconds(50) && $0 < .milliseconds(80) } == true, "a new frame may come soon")
        #expect(bench.sender.statistics.encoded == before.encoded)
        bench.time.advance(by: .milliseconds(100))
        _ = bench.sender.pump(now: bench.time.now)
        #expect(bench.sender.statistics.keyframes == before.keyframes + 1)
        bench.time.advance(by: .seconds(3))
        bench.sender.requestKeyframe()
        _ = bench.sender.pump(now: bench.time.now)
        #expect(bench.sender.statistics.keyframes == before.keyframes + 1, "the device may have been stopped since")
    }

    @Test("While paused nothing is sent, not even for a keyframe; resuming serves who asked")
    func paused() {
        let bench = VideoBench()
        bench.step()
        let before = bench.sender.statistics
        bench.sender.isPaused = true
        bench.step()
        bench.sender.requestKeyframe()
        bench.time.advance(by: .milliseconds(500))
        _ = bench.sender.pump(now: bench.time.now)
        #expect(bench.sender.statistics.packets == before.packets && bench.sender.isPaused)
        bench.sender.isPaused = false
        _ = bench.sender.pump(now: bench.time.now)
        #expect(bench.sender.statistics.packets == before.packets)
        bench.step()
        #expect(bench.sender.statistics.keyframes == before.keyframes + 1)
    }

    @Test("A frame that is cut short is counted with its reason, and the next one is sent")
    func damaged() {
        let (time, wire) = (BenchTime(), Collected<RTPPacket>())
        let sender = Self.sender(time: time, wire: wire)
        let plane = unsafe VideoFrame.Plane(bytes: UnsafeRawBufferPointer(start: nil, count: 0), stride: 64)
        sender.offer(
            unsafe VideoFrame(
                format: .mjpeg, width: 64, height: 48, planes: [plane], capturedAt: time.now, sequence: 0, release: {}))
        _ = sender.pump(now: time.now)
        #expect(sender.statistics.failed == 1 && sender.statistics.lastError?.code == .damaged)
        time.advance(by: .milliseconds(33))
        sender.offer(movingFrame(64, 48, number: 1, at: time.now))
        _ = sender.pump(now: time.now)
        #expect(sender.statistics.encoded == 1)
    }

    @Test("A bitrate out of range is taken to the nearest", arguments: [Int.min, 0, 1_000_000, .max])
    func bitrate(_ bitrate: Int) {
        let bench = VideoBench()
        bench.step()
        bench.sender.setBitrate(bitrate)
        bench.step()
        #expect(bench.sender.statistics.failed == 0)
    }
}
