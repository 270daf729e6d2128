import Media

/// Finds the planes of colour in the planes of a buffer's memory.
struct FrameAssembly: Sendable {
    private let layout: BufferLayout
    private let format: PixelFormat

    /// Nil for formats that are converted first.
    init?(_ layout: BufferLayout) {
        guard case .asIs(let format) = layout.format.delivery, !layout.planes.isEmpty else { return nil }
        self.layout = layout
        self.format = format
    }

    /// A plane of colour: in which memory, where from there, and how long its rows are.
    private struct Piece {
        var memory: Int
        var offset: Int
        var stride: Int
        var row: Int
        var rows: Int
    }

    private var pieces: [Piece] {
        let (width, height) = (layout.width, layout.height)
        let (chromaWidth, chromaHeight) = ((width + 1) / 2, (height + 1) / 2)
        func stride(_ plane: Int, atLeast row: Int) -> Int { max(layout.planes[plane].stride, row) }

        switch format {
        case .yuyv, .uyvy:
            let row = chromaWidth * 4
            return [Piece(memory: 0, offset: 0, stride: stride(0, atLeast: row), row: row, rows: height)]
        case .bgrx:
            return [Piece(memory: 0, offset: 0, stride: stride(0, atLeast: width * 4), row: width * 4, rows: height)]
        case .rgb24:
            return [Piece(memory: 0, offset: 0, stride: stride(0, atLeast: width * 3), row: width * 3, rows: height)]
        case .nv12:
            let luma = Piece(memory: 0, offset: 0, stride: stride(0, atLeast: width), row: width, rows: height)
            var chroma = Piece(memory: 0, offset: 0, stride: 0, row: chromaWidth * 2, rows: chromaHeight)
            if layout.planes.count > 1 {
                (chroma.memory, chroma.stride) = (1, stride(1, atLeast: chroma.row))
            } else {
                (chroma.offset, chroma.stride) = (luma.stride * height, luma.stride)
            }
            return [luma, chroma]
        case .i420:
            let luma = Piece(memory: 0, offset: 0, stride: stride(0, atLeast: width), row: width, rows: height)
            var first = Piece(memory: 0, offset: 0, stride: 0, row: chromaWidth, rows: chromaHeight)
            var second = first
            if layout.planes.count > 2 {
                (first.memory, first.stride) = (1, stride(1, atLeast: first.row))
                (second.memory, second.stride) = (2, stride(2, atLeast: second.row))
            } else {
                first.stride = max(luma.stride / 2, chromaWidth)
                first.offset = luma.stride * height
                second.stride = first.stride
                second.offset = first.offset + first.stride * chromaHeight
            }
            return layout.format.hasSwappedChroma ? [luma, second, first] : [luma, first, second]
        case .mjpeg:
            return []
        }
    }

    /// The frame in a filled buffer, or nil where the driver wrote less than a picture.
    /// - `release`: called once when the frame is dropped; not called for nil.
    func frame(
        _ memory: [DriverMemory], _ buffer: DequeuedBuffer, capturedAt: MonotonicInstant,
        release: @escaping @Sendable () -> Void
    ) -> VideoFrame? {
        guard let planes = planes(memory, buffer) else { return nil }
        return unsafe VideoFrame(
            format: format, width: layout.width, height: layout.height, planes: planes, capturedAt: capturedAt,
            sequence: buffer.sequence, release: release)
    }

    /// Whether the driver wrote a whole picture.
    func isWhole(_ memory: [DriverMemory], _ buffer: DequeuedBuffer) -> Bool { planes(memory, buffer) != nil }

    private func planes(_ memory: [DriverMemory], _ buffer: DequeuedBuffer) -> [VideoFrame.Plane]? {
        /// What the driver wrote of one plane of memory; its numbers are checked, not believed.
        func written(_ index: Int) -> UnsafeRawBufferPointer? {
            guard index < memory.count, index < buffer.planes.count else { return nil }
            let used = min(buffer.planes[index].used, unsafe memory[index].bytes.count)
            let offset = buffer.planes[index].offset
            guard offset >= 0, used > offset else { return nil }
            return unsafe UnsafeRawBufferPointer(rebasing: memory[index].bytes[offset..<used])
        }
        if format == .mjpeg {
            guard let bytes = unsafe written(0), bytes.count > 4 else { return nil }
            return unsafe [VideoFrame.Plane(bytes: bytes, stride: 0)]
        }
        var planes: [VideoFrame.Plane] = []
        for piece in pieces {
            let length = piece.stride * (piece.rows - 1) + piece.row
            guard let bytes = unsafe written(piece.memory), bytes.count >= piece.offset + length else { return nil }
            // A last row without padding is whole too.
            let end = min(bytes.count, piece.offset + piece.stride * piece.rows)
            unsafe planes.append(
                VideoFrame.Plane(
                    bytes: UnsafeRawBufferPointer(rebasing: bytes[piece.offset..<end]), stride: piece.stride))
        }
        return planes
    }
}
