/// What a monitor tells of itself over HDMI: EDID-Like Data, of which its name is read.
/// - Source: High Definition Audio Specification 1.0a, §7.3.3.34.1 and figure 87; sound/hda/hdmi.c of the kernel.
struct ELD: Sendable, Equatable {
    /// The monitor's name; empty where it has none.
    var monitor: String

    /// - Returns: nil where there is no monitor, or the bytes are none of a known version.
    init?(_ bytes: [UInt8]) {
        guard bytes.count > 20, [2, 31].contains(bytes[0] >> 3) else { return nil }
        let length = Int(bytes[4] & 0x1F)
        guard length > 0, length <= 16, 20 + length <= bytes.count else { return nil }
        monitor = String(decoding: bytes[20..<20 + length].prefix { $0 != 0 }, as: UTF8.self)
    }
}
