import Media

/// What a camera's code asks of the kernel: the seam at which tests put a scripted one.
///
/// - Thread: any. Calls may block in the driver: never on the concurrency pool.
protocol V4L2Kernel: Sendable {
    /// CLOCK_MONOTONIC, which V4L2's timestamps use.
    func now() -> MonotonicInstant

    // Nodes.
    func open(_ path: String) throws(KernelError) -> Int32
    func close(_ descriptor: Int32)
    func capability(_ descriptor: Int32) throws(KernelError) -> NodeCapability
    /// Waits for a frame of `descriptor` (nil: of none) or for the wake-up; nil: for ever.
    func wait(_ descriptor: Int32?, _ wakeup: Wakeup, _ timeout: Duration?) throws(KernelError) -> WaitResult

    // Formats. The enumerations give nil after the last.
    func format(_ descriptor: Int32, _ api: BufferAPI, at index: Int) throws(KernelError) -> FourCC?
    func size(_ descriptor: Int32, _ format: FourCC, at index: Int) throws(KernelError) -> FrameSize?
    func interval(
        _ descriptor: Int32, _ format: FourCC, width: Int, height: Int, at index: Int
    ) throws(KernelError) -> FrameInterval?
    func currentFormat(_ descriptor: Int32, _ api: BufferAPI) throws(KernelError) -> BufferLayout
    func setFormat(
        _ descriptor: Int32, _ api: BufferAPI, _ format: FourCC, width: Int, height: Int
    ) throws(KernelError) -> BufferLayout
    /// Seconds a frame; nil where the driver has no rate to set.
    func currentInterval(_ descriptor: Int32, _ api: BufferAPI) throws(KernelError) -> Fraction?
    func setInterval(_ descriptor: Int32, _ api: BufferAPI, _ interval: Fraction) throws(KernelError) -> Fraction?

    // Buffers.
    func requestBuffers(_ descriptor: Int32, _ api: BufferAPI, count: Int) throws(KernelError) -> Int
    func buffer(
        _ descriptor: Int32, _ api: BufferAPI, index: Int, planes: Int
    ) throws(KernelError) -> [BufferMapping]
    func queue(_ descriptor: Int32, _ api: BufferAPI, index: Int, planes: Int) throws(KernelError)
    /// Nil: no frame is ready.
    func dequeue(_ descriptor: Int32, _ api: BufferAPI, planes: Int) throws(KernelError) -> DequeuedBuffer?
    func stream(_ descriptor: Int32, _ api: BufferAPI, on: Bool) throws(KernelError)
    func map(_ descriptor: Int32, _ mapping: BufferMapping) throws(KernelError) -> DriverMemory
    func unmap(_ memory: DriverMemory)
    /// Puts a copy in the place of the driver's memory, at the same address: see ``CameraBuffers``.
    func detach(_ memory: DriverMemory) throws(KernelError)

    // Controls.
    /// The control after an id, nil after the last.
    func control(_ descriptor: Int32, after id: UInt32) throws(KernelError) -> ControlDescription?
    /// A choice of a menu; nil where the driver leaves the index out.
    func menuChoice(_ descriptor: Int32, _ control: ControlDescription, at index: Int) -> String?
    func value(_ descriptor: Int32, of control: ControlDescription) throws(KernelError) -> Int64
    func setValue(_ descriptor: Int32, of control: ControlDescription, to value: Int64) throws(KernelError)
}

/// A request that the kernel refused.
struct KernelError: Error, Hashable {
    /// The request: `VIDIOC_STREAMON`.
    var call: String
    /// A positive errno.
    var code: Int32

    init(_ call: String, _ code: Int32) {
        self.call = call
        self.code = code
    }
}

/// What a node says that it is (VIDIOC_QUERYCAP).
struct NodeCapability: Sendable, Hashable {
    var driver: String
    var card: String
    var bus: String
    var version: UInt32
    /// V4L2_CAP_… of this node.
    var flags: UInt32
}

/// The single-planar or the multi-planar interface: a node has one of them.
enum BufferAPI: Sendable, Hashable {
    case singlePlanar, multiPlanar
}

/// What a wait ended with; none of them: time, or a signal.
struct WaitResult: OptionSet, Sendable {
    var rawValue: Int32
    /// A frame, or an error that the next dequeue tells.
    static let ready = Self(rawValue: 1)
    /// POLLERR or POLLHUP: there will be no more frames.
    static let broken = Self(rawValue: 2)
    static let woken = Self(rawValue: 4)
}

struct Fraction: Sendable, Hashable {
    var numerator: UInt32
    var denominator: UInt32

    init(_ numerator: UInt32, _ denominator: UInt32) {
        self.numerator = numerator
        self.denominator = denominator
    }

    /// Frames a second of an interval; 0 where it is none.
    var rate: Double { numerator == 0 ? 0 : Double(denominator) / Double(numerator) }
}

/// A size of a format: one, or a range with steps.
struct FrameSize: Sendable, Hashable {
    var width: ClosedRange<Int>
    var height: ClosedRange<Int>
    var widthStep = 1
    var heightStep = 1

    var isRange: Bool { width.count > 1 || height.count > 1 }
}

/// A frame interval of a size: one, or a range.
struct FrameInterval: Sendable, Hashable {
    var shortest: Fraction
    var longest: Fraction
    var isRange: Bool { shortest != longest }
}

/// How a format lies in memory.
struct BufferLayout: Sendable, Hashable {
    struct Plane: Sendable, Hashable {
        var stride: Int
        var size: Int
    }

    var format: FourCC
    var width: Int
    var height: Int
    /// Planes of memory: of single-planar buffers always one.
    var planes: [Plane]
}

/// Where one plane of a buffer is mapped from.
struct BufferMapping: Sendable, Hashable {
    var offset: UInt32
    var length: Int
}

/// A filled buffer.
struct DequeuedBuffer: Sendable, Hashable {
    struct Plane: Sendable, Hashable {
        var offset: Int
        /// Bytes, the offset included.
        var used: Int
    }

    var index: Int
    var sequence: UInt32
    /// Nil where the driver's stamp is not of CLOCK_MONOTONIC.
    var timestamp: MonotonicInstant?
    /// V4L2_BUF_FLAG_ERROR: the content is damaged.
    var isDamaged: Bool
    var planes: [Plane]
}

/// One mapped plane.
@safe
struct DriverMemory: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer

    init(_ bytes: UnsafeMutableRawBufferPointer) { unsafe self.bytes = unsafe bytes }
}

/// A control as the driver describes it.
struct ControlDescription: Sendable, Hashable {
    enum Kind: Sendable { case integer, integer64, boolean, menu, integerMenu, button, other }
    var id: UInt32
    var kind: Kind
    var title: String
    var minimum: Int64
    var maximum: Int64
    var step: Int64
    var defaultValue: Int64
    var isDisabled = false
    var isReadOnly = false
    var isWriteOnly = false
    /// It has no effect now: another control (automatic exposure) rules it.
    var isInactive = false
}
