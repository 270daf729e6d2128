import CV4L2
import Glibc
import Media

/// The kernel of this machine.
struct LinuxV4L2Kernel: V4L2Kernel {
    func now() -> MonotonicInstant { .now() }

    private func check(_ call: String, _ status: Int32) throws(KernelError) {
        if status != 0 { throw KernelError(call, status) }
    }

    /// Whether an enumeration has one more: EINVAL ends it, ENOTTY says that the driver has none.
    private func exists(_ call: String, _ status: Int32) throws(KernelError) -> Bool {
        if status == EINVAL || status == ENOTTY { return false }
        try check(call, status)
        return true
    }

    func open(_ path: String) throws(KernelError) -> Int32 {
        let descriptor = unsafe path.withCString { unsafe cv4l2_open($0) }
        try check("open(\(path))", min(0, descriptor) * -1)
        return descriptor
    }

    func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

    func capability(_ descriptor: Int32) throws(KernelError) -> NodeCapability {
        var raw = cv4l2_capability()
        try check("VIDIOC_QUERYCAP", unsafe cv4l2_query_capability(descriptor, &raw))
        return NodeCapability(
            driver: text(of: raw.driver), card: text(of: raw.card), bus: text(of: raw.bus), version: raw.version,
            flags: raw.capabilities)
    }

    func wait(_ descriptor: Int32?, _ wakeup: Wakeup, _ timeout: Duration?) throws(KernelError) -> WaitResult {
        // Rounded up: a wait that ends too early would be repeated with nothing to do.
        let milliseconds = timeout.map { Int32(clamping: ($0.nanoseconds + 999_999) / 1_000_000) } ?? -1
        var result: Int32 = 0
        try check("poll", unsafe cv4l2_poll(descriptor ?? -1, wakeup.descriptor, milliseconds, &result))
        return WaitResult(rawValue: result)
    }

    // MARK: Formats

    func format(_ descriptor: Int32, _ api: BufferAPI, at index: Int) throws(KernelError) -> FourCC? {
        var fourcc: UInt32 = 0
        let status = unsafe cv4l2_enum_format(descriptor, api == .multiPlanar, UInt32(index), &fourcc)
        return try exists("VIDIOC_ENUM_FMT", status) ? FourCC(rawValue: fourcc) : nil
    }

    func size(_ descriptor: Int32, _ format: FourCC, at index: Int) throws(KernelError) -> FrameSize? {
        var raw = cv4l2_size()
        let status = unsafe cv4l2_enum_size(descriptor, format.rawValue, UInt32(index), &raw)
        guard try exists("VIDIOC_ENUM_FRAMESIZES", status), raw.min_width <= raw.max_width,
            raw.min_height <= raw.max_height
        else { return nil }
        return FrameSize(
            width: Int(raw.min_width)...Int(raw.max_width), height: Int(raw.min_height)...Int(raw.max_height),
            widthStep: max(1, Int(raw.step_width)), heightStep: max(1, Int(raw.step_height)))
    }

    func interval(
        _ descriptor: Int32, _ format: FourCC, width: Int, height: Int, at index: Int
    ) throws(KernelError) -> FrameInterval? {
        var raw = cv4l2_interval()
        let status = unsafe cv4l2_enum_interval(
            descriptor, format.rawValue, UInt32(width), UInt32(height), UInt32(index), &raw)
        guard try exists("VIDIOC_ENUM_FRAMEINTERVALS", status) else { return nil }
        return FrameInterval(
            shortest: Fraction(raw.min_numerator, raw.min_denominator),
            longest: Fraction(raw.max_numerator, raw.max_denominator))
    }

    func currentFormat(_ descriptor: Int32, _ api: BufferAPI) throws(KernelError) -> BufferLayout {
        var raw = cv4l2_layout()
        try check("VIDIOC_G_FMT", unsafe cv4l2_get_format(descriptor, api == .multiPlanar, &raw))
        return BufferLayout(raw)
    }

    func setFormat(
        _ descriptor: Int32, _ api: BufferAPI, _ format: FourCC, width: Int, height: Int
    ) throws(KernelError) -> BufferLayout {
        var raw = cv4l2_layout()
        let status = unsafe cv4l2_set_format(
            descriptor, api == .multiPlanar, format.rawValue, UInt32(width), UInt32(height), &raw)
        try check("VIDIOC_S_FMT", status)
        return BufferLayout(raw)
    }

    func currentInterval(_ descriptor: Int32, _ api: BufferAPI) throws(KernelError) -> Fraction? {
        var (numerator, denominator): (UInt32, UInt32) = (0, 0)
        let status = unsafe cv4l2_get_interval(descriptor, api == .multiPlanar, &numerator, &denominator)
        guard try exists("VIDIOC_G_PARM", status), numerator > 0, denominator > 0 else { return nil }
        return Fraction(numerator, denominator)
    }

    func setInterval(_ descriptor: Int32, _ api: BufferAPI, _ interval: Fraction) throws(KernelError) -> Fraction? {
        var (numerator, denominator) = (interval.numerator, interval.denominator)
        let status = unsafe cv4l2_set_interval(descriptor, api == .multiPlanar, &numerator, &denominator)
        guard try exists("VIDIOC_S_PARM", status), numerator > 0, denominator > 0 else { return nil }
        return Fraction(numerator, denominator)
    }

    // MARK: Buffers

    func requestBuffers(_ descriptor: Int32, _ api: BufferAPI, count: Int) throws(KernelError) -> Int {
        var granted = UInt32(count)
        try check("VIDIOC_REQBUFS", unsafe cv4l2_request_buffers(descriptor, api == .multiPlanar, &granted))
        return Int(granted)
    }

    func buffer(
        _ descriptor: Int32, _ api: BufferAPI, index: Int, planes: Int
    ) throws(KernelError) -> [BufferMapping] {
        var raw = cv4l2_buffer()
        let status = unsafe cv4l2_query_buffer(
            descriptor, api == .multiPlanar, UInt32(index), UInt32(planes), &raw)
        try check("VIDIOC_QUERYBUF", status)
        let offsets = array(of: raw.map, Int(raw.plane_count))
        let lengths = array(of: raw.length, Int(raw.plane_count))
        return zip(offsets, lengths).map { BufferMapping(offset: $0, length: Int($1)) }
    }

    func queue(_ descriptor: Int32, _ api: BufferAPI, index: Int, planes: Int) throws(KernelError) {
        try check("VIDIOC_QBUF", cv4l2_queue(descriptor, api == .multiPlanar, UInt32(index), UInt32(planes)))
    }

    func dequeue(_ descriptor: Int32, _ api: BufferAPI, planes: Int) throws(KernelError) -> DequeuedBuffer? {
        var raw = cv4l2_buffer()
        let status = unsafe cv4l2_dequeue(descriptor, api == .multiPlanar, UInt32(planes), &raw)
        if status == EAGAIN { return nil }
        try check("VIDIOC_DQBUF", status)
        let flags = Int32(bitPattern: raw.flags)
        let isMonotonic =
            flags & V4L2_BUF_FLAG_TIMESTAMP_MASK == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC
        let count = Int(raw.plane_count)
        let offsets = array(of: raw.offset, count)
        let used = array(of: raw.used, count)
        return DequeuedBuffer(
            index: Int(raw.index), sequence: raw.sequence,
            timestamp: isMonotonic ? MonotonicInstant(nanoseconds: raw.timestamp_ns) : nil,
            isDamaged: flags & V4L2_BUF_FLAG_ERROR != 0,
            planes: zip(offsets, used).map { DequeuedBuffer.Plane(offset: Int($0), used: Int($1)) })
    }

    func stream(_ descriptor: Int32, _ api: BufferAPI, on: Bool) throws(KernelError) {
        try check(
            on ? "VIDIOC_STREAMON" : "VIDIOC_STREAMOFF", cv4l2_stream(descriptor, api == .multiPlanar, on))
    }

    func map(_ descriptor: Int32, _ mapping: BufferMapping) throws(KernelError) -> DriverMemory {
        var memory: UnsafeMutableRawPointer?
        try check("mmap", unsafe cv4l2_map(descriptor, mapping.length, mapping.offset, &memory))
        return unsafe DriverMemory(UnsafeMutableRawBufferPointer(start: memory, count: mapping.length))
    }

    func unmap(_ memory: DriverMemory) { _ = unsafe cv4l2_unmap(memory.bytes.baseAddress, memory.bytes.count) }

    func detach(_ memory: DriverMemory) throws(KernelError) {
        try check("mremap", unsafe cv4l2_detach(memory.bytes.baseAddress, memory.bytes.count))
    }

    // MARK: Controls

    func control(_ descriptor: Int32, after id: UInt32) throws(KernelError) -> ControlDescription? {
        var raw = cv4l2_control()
        let status = unsafe cv4l2_next_control(descriptor, id, &raw)
        guard try exists("VIDIOC_QUERY_EXT_CTRL", status) else { return nil }
        let kind: ControlDescription.Kind =
            switch v4l2_ctrl_type(raw.type) {
            case V4L2_CTRL_TYPE_INTEGER, V4L2_CTRL_TYPE_BITMASK: .integer
            case V4L2_CTRL_TYPE_INTEGER64: .integer64
            case V4L2_CTRL_TYPE_BOOLEAN: .boolean
            case V4L2_CTRL_TYPE_MENU: .menu
            case V4L2_CTRL_TYPE_INTEGER_MENU: .integerMenu
            case V4L2_CTRL_TYPE_BUTTON: .button
            default: .other
            }
        func has(_ flag: Int32) -> Bool { Int32(bitPattern: raw.flags) & flag != 0 }
        return ControlDescription(
            id: raw.id, kind: kind, title: text(of: raw.name), minimum: raw.minimum, maximum: raw.maximum,
            step: raw.step, defaultValue: raw.default_value, isDisabled: has(V4L2_CTRL_FLAG_DISABLED),
            isReadOnly: has(V4L2_CTRL_FLAG_READ_ONLY), isWriteOnly: has(V4L2_CTRL_FLAG_WRITE_ONLY),
            isInactive: has(V4L2_CTRL_FLAG_INACTIVE))
    }

    func menuChoice(_ descriptor: Int32, _ control: ControlDescription, at index: Int) -> String? {
        var name = [CChar](repeating: 0, count: 33)
        var value: Int64 = 0
        guard unsafe cv4l2_query_menu(descriptor, control.id, UInt32(index), &name, &value) == 0 else { return nil }
        if control.kind == .integerMenu { return String(value) }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func value(_ descriptor: Int32, of control: ControlDescription) throws(KernelError) -> Int64 {
        var value: Int64 = 0
        let status = unsafe cv4l2_get_control(descriptor, control.id, control.kind == .integer64, &value)
        try check("VIDIOC_G_EXT_CTRLS(\(control.title))", status)
        return value
    }

    func setValue(_ descriptor: Int32, of control: ControlDescription, to value: Int64) throws(KernelError) {
        let status = cv4l2_set_control(descriptor, control.id, control.kind == .integer64, value)
        try check("VIDIOC_S_EXT_CTRLS(\(control.title))", status)
    }
}

/// The text of a C array of characters.
private func text<Tuple>(of tuple: Tuple) -> String {
    unsafe withUnsafeBytes(of: tuple) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}

/// The first of a C array of numbers.
private func array<Tuple>(of tuple: Tuple, _ count: Int) -> [UInt32] {
    unsafe withUnsafeBytes(of: tuple) { bytes in
        unsafe Array(bytes.bindMemory(to: UInt32.self).prefix(count))
    }
}

extension BufferLayout {
    fileprivate init(_ raw: cv4l2_layout) {
        let count = Int(raw.plane_count)
        let strides = array(of: raw.stride, count)
        let sizes = array(of: raw.size, count)
        self.init(
            format: FourCC(rawValue: raw.fourcc), width: Int(raw.width), height: Int(raw.height),
            planes: zip(strides, sizes).map { Plane(stride: Int($0), size: Int($1)) })
    }
}
