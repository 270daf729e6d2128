import Media

/// A camera that is open, configured and has its buffers; streaming or warm.
final class ConfiguredCamera: Sendable {
    let node: CameraNode
    let target: VideoTarget
    let layout: BufferLayout
    /// Seconds a frame, nil where the driver does not say.
    let interval: Fraction?
    /// Whether the bus had no room for a mode that is nearer to the target.
    let isReduced: Bool
    let buffers: CameraBuffers
    let descriptor: Int32
    private let kernel: any V4L2Kernel
    private let assembly: FrameAssembly?
    private let converter: LegacyConverter?

    /// Takes over the descriptor. Nil where the layout's format cannot be handed on.
    init?(
        _ kernel: any V4L2Kernel, _ descriptor: Int32, _ node: CameraNode, _ target: VideoTarget,
        _ layout: BufferLayout, _ interval: Fraction?, isReduced: Bool, _ buffers: CameraBuffers
    ) {
        assembly = FrameAssembly(layout)
        converter = assembly == nil ? LegacyConverter(descriptor, layout) : nil
        guard assembly != nil || converter != nil else { return nil }
        self.kernel = kernel
        self.descriptor = descriptor
        self.node = node
        self.target = target
        self.layout = layout
        self.interval = interval
        self.isReduced = isReduced
        self.buffers = buffers
    }

    func info(reused: Bool) -> VideoStreamInfo {
        VideoStreamInfo(
            device: node.id, format: layout.format.description, width: layout.width, height: layout.height,
            framesPerSecond: interval?.rate ?? 0, reused: reused, isReduced: isReduced)
    }

    /// The time between two frames; zero where it is unknown.
    var frameTime: Duration {
        guard let interval, interval.denominator > 0 else { return .zero }
        return .nanoseconds(Int64(interval.numerator) * 1_000_000_000 / Int64(interval.denominator))
    }

    /// Whether the driver wrote a whole picture into a buffer.
    func isWhole(_ buffer: DequeuedBuffer) -> Bool {
        guard !buffer.isDamaged else { return false }
        return assembly?.isWhole(buffers.memory[buffer.index], buffer) ?? (buffer.planes.first?.used ?? 0 > 0)
    }

    /// The frame in a buffer that is ours. The buffer is given back when the frame is dropped, or at once where it was
    /// converted or is damaged (nil).
    func frame(_ buffer: DequeuedBuffer, capturedAt: MonotonicInstant) -> VideoFrame? {
        let memory = buffers.memory[buffer.index]
        if let assembly {
            let frame = assembly.frame(memory, buffer, capturedAt: capturedAt) { [buffers] in
                buffers.release(buffer.index)
            }
            if frame == nil { buffers.release(buffer.index) }
            return frame
        }
        defer { buffers.release(buffer.index) }
        return converter?.convert(memory, buffer, capturedAt: capturedAt)
    }

    /// Stops, gives the driver's memory back and closes the descriptor.
    func close() {
        buffers.retire()
        kernel.close(descriptor)
    }
}
