import Media

/// A pixel format as V4L2 names it: four characters, the first in the lowest byte.
struct FourCC: Sendable, Hashable, CustomStringConvertible, ExpressibleByStringLiteral {
    var rawValue: UInt32

    init(rawValue: UInt32) { self.rawValue = rawValue }

    init(stringLiteral value: String) {
        precondition(value.utf8.count == 4, "a FourCC has four characters")
        rawValue = value.utf8.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The four characters, as `v4l2-ctl` shows them; big-endian variants have the highest bit set and end in `-BE`.
    var description: String {
        let characters = (0..<4).map { index in
            let byte = UInt8(truncatingIfNeeded: rawValue >> (8 * index)) & 0x7F
            return (0x20..<0x7F).contains(byte) ? Character(UnicodeScalar(byte)) : "?"
        }
        return String(characters) + (rawValue >> 31 == 1 ? "-BE" : "")
    }

    /// How frames of this format are handed on; nil: not at all.
    var delivery: Delivery? {
        switch self {
        case "NV12", "NM12": .asIs(.nv12)
        case "YU12", "YM12", "YV12", "YM21": .asIs(.i420)
        case "YUYV": .asIs(.yuyv)
        case "UYVY": .asIs(.uyvy)
        case "XR24", "AR24", "BGR4": .asIs(.bgrx)
        case "RGB3": .asIs(.rgb24)
        case "MJPG", "JPEG": .asIs(.mjpeg)
        default: convertibleBits == nil ? nil : .converted
        }
    }

    /// V comes before U in memory.
    var hasSwappedChroma: Bool { self == "YV12" || self == "YM21" }

    var isCompressed: Bool { self == "MJPG" || self == "JPEG" }

    enum Delivery: Sendable, Hashable {
        /// The driver's memory as it is.
        case asIs(PixelFormat)
        /// By libv4lconvert, as I420.
        case converted
    }

    /// The bits a pixel takes in the formats that libv4lconvert brings to I420 here: Bayer sensors, grey, other packed
    /// layouts. Its decoders of old webcams' own compressions are left out: in 1.22 most of them read past the end of
    /// a damaged frame. So is RGBP, whose red and blue it exchanges.
    var convertibleBits: Int? { Self.convertible[self] }

    private static let convertible: [FourCC: Int] = [
        "YVYU": 16, "NV16": 16, "NV61": 16, "BGR3": 24, "GREY": 8, "Y10B": 10, "Y16 ": 16, "BA81": 8, "GBRG": 8,
        "GRBG": 8, "RGGB": 8, "pRAA": 10, "BYR2": 16, "BA10": 16,
    ]
}
