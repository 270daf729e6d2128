import Media

/// What a camera offers: formats × sizes × rates.
struct ModeTable: Sendable, Hashable {
    /// One format at one size.
    struct Mode: Sendable, Hashable {
        var format: FourCC
        var width: Int
        var height: Int
        /// Seconds a frame, shortest first; empty where the driver does not say.
        var intervals: [Fraction]
    }

    /// A format that comes in any size of a range.
    struct Range: Sendable, Hashable {
        var format: FourCC
        var size: FrameSize
    }

    var modes: [Mode] = []
    var ranges: [Range] = []

    /// The modes as people read them.
    var list: [VideoMode] {
        modes.map { mode in
            VideoMode(
                format: mode.format.description, width: mode.width, height: mode.height,
                rates: mode.intervals.map { ($0.rate * 100).rounded() / 100 })
        }
    }
}

extension ModeTable {
    // Bounds on what is believed of a driver: an enumeration without an end would hang the start.
    private static let mostFormats = 128
    private static let mostSizes = 256
    private static let mostIntervals = 64

    /// Asks a driver for all it offers. Hundreds of requests: the answer is kept (``ModeCache``).
    init(_ kernel: any V4L2Kernel, _ descriptor: Int32, _ api: BufferAPI) throws(KernelError) {
        for index in 0..<Self.mostFormats {
            guard let format = try kernel.format(descriptor, api, at: index) else { break }
            let isListed = modes.contains { $0.format == format } || ranges.contains { $0.format == format }
            if !isListed { try add(format, kernel, descriptor) }
        }
    }

    private mutating func add(
        _ format: FourCC, _ kernel: any V4L2Kernel, _ descriptor: Int32
    ) throws(KernelError) {
        var hasSizes = false
        for index in 0..<Self.mostSizes {
            guard let size = try kernel.size(descriptor, format, at: index) else { break }
            hasSizes = true
            if size.isRange { ranges.append(Range(format: format, size: size)) }
            for (width, height) in size.isRange ? size.customary : [(size.width.lowerBound, size.height.lowerBound)] {
                let intervals = try Self.intervals(kernel, descriptor, format, width, height)
                modes.append(Mode(format: format, width: width, height: height, intervals: intervals))
            }
        }
        // A driver that lists no sizes takes what VIDIOC_S_FMT makes of the target.
        if !hasSizes { ranges.append(Range(format: format, size: FrameSize(width: 1...16_384, height: 1...16_384))) }
    }

    private static func intervals(
        _ kernel: any V4L2Kernel, _ descriptor: Int32, _ format: FourCC, _ width: Int, _ height: Int
    ) throws(KernelError) -> [Fraction] {
        var all: Set<Fraction> = []
        for index in 0..<mostIntervals {
            guard let interval = try kernel.interval(descriptor, format, width: width, height: height, at: index)
            else { break }
            all.formUnion(interval.customary)
        }
        return all.filter { $0.rate > 0 }.sorted { $0.rate > $1.rate }
    }
}

extension FrameSize {
    /// The sizes of a range that people ask for.
    var customary: [(Int, Int)] {
        let known = [
            (160, 120), (176, 144), (320, 180), (320, 240), (352, 288), (424, 240), (640, 360), (640, 480), (800, 600),
            (848, 480), (960, 540), (1024, 576), (1280, 720), (1280, 960), (1920, 1080), (2560, 1440), (3840, 2160),
        ]
        let within = known.filter { nearest(to: $0.0, $0.1) == $0 }
        return within.isEmpty ? [(width.upperBound, height.upperBound)] : within
    }

    /// The size of the range nearest to another.
    func nearest(to wanted: Int, _ wantedHeight: Int) -> (Int, Int) {
        func fit(_ value: Int, _ range: ClosedRange<Int>, _ step: Int) -> Int {
            let clamped = min(max(value, range.lowerBound), range.upperBound)
            return range.lowerBound + (clamped - range.lowerBound) / step * step
        }
        return (fit(wanted, width, widthStep), fit(wantedHeight, height, heightStep))
    }
}

extension FrameInterval {
    /// The intervals of a range that people ask for, with its ends.
    var customary: [Fraction] {
        guard isRange else { return [shortest] }
        let known: [UInt32] = [5, 10, 15, 20, 24, 25, 30, 50, 60, 90, 120]
        let within = known.filter { Double($0) < shortest.rate && Double($0) > longest.rate }
        return [shortest] + within.map { Fraction(1, $0) } + [longest]
    }
}
