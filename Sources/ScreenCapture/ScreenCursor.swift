internal import CXCB

/// The pointer's image and where it lies in the captured area.
struct ScreenCursor: Equatable {
    private let serial: UInt32
    private let left: Int
    private let top: Int
    private let width: Int
    private let height: Int
    private let image: X11Reply<xcb_xfixes_get_cursor_image_reply_t>

    /// - `x`, `y`: the pointer's hot spot in the captured area.
    /// - Returns: nil where nothing of it lies in the area.
    init?(
        _ image: X11Reply<xcb_xfixes_get_cursor_image_reply_t>, x: Int, y: Int, areaWidth: Int, areaHeight: Int
    ) {
        let value = image.value
        width = Int(value.width)
        height = Int(value.height)
        left = x - Int(value.xhot)
        top = y - Int(value.yhot)
        guard width > 0, height > 0, Int(value.length) >= width * height, left < areaWidth, top < areaHeight,
            left + width > 0, top + height > 0
        else { return nil }
        serial = value.cursor_serial
        self.image = image
    }

    static func == (a: Self, b: Self) -> Bool { a.serial == b.serial && a.left == b.left && a.top == b.top }

    /// The rows it covers of an area.
    func rows(in areaHeight: Int) -> Range<Int> { max(0, top)..<min(areaHeight, top + height) }

    /// Draws it over a picture. The image is ARGB with the colours already multiplied by alpha (XFixes §7).
    func draw(over picture: ScreenPicture) {
        guard let pixels = unsafe xcb_xfixes_get_cursor_image_cursor_image(image.pointer) else { return }
        let columns = max(0, left)..<min(picture.width, left + width)
        for y in rows(in: picture.height) {
            for x in columns {
                let source = unsafe pixels[(y - top) * width + (x - left)]
                let kept = 255 - (source >> 24)
                if kept == 255 { continue }
                let offset = (y * picture.width + x) * 4
                let under = unsafe picture.bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                var result: UInt32 = 0
                for shift: UInt32 in [0, 8, 16] {
                    let blended = (source >> shift & 0xff) + ((under >> shift & 0xff) * kept + 127) / 255
                    result |= min(blended, 255) << shift
                }
                unsafe picture.bytes.storeBytes(of: result, toByteOffset: offset, as: UInt32.self)
            }
        }
    }
}
