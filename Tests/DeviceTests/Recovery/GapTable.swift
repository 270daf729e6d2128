import Foundation
import Media
import Synchronization

/// What a fault cost: a line of the table that the lab prints after its run. Times in milliseconds; nil: not measured.
struct Gap: Codable, Sendable {
    var device: String
    var event: String
    /// From the event until a bare reader of the kernel's messages knew: the least there can be in this machine.
    var floor: Double?
    /// From the event until the application was told.
    var told: Double?
    /// From the event until the device that took over, or was taken up again, captured or played its first sample or took
    /// its first picture, by its hardware's time.
    var delivers: Double?
    /// How long nothing was delivered, as the call itself counts.
    var ownGap: Double?
    /// What was missing at the far side: the longest time without sound or between two pictures.
    var missing: Double?
    /// The device that runs then.
    var then: String
}

enum GapTable {
    private static let file = Mutex("\(DeviceLab.shared)/gaps.jsonl")

    static func add(_ gap: Gap) throws {
        let line = try JSONEncoder().encode(gap) + Data("\n".utf8)
        try file.withLock { path in
            let before = FileManager.default.contents(atPath: path) ?? Data()
            try (before + line).write(to: URL(fileURLWithPath: path))
        }
    }
}

extension MonotonicInstant {
    /// Milliseconds since an earlier instant.
    func ms(since begin: MonotonicInstant) -> Double { (self - begin).milliseconds }
}
