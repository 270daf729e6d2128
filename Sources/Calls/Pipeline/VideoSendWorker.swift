import Codecs
import Media
import RTP

/// What the thread of a ``VideoSender`` alone touches.
final class VideoSendWorker: @unchecked Sendable {
    struct Sent: Sendable, Hashable {
        var isKeyframe: Bool
        var packets: Int
        var bytes: Int
        var width: Int
        var height: Int
    }

    enum Outcome: Sendable, Hashable {
        case sent(Sent)
        /// It came sooner after the last than the target's rate says.
        case tooFast
        case leftOut
        case failed(CodecError)
    }

    /// How old the last picture may be to be sent again: screens hand theirs on every second. An older one is of a device
    /// that was stopped, and is not to be shown any more.
    private static let repetitionLimit = Duration.seconds(2)

    /// A keyframe was asked for and not sent yet.
    var owesKeyframe = false
    private let target: VideoTarget
    private let interval: Duration
    private let now: @Sendable () -> MonotonicInstant
    /// What is given up where this machine does not keep up.
    private var relief = EncodingRelief()
    private var settings: VP8Settings
    private let converter = PixelConverter()
    private var encoder: VP8Encoder?
    private var packetizer: VP8Packetizer
    private let sendPacket: @Sendable (RTPPacket) -> Void
    /// Where the RTP timestamps are counted from.
    private var begin: MonotonicInstant?
    private var ticks = 0
    private var lastTaken: MonotonicInstant?
    /// The last picture, in memory of our own.
    private var last: VideoFrame?

    init(
        target: VideoTarget, content: VP8Settings.Content, bitrate: Int?, packetizer: VP8Packetizer,
        now: @escaping @Sendable () -> MonotonicInstant, send: @escaping @Sendable (RTPPacket) -> Void
    ) {
        self.target = target
        self.now = now
        let rate = target.framesPerSecond.isNaN ? 30 : min(240, max(1, target.framesPerSecond))
        interval = .nanoseconds(Int64(1e9 / rate))
        let usual = VP8Settings.usualBitrate(
            width: target.width, height: target.height, framesPerSecond: target.framesPerSecond)
        settings = VP8Settings(
            bitrate: min(50_000_000, max(30_000, bitrate ?? usual)), framesPerSecond: rate, content: content)
        self.packetizer = packetizer
        sendPacket = send
    }

    func setBitrate(_ bitrate: Int) {
        settings.bitrate = bitrate
        // Refused only outside a range that the caller keeps to.
        try? encoder?.setBitrate(bitrate)
    }

    /// What the machine does not manage of what was asked for.
    var reliefMeasure: EncodingRelief.Measure { relief.measure }

    /// Converts, encodes and sends a frame, and lets go of it as soon as it is converted: it is the device's own buffer,
    /// of which there are few, and which a leave would have to copy if it were held while the encoder works.
    /// - Returns: nil where there is no frame.
    func send(_ latest: inout VideoFrame?, now: MonotonicInstant) -> Outcome? {
        guard let capturedAt = latest?.capturedAt else { return nil }
        // Up to a quarter of the interval early: devices are not punctual to the millisecond.
        let least = interval * relief.measure.pictures - interval / 4
        if let lastTaken, capturedAt - lastTaken < least { return .tooFast }
        lastTaken = capturedAt
        let began = self.now()
        do throws(CodecError) {
            let picture = try convert(&latest)
            let outcome = try encode(picture, capturedAt: capturedAt)
            if let measure = relief.note(took: self.now() - began, interval: interval) {
                try encoder?.setSpeedUp(measure.speedUp)
            }
            return outcome
        } catch {
            return .failed(error)
        }
    }

    private func convert(_ latest: inout VideoFrame?) throws(CodecError) -> VideoFrame {
        guard let frame = latest.take() else { preconditionFailure("there is a frame to convert") }
        let picture = try converter.convert(frame, to: PixelConverter.Output(size: size(of: frame), fit: .stretch))
        last = picture === frame ? nil : picture
        return picture
    }

    /// Lets go of the last picture: it shall not be sent again.
    func forgetPicture() { last = nil }

    /// When the last picture may be sent again, if no new one comes; nil without one that is fresh enough.
    var repetitionDue: MonotonicInstant? {
        guard last != nil, let lastTaken else { return nil }
        return lastTaken + interval * 2
    }

    /// Sends the last picture again; nil where it has become too old for that.
    func repeatPicture(now: MonotonicInstant) -> Outcome? {
        guard let last, now - last.capturedAt < Self.repetitionLimit else {
            last = nil
            return nil
        }
        lastTaken = now
        do throws(CodecError) {
            return try encode(last, capturedAt: now)
        } catch {
            return .failed(error)
        }
    }

    /// - Returns: the size to make of it; nil to leave it as it is.
    private func size(of frame: VideoFrame) -> PixelConverter.Size? {
        // A camera held upright gets an upright target.
        let isUpright = frame.height > frame.width && target.width > target.height
        let (width, height) = isUpright ? (target.height, target.width) : (target.width, target.height)
        var factor = 1.0
        if width > 0, height > 0 {
            factor = min(1, Double(width) / Double(frame.width), Double(height) / Double(frame.height))
        }
        factor *= Double(relief.measure.sideQuarters) / 4
        guard factor < 1 else { return nil }
        // Even, as the chroma is.
        func scaled(_ side: Int) -> Int { max(2, Int((Double(side) * factor).rounded()) & ~1) }
        return PixelConverter.Size(width: scaled(frame.width), height: scaled(frame.height))
    }

    private func encode(_ picture: VideoFrame, capturedAt: MonotonicInstant) throws(CodecError) -> Outcome {
        if encoder == nil { encoder = try VP8Encoder(settings) }
        let wantsKeyframe = owesKeyframe
        guard let encoded = try encoder?.encode(picture, keyframe: wantsKeyframe) else { return .leftOut }
        if encoded.isKeyframe { owesKeyframe = false }
        let packets = packetizer.packets(encoded.bytes, ticks: advance(to: capturedAt))
        for packet in packets { sendPacket(packet) }
        return .sent(
            Sent(
                isKeyframe: encoded.isKeyframe, packets: packets.count,
                bytes: packets.reduce(0) { $0 + $1.payload.count }, width: picture.width, height: picture.height))
    }

    /// The ticks since the picture before: counted from the beginning, so that rounding does not add up.
    private func advance(to capturedAt: MonotonicInstant) -> Int {
        let begin = begin ?? capturedAt
        self.begin = begin
        let place = Int((capturedAt - begin).nanoseconds / 100 * Int64(VP8Packetizer.clockRate) / 10_000_000)
        defer { ticks = max(place, ticks) }
        return max(0, place - ticks)
    }
}
