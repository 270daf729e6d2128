/// What a VP8 stream is encoded for.
public struct VP8Settings: Sendable, Hashable {
    /// What the pictures show.
    public enum Content: Sendable, Hashable {
        case camera
        /// Text and still areas: sharpness before smoothness, no frame left out.
        case screen
    }

    /// Bits a second that the encoder aims at: 30,000…50,000,000.
    public var bitrate: Int
    /// The rate that frames are expected at, which bitrate is divided by: 1…240.
    public var framesPerSecond: Double
    public var content: Content
    /// libvpx's cpu-used, 1 (best) to 16 (fastest); nil chooses for the machine and the picture's size.
    public var speed: Int?
    /// Threads of one encoder, 1…16; nil chooses for the machine and the picture's size.
    public var threads: Int?

    public init(
        bitrate: Int = 1_500_000, framesPerSecond: Double = 30, content: Content = .camera, speed: Int? = nil,
        threads: Int? = nil
    ) {
        self.bitrate = bitrate
        self.framesPerSecond = framesPerSecond
        self.content = content
        self.speed = speed
        self.threads = threads
    }

    /// A bitrate that pictures of a size and rate look well at: 1.7 Mb/s for 1280×720 at 30.
    public static func usualBitrate(width: Int, height: Int, framesPerSecond: Double) -> Int {
        // 0.06 bits a pixel at VGA and above; rate counts by its root, since pictures that follow closer differ less.
        let pixels = Double(max(width, 16)) * Double(max(height, 16))
        let rate = 30 * (max(1, framesPerSecond) / 30).squareRoot()
        return min(20_000_000, max(100_000, Int(pixels * rate * 0.06)))
    }

    func validate() throws(CodecError) {
        func refuse(_ reason: String, _ advice: String) throws(CodecError) {
            throw CodecError(.invalidArgument, operation: "VP8Encoder", reason: reason, advice: advice)
        }
        if !(30_000...50_000_000).contains(bitrate) {
            try refuse("a bitrate of \(bitrate)", "Give 30,000 to 50,000,000 bits a second")
        }
        if !(1...240).contains(framesPerSecond) { try refuse("\(framesPerSecond) frames a second", "Give 1 to 240") }
        if let speed, !(1...Self.fastest).contains(speed) { try refuse("a speed of \(speed)", "Give 1 to 16") }
        if let threads, !(1...16).contains(threads) { try refuse("\(threads) threads", "Give 1 to 16") }
    }

    static let fastest = 16

    /// Threads for a picture: more than one only for large ones where processors are to spare.
    ///
    /// libvpx's threads wait for each other by spinning: on two busy processors, two threads took 20 to 170 ms of
    /// processor time for a picture of 1280×720 that one encoded in 5.
    static func usualThreads(width: Int, height: Int, processors: Int) -> Int {
        guard processors >= 4, width * height >= 1280 * 720 else { return 1 }
        return processors >= 8 && width * height >= 1920 * 1080 ? 3 : 2
    }

    /// The speed for a picture. Above 6 little time is saved and much is lost in quality.
    static func usualSpeed(width: Int, height: Int, processors: Int) -> Int {
        if processors == 1 { return width * height > 640 * 480 ? 12 : 8 }
        return width * height > 1280 * 720 ? 8 : 6
    }
}
