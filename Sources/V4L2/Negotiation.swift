import Glibc
import Media

/// What is asked of a driver.
struct StreamChoice: Sendable, Hashable {
    var format: FourCC
    var width: Int
    var height: Int
    /// Seconds a frame; nil: what the driver has.
    var interval: Fraction?

    /// About how much the stream takes of the bus, in bytes a second.
    var bytesPerSecond: Double {
        Double(width * height) * format.bytesPerPixel * (interval?.rate ?? 30)
    }
}

/// Chooses the mode for a target: the nearest size and rate, and of those the one that costs least CPU and latency.
enum Negotiation {
    /// All modes that can be handed on, the best first.
    /// - `isUSB`: raw pictures of high sizes then crowd the bus, where JPEG does not.
    static func rank(_ table: ModeTable, for target: VideoTarget, isUSB: Bool) -> [StreamChoice] {
        let listed = table.modes.flatMap { mode in
            intervals(of: mode, for: target).map { interval in
                StreamChoice(format: mode.format, width: mode.width, height: mode.height, interval: interval)
            }
        }
        let fitted = table.ranges.map { range in
            let (width, height) = range.size.nearest(to: target.width, target.height)
            // A range tells no rates: those of the listed size nearest to it are taken.
            let sibling = table.modes.filter { $0.format == range.format }
                .min {
                    abs($0.width - width) + abs($0.height - height) < abs($1.width - width) + abs($1.height - height)
                }
            let interval = nearestInterval(sibling?.intervals ?? [], to: target.framesPerSecond)
            return StreamChoice(format: range.format, width: width, height: height, interval: interval)
        }
        var seen: Set<StreamChoice> = []
        return (fitted + listed)
            .filter { $0.format.delivery != nil && seen.insert($0).inserted }
            .map { (choice: $0, cost: cost(of: $0, for: target, isUSB: isUSB)) }
            .sorted { ($0.cost, $0.choice.format.rawValue) < ($1.cost, $1.choice.format.rawValue) }
            .map(\.choice)
    }

    /// The interval to ask for, and the slower ones, which take less of the bus.
    private static func intervals(of mode: ModeTable.Mode, for target: VideoTarget) -> [Fraction?] {
        guard let nearest = nearestInterval(mode.intervals, to: target.framesPerSecond) else { return [nil] }
        return [nearest] + mode.intervals.filter { $0.rate < nearest.rate }
    }

    /// The listed interval nearest to a rate, one that is not slower preferred.
    static func nearestInterval(_ intervals: [Fraction], to rate: Double) -> Fraction? {
        intervals.min { rateCost($0.rate, rate) < rateCost($1.rate, rate) }
    }

    /// Distances are ratios (logarithms), so that half as large and twice as large are as far. A slow rate weighs more
    /// than a small size; the format decides among modes that are nearly the same.
    private static func cost(of choice: StreamChoice, for target: VideoTarget, isUSB: Bool) -> Double {
        let (width, height) = (Double(choice.width), Double(choice.height))
        // What is left of it in the target's shape: 640×480 shows no more of a wide picture than 640×360.
        let wide = Double(target.width) / Double(target.height)
        let usable = min(width, height * wide)
        let area = 2 * log(usable / Double(target.width))
        let shape = abs(log(width / height / wide))
        // Enlarging shows, shrinking does not.
        let size = 3 * (area < 0 ? -area * 1.25 : area) + 1.5 * shape
        let rate = choice.interval.map { rateCost($0.rate, target.framesPerSecond) } ?? 0
        return size + rate + formatCost(of: choice, isUSB: isUSB)
    }

    private static func rateCost(_ rate: Double, _ target: Double) -> Double {
        guard rate > 0 else { return 100 }
        let distance = log(rate / target)
        // A camera that is faster than asked costs CPU; a slower one is what people see.
        return distance < -0.01 ? -4 * distance : max(0, 0.3 * distance)
    }

    /// CPU and latency to I420: a copy, a repack, a JPEG decoder, libv4lconvert.
    private static func formatCost(of choice: StreamChoice, isUSB: Bool) -> Double {
        let decoding =
            switch choice.format.delivery {
            case .asIs(.i420): 0.0
            case .asIs(.nv12): 0.005
            case .asIs(.yuyv), .asIs(.uyvy): 0.01
            case .asIs(.bgrx): 0.03
            case .asIs(.rgb24): 0.04
            case .asIs(.mjpeg): 0.10
            case .converted, nil: 0.15
            }
        // The most that USB 2 gives one stream is 24 MB a second (USB 2.0 §5.6.3); beyond it a raw mode of USB 3 fills
        // what a second camera would need, and each raw frame takes most of its interval to arrive.
        let crowds = isUSB && !choice.format.isCompressed && choice.bytesPerSecond > 24e6
        return decoding + (crowds ? 0.2 : 0)
    }
}

extension FourCC {
    /// About how many bytes a pixel takes on the bus.
    var bytesPerPixel: Double {
        if isCompressed { return 0.25 }
        return switch delivery {
        case .asIs(.i420), .asIs(.nv12): 1.5
        case .asIs(.bgrx): 4
        case .asIs(.rgb24): 3
        default: 2
        }
    }
}
