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
        default: Self.convertible.contains(self) ? .converted : nil
        }
    }

    /// V comes before U in memory.
    var hasSwappedChroma: Bool { self == "YV12" || self == "YM21" }

    var isCompressed: Bool { self == "MJPG" || self == "JPEG" || self == "PJPG" || self == "JPGL" }

    enum Delivery: Sendable, Hashable {
        /// The driver's memory as it is.
        case asIs(PixelFormat)
        /// By libv4lconvert, as I420.
        case converted
    }

    /// What libv4lconvert 1.22 decodes without a driver's help beyond what is above: Bayer sensors, grey, vendors'
    /// compressions of old webcams, other packed layouts.
    private static let convertible: Set<FourCC> = [
        "YVYU", "VYUY", "NV21", "NV16", "NV61", "422P", "Y41P", "BGR3", "RGBP", "GREY", "Y10B", "Y16 ",
        "BA81", "GBRG", "GRBG", "RGGB", "S561", "S501", "S505", "S508", "P207", "PJPG", "JPGL", "CPIA", "K110",
        "L310", "M310", "Q310", "SQ93", "S910", "S20C", "O511", "O518", "S920", "V190", "E625", "Y12 ", "Y04 ",
        "Y06 ", "HM12",
    ]
}
