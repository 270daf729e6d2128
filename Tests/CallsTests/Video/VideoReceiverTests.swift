import Codecs
import Media
import RTP
import Synchronization
import Testing

@testable import Calls

@Suite("Receiving pictures")
struct VideoReceiverTests {
    @Test("A picture that is sent comes out as it went in, within 30 dB", arguments: [(160, 120), (161, 91)])
    func pictures(size: (Int, Int)) throws {
        let bench = VideoBench()
        let converter = PixelConverter()
        for _ in 0..<10 {
            let frame = bench.step(size.0, size.1)
            guard let picture = bench.pictures.take().last else { continue }
            #expect((picture.format, picture.width, picture.height) == (.i420, size.0, size.1))
            #expect(psnr(try converter.convert(frame), picture) > 30)
            #expect(picture.capturedAt == bench.time.now)
        }
        let (sent, received) = (bench.sender.statistics, bench.receiver.statistics)
        #expect(received.framesDecoded == sent.encoded && received.packets == sent.packets)
        #expect((received.width, received.height) == size)
        #expect(received.lost == 0 && received.damaged == 0 && received.firstFrameAt != nil)
    }

    @Test("A change of size mid-stream comes through")
    func sizeChange() {
        let bench = VideoBench()
        for size in [(160, 120), (64, 64), (300, 200)] {
            bench.step(size.0, size.1)
            #expect(bench.pictures.take().map { [$0.width, $0.height] } == [[size.0, size.1]])
        }
    }

    @Test("After a loss nothing is shown until the keyframe that was asked for")
    func loss() {
        let bench = VideoBench()
        for _ in 0..<5 { bench.step() }
        #expect(!bench.pictures.take().isEmpty)
        let before = bench.receiver.statistics.keyframeRequests
        bench.requestsPass.value = false
        bench.step(network: { _ in [] })
        // Pictures that refer to the lost one come, and are waited with; then a keyframe is asked for.
        for _ in 0..<8 {
            bench.step()
            #expect(bench.pictures.take().isEmpty)
        }
        #expect(bench.receiver.statistics.keyframeRequests > before)
        bench.requestsPass.value = true
        for _ in 0..<10 { bench.step() }
        #expect(!bench.pictures.take().isEmpty)
        #expect(bench.receiver.statistics.lost > 0 && bench.receiver.statistics.damaged == 0)
    }

    @Test("A damaged picture is not shown, and a keyframe is asked for")
    func damage() {
        let bench = VideoBench()
        for _ in 0..<3 { bench.step() }
        _ = bench.pictures.take()
        let keyframes = bench.sender.statistics.keyframes
        bench.step(network: { packets in
            packets.map { packet in
                var packet = packet
                packet.payload = Array(packet.payload.prefix(4)) + [0x00, 0xFF, 0xFF]
                return packet
            }
        })
        #expect(bench.receiver.statistics.damaged == 1)
        #expect(bench.pictures.take().isEmpty)
        bench.time.advance(by: .milliseconds(200))
        bench.pump()
        for _ in 0..<3 { bench.step() }
        #expect(bench.sender.statistics.keyframes > keyframes)
        #expect(!bench.pictures.take().isEmpty)
    }

    @Test("Who joins late asks at once, and again while only pictures come that refer to missing ones")
    func lateJoin() {
        let time = BenchTime()
        let requests = Atomic(0)
        let bench = VideoBench()
        let receiver = VideoReceiver(
            now: { time.now }, requestKeyframe: { requests.wrappingAdd(1, ordering: .relaxed) }, deliver: { _ in })
        #expect(receiver.pump(now: time.now) == nil)
        #expect(requests.load(ordering: .relaxed) == 1)
        bench.step()
        for _ in 0..<60 {
            time.advance(by: .nanoseconds(33_333_333))
            bench.step(network: { packets in
                for packet in packets { receiver.receive(packet) }
                return packets
            })
            _ = receiver.pump(now: time.now)
        }
        // Two seconds: one every 200 ms.
        #expect((8...11).contains(requests.load(ordering: .relaxed)))
        #expect(receiver.statistics.framesDecoded == 0)
        time.advance(by: .seconds(10))
        _ = receiver.pump(now: time.now)
        #expect(receiver.pump(now: time.now) == nil, "with no packets nobody is asked")
    }

    @Test("Packets that are no VP8 are counted and harm nothing")
    func malformed() {
        let bench = VideoBench()
        bench.step()
        for payload: [UInt8] in [[0x80], [0x90, 0x80, 0x80], [0xFF, 0xFF, 0xFF]] {
            bench.receiver.receive(
                RTPPacket(payloadType: 96, sequenceNumber: 4, timestamp: 0, ssrc: 77, payload: payload))
        }
        bench.pump()
        #expect(bench.receiver.statistics.dropped == 3)
        _ = bench.pictures.take()
        bench.step()
        #expect(bench.pictures.take().count == 1)
    }

    @Test("Packets that nobody decodes do not pile up without end")
    func flood() {
        let bench = VideoBench()
        for number in 0..<10_000 {
            bench.receiver.receive(
                RTPPacket(
                    payloadType: 96, sequenceNumber: SequenceNumber(rawValue: UInt16(truncatingIfNeeded: number)),
                    timestamp: 0, ssrc: 9, payload: [0x10, 1, 2, 3]))
        }
        #expect(bench.receiver.statistics.packets == 10_000)
        #expect(bench.receiver.statistics.dropped == 10_000 - 4096)
    }
}

@Suite("The picture pipelines on their threads", .timeLimit(.minutes(5)))
struct VideoThreadTests {
    @Test("A synthetic camera is seen at the other end, its pictures in order")
    func camera() async throws {
        let devices = SyntheticDeviceSystem()
        let camera = devices.cameras.all[0]
        let (frames, input) = AsyncStream<UInt32>.makeStream()
        let sender = Mutex<VideoSender?>(nil)
        let receiver = VideoReceiver(
            now: { .now() }, requestKeyframe: { sender.withLock { $0 }?.requestKeyframe() },
            deliver: { frame in if let counter = TestPicture.counter(in: frame) { input.yield(counter) } })
        let target = VideoTarget(width: 320, height: 180, framesPerSecond: 30)
        let own = VideoSender(target: target, ssrc: 1, notBefore: .now(), now: { .now() }) { receiver.receive($0) }
        sender.withLock { $0 = own }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await own.run() }
            group.addTask { await receiver.run() }
            _ = try await camera.start(target, deliver: { own.offer($0) }, onEvent: { _ in })
            var last: UInt32?
            var count = 0
            for await counter in frames {
                if let last { #expect(counter > last) }
                last = counter
                count += 1
                _ = own.statistics
                _ = receiver.statistics
                if count == 10 { own.requestKeyframe() }
                if count == 20 { break }
            }
            group.cancelAll()
        }
        // The group is over: nothing is sent any more, while the camera runs on. The last picture may have been shown before
        // it was counted.
        let sent = own.statistics.packets
        await camera.stop(.release)
        #expect(own.statistics.packets == sent && sent >= 19)
        #expect(own.statistics.droppedStale == 0 && receiver.statistics.lost == 0)
        sender.withLock { $0 = nil }
    }

    @Test("A pipeline with nothing to do ends as soon as its task is cancelled, also before it began")
    func cancel() async throws {
        for isEarly in [true, false] {
            let receiver = VideoReceiver(now: { .now() }, requestKeyframe: {}, deliver: { _ in })
            let sender = VideoSender(target: .camera, ssrc: 1, notBefore: .now(), now: { .now() }) { _ in }
            let task = Task {
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { await receiver.run() }
                    group.addTask { await sender.run() }
                }
            }
            if !isEarly { while receiver.statistics.keyframeRequests == 0 { await Task.yield() } }
            task.cancel()
            await task.value
        }
    }

    @Test("A track that ends lets its receiver return")
    func stop() async {
        let receiver = VideoReceiver(now: { .now() }, requestKeyframe: {}, deliver: { _ in })
        async let run: Void = receiver.run()
        receiver.stop()
        await run
    }
}
