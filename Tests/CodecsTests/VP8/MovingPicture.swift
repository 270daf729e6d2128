import Glibc
import Media

@testable import Codecs

/// A moving picture of soft shades and hard edges, I420: frame `number` of it.
func movingPicture(_ width: Int, _ height: Int, number: Int, interval: Int64 = 33_333_333) -> VideoFrame {
    func plane(_ width: Int, _ height: Int, _ value: (Int, Int) -> Int) -> (bytes: [UInt8], stride: Int) {
        let rows = (0..<height).flatMap { y in (0..<width).map { x in UInt8(clamping: value(x, y)) } }
        return (rows, width)
    }
    let (half, rows) = ((width + 1) / 2, (height + 1) / 2)
    let square = (number * 4) % max(1, width)..<(number * 4) % max(1, width) + width / 5 + 1
    return frame(
        .i420, width, height,
        [
            plane(width, height) { x, y in
                square.contains(x) && y > height / 3 && y < height * 2 / 3 ? 200 : 40 + (x + y + number) % 128
            },
            plane(half, rows) { x, _ in 96 + x * 64 / half },
            plane(half, rows) { _, y in 96 + y * 64 / rows },
        ], at: 1_000_000 + Int64(number) * interval, sequence: UInt32(number))
}

/// How alike the luma of two pictures is, in dB; 99 for the same.
func psnr(_ a: VideoFrame, _ b: VideoFrame) -> Double {
    var sum = 0
    for y in 0..<a.height {
        for x in 0..<a.width {
            let difference = YUV(a, x, y).y - YUV(b, x, y).y
            sum += difference * difference
        }
    }
    guard sum > 0 else { return 99 }
    let mean = Double(sum) / Double(a.width * a.height)
    return 10 * log10(255 * 255 / mean)
}
