import Media
import RTP
import TestSupport

/// A call from one transport to another over two links: sound, and pictures as large as the estimate allows.
struct CallSimulation {
    struct Second {
        var estimate: Int
        var sentBits = 0
        var deliveredBits = 0
        var longestWait = Duration.zero
        /// Packets that the link dropped, and took.
        var dropped = 0
        var carried = 0
    }

    var near: TestTransport
    var far: TestTransport
    var uplink = SimulatedLink()
    var downlink = SimulatedLink()
    var hasVideo = true
    /// Bits a second that the encoder never goes beyond; application-limited.
    var videoCeiling = 2_500_000
    /// Bits a second of pictures whatever the estimate says; nil follows it.
    var fixedVideoRate: Int?
    private(set) var now = MonotonicInstant(nanoseconds: 1_000_000_000_000)
    private(set) var seconds: [Second] = []
    private(set) var allocation: UplinkAllocation
    private(set) var keyframesRequested = 0
    private(set) var sentNumbers: [SSRC: [SequenceNumber]] = [:]
    private var generator: SeededGenerator
    private var arrivals: [(at: MonotonicInstant, datagram: TestTransport.Datagram, isUp: Bool)] = []
    private var sound = RTPSender(ssrc: 600, payloadType: 111, start: RTPStart(sequenceNumber: 65_000, timestamp: 5))
    private var picture = RTPSender(ssrc: 700, payloadType: 96, start: RTPStart(sequenceNumber: 64_000, timestamp: 9))
    private var nextSound: MonotonicInstant
    private var nextPicture: MonotonicInstant
    private var needsKeyframe = true
    private var idleSteps = 0
    private var estimate = BandwidthEstimate(bitsPerSecond: 300_000, lossFraction: 0, roundTrip: nil)

    struct Stuck: Error {
        var deadlines: [MonotonicInstant?]
        var now: MonotonicInstant
    }

    /// - `feedbackInterval`: how seldom the far side tells of arrivals.
    init(
        seed: UInt64, usesRTX: Bool = true, isTransportWide: Bool = true, asksForREMB: Bool = true,
        settings: RTPTransport.Settings = .init(), feedbackInterval: Duration? = nil
    ) {
        generator = SeededGenerator(seed: seed)
        near = TestTransport(cname: "near", settings: settings, seed: seed)
        var farSettings = settings
        if let feedbackInterval { farSettings.videoFeedbackInterval = feedbackInterval }
        far = TestTransport(cname: "far", settings: farSettings, seed: seed &+ 1)
        allocation = UplinkAllocation(estimate, hasVideo: true)
        (nextSound, nextPicture) = (now, now)
        var senders = [RTPSenderConfiguration.audio(), .video(usesRTX: usesRTX)]
        var receivers = [RTPReceiverConfiguration.audio(), .video()]
        if !usesRTX { (receivers[1].codecs[0].rtxPayloadType, receivers[1].rtxSSRCs) = (nil, [:]) }
        if !isTransportWide {
            for index in senders.indices { senders[index].extensions.transportSequence = nil }
            for index in receivers.indices { receivers[index].extensions.transportSequence = nil }
        }
        receivers[1].feedback.remb = asksForREMB
        for sender in senders { near.transport.setSender(sender, now: now) }
        for receiver in receivers { far.transport.setReceiver(receiver) }
    }

    mutating func run(for duration: Duration) throws {
        let end = now + duration
        while let event = nextEvent, event <= end {
            let from = now
            now = max(now, event)
            while seconds.count
                <= Int((now - MonotonicInstant(nanoseconds: 1_000_000_000_000)).nanoseconds / 1_000_000_000)
            {
                finishSecond()
            }
            idleSteps = from == now ? idleSteps + 1 : 0
            // A deadline that stays in the past would spin.
            guard idleSteps < 1000 else {
                throw Stuck(deadlines: [near.transport.deadline, far.transport.deadline], now: now)
            }
            try step()
        }
        now = end
    }

    private mutating func finishSecond() {
        if !seconds.isEmpty {
            seconds[seconds.count - 1].estimate = estimate.bitsPerSecond
            seconds[seconds.count - 1].longestWait = uplink.takeLongestWait()
        }
        seconds.append(Second(estimate: estimate.bitsPerSecond))
    }

    private var nextEvent: MonotonicInstant? {
        var next = nextSound
        if hasVideo { next = min(next, nextPicture) }
        if let first = arrivals.first { next = min(next, first.at) }
        for deadline in [near.transport.deadline, far.transport.deadline] {
            if let deadline { next = min(next, deadline) }
        }
        return next
    }

    private mutating func step() throws {
        while let first = arrivals.first, first.at <= now {
            arrivals.removeFirst()
            if first.isUp {
                seconds[seconds.count - 1].deliveredBits += 8 * first.datagram.count
                try far.receive(first.datagram, now: now)
            } else {
                try near.receive(first.datagram, now: now)
            }
        }
        try near.advance(to: now)
        try far.advance(to: now)
        takeActions()
        if nextSound <= now {
            try sendSound()
        }
        if hasVideo, nextPicture <= now { try sendPicture() }
        carry()
    }

    private mutating func takeActions() {
        for action in near.others {
            switch action {
            case .estimate(let new):
                estimate = new
                allocation = UplinkAllocation(new, hasVideo: hasVideo, wasVideoPaused: allocation.videoBitrate == nil)
            case .keyframeRequested:
                needsKeyframe = true
                keyframesRequested += 1
            default: break
            }
        }
        near.others = []
    }

    private mutating func sendSound() throws {
        nextSound = nextSound + .milliseconds(allocation.frameMilliseconds)
        let bytes = allocation.audioBitrate * allocation.frameMilliseconds / 8000
        let packet = sound.packet([UInt8](repeating: 1, count: bytes), marker: false)
        sound.advance(by: 48 * allocation.frameMilliseconds)
        sentNumbers[60, default: []].append(packet.sequenceNumber)
        try near.send(packet, mid: "0", now: now)
    }

    private mutating func sendPicture() throws {
        nextPicture = nextPicture + .nanoseconds(33_333_333)
        picture.advance(by: 3000)
        guard let rate = fixedVideoRate ?? allocation.videoBitrate.map({ min($0, videoCeiling) }) else { return }
        var bytes = Int(Double(rate / 240) * .random(in: 0.7...1.3, using: &generator))
        if needsKeyframe { bytes *= 5 }
        needsKeyframe = false
        let count = (bytes + 1099) / 1100
        for index in 0..<count {
            let size = bytes * (index + 1) / count - bytes * index / count
            let packet = picture.packet([UInt8](repeating: 2, count: size), marker: index == count - 1)
            sentNumbers[70, default: []].append(packet.sequenceNumber)
            try near.send(packet, mid: "1", now: now)
        }
    }

    private mutating func carry() {
        for datagram in near.takeDatagrams() {
            seconds[seconds.count - 1].sentBits += 8 * datagram.count
            let (before, passed) = (uplink.dropped, uplink.passed)
            for at in uplink.send(bytes: datagram.count, now: now, using: &generator) {
                insert(at, datagram, isUp: true)
            }
            seconds[seconds.count - 1].dropped += uplink.dropped - before
            seconds[seconds.count - 1].carried += uplink.passed - passed
        }
        for datagram in far.takeDatagrams() {
            for at in downlink.send(bytes: datagram.count, now: now, using: &generator) {
                insert(at, datagram, isUp: false)
            }
        }
    }

    private mutating func insert(_ at: MonotonicInstant, _ datagram: TestTransport.Datagram, isUp: Bool) {
        let index = arrivals.lastIndex { $0.at <= at }.map { $0 + 1 } ?? 0
        arrivals.insert((at, datagram, isUp), at: index)
    }
}
