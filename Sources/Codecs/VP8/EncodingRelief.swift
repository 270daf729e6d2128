public import Media

/// Keeps encoding within the time between pictures: first a coarser search, then fewer pictures, then smaller ones.
///
/// Pure: how long each picture took comes in, what the next ones are to be comes out.
/// - Thread: one at a time.
public struct EncodingRelief: Sendable {
    /// What is given up at once.
    public struct Measure: Sendable, Hashable {
        /// Added to the speed that the machine and the size would have.
        public var speedUp: Int
        /// Of so many pictures one is encoded.
        public var pictures: Int
        /// The sides' share of what they were, in quarters.
        public var sideQuarters: Int

        /// All is as it was asked for.
        public static let none = Measure(speedUp: 0, pictures: 1, sideQuarters: 4)
    }

    /// In order: what costs the least comes first.
    static let measures: [Measure] = [
        .none,
        Measure(speedUp: 3, pictures: 1, sideQuarters: 4),
        Measure(speedUp: 6, pictures: 1, sideQuarters: 4),
        Measure(speedUp: 6, pictures: 2, sideQuarters: 4),
        Measure(speedUp: 6, pictures: 2, sideQuarters: 3),
        Measure(speedUp: 6, pictures: 2, sideQuarters: 2),
        Measure(speedUp: 6, pictures: 3, sideQuarters: 2),
    ]

    private var level = 0
    /// The mean of late as a share of the time between pictures; nil right after a change.
    private var load: Double?
    private var counted = 0
    /// Pictures without strain until something is taken back; grows each time that it was taken back too early.
    private var patience = firstPatience
    private var calm = 0
    private var sinceReturn = Int.max

    public init() {}

    public var measure: Measure { Self.measures[level] }

    /// Takes note of a picture.
    /// - `took`: how long converting and encoding it took.
    /// - `interval`: the time between pictures as they were asked for, before anything was given up.
    /// - Returns: what the next pictures are to be, where that changes.
    public mutating func note(took: Duration, interval: Duration) -> Measure? {
        counted += 1
        // The first is a keyframe, or the codec's own start.
        guard counted > 1 else { return nil }
        // One that took for ever (the machine slept) is no trend.
        let share = min(took / (interval * measure.pictures), 4)
        load = load.map { $0 + 0.1 * (share - $0) } ?? share
        if sinceReturn < .max { sinceReturn += 1 }
        guard let load, counted >= Self.least else { return nil }
        if load > Self.strain, level + 1 < Self.measures.count { return giveUp() }
        calm = load < Self.ease ? calm + 1 : 0
        guard calm >= patience, level > 0 else { return nil }
        return change(to: level - 1, isReturn: true)
    }

    private mutating func giveUp() -> Measure? {
        // It was taken back and could not be held: longer until the next attempt.
        patience = sinceReturn < 2 * patience ? min(Self.longestPatience, 2 * patience) : patience
        return change(to: level + 1, isReturn: false)
    }

    private mutating func change(to level: Int, isReturn: Bool) -> Measure? {
        self.level = level
        load = nil
        counted = 0
        calm = 0
        sinceReturn = isReturn ? 0 : .max
        return measure
    }

    /// Pictures that are needed to tell.
    private static let least = 10
    private static let strain = 0.8
    /// Low enough that the step before would fit.
    private static let ease = 0.35
    private static let firstPatience = 150
    private static let longestPatience = 2400
}
