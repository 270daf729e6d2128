import ArgumentParser
import Reprise

/// A length of time as a person types it: seconds, `0.5`, `90`.
struct Seconds: ExpressibleByArgument, Sendable, Equatable {
    let duration: Duration

    /// A year: what is longer is a slip of the finger, and would leave Duration's range in places.
    private static let longest = 31_536_000.0

    init?(argument: String) {
        guard let value = Double(argument), value.isFinite, value >= 0, value <= Self.longest else { return nil }
        duration = .nanoseconds(Int64(value * 1e9))
    }

    init(_ duration: Duration) { self.duration = duration }

    var defaultValueDescription: String { "\(duration.milliseconds / 1000)" }
}

/// A picture's size as a person types it: `1280x720`.
struct PictureSize: ExpressibleByArgument, Sendable, Equatable {
    let width: Int
    let height: Int

    /// What cameras and encoders can have to do with; the sides are even, as 4:2:0 pictures need.
    private static let sides = 16...8192

    init?(argument: String) {
        let sides = argument.lowercased().split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
        guard sides.count == 2, let width = sides[0], let height = sides[1], Self.sides.contains(width),
            Self.sides.contains(height), width % 2 == 0, height % 2 == 0
        else { return nil }
        self.width = width
        self.height = height
    }

    var defaultValueDescription: String { "\(width)x\(height)" }
}
