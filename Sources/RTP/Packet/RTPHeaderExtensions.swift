/// The header extension of a packet: elements by id in the one-byte or two-byte form (RFC 8285), or something of
/// another profile that is carried along unread.
///
/// The elements stay in their wire form, so a packet that is forwarded keeps its extension byte for byte, and reading
/// one allocates nothing.
public struct RTPHeaderExtensions: Sendable, Hashable {
    /// How the elements are written.
    public enum Form: Sendable, Hashable {
        /// Ids 1–14, 1–16 bytes each (profile 0xBEDE, RFC 8285 §4.2).
        case oneByte
        /// Ids 1–255, 0–255 bytes each (profile 0x1000–0x100F, §4.3); the low four bits are the application's.
        case twoByte(applicationBits: UInt8)
        /// Not RFC 8285: one opaque block.
        case opaque(profile: UInt16)
    }

    public private(set) var form: Form
    /// The extension's body as on the wire, without the padding to 32 bits.
    public private(set) var bytes: [UInt8]

    /// No extension: the packet's X bit is 0.
    public init() {
        form = .oneByte
        bytes = []
    }

    /// - `profile`: the 16 bits before the length.
    /// - `body`: the extension's body, from a network.
    /// - `array`: an empty one, for the elements; it is taken.
    /// - Throws: `.badExtension` when an element overruns the body.
    init(profile: UInt16, body: Span<UInt8>, into array: inout [UInt8]) throws(RTPError) {
        switch profile {
        case 0xBEDE: form = .oneByte
        case 0x1000...0x100F: form = .twoByte(applicationBits: UInt8(profile & 0xF))
        default: form = .opaque(profile: profile)
        }
        array.append(copying: body)
        bytes = []
        if !isOpaque {
            var walk = Walk(form: form)
            var end = 0
            while let element = try walk.next(array) { end = element.data.upperBound }
            // More than the padding that 32 bits need is the sender's own, and is carried along.
            if array.count - end < 4 { array.removeSubrange(end...) }
        }
        swap(&bytes, &array)
    }

    public var isEmpty: Bool { bytes.isEmpty }

    /// The 16 bits before the length on the wire.
    var profile: UInt16 {
        switch form {
        case .oneByte: 0xBEDE
        case .twoByte(let bits): 0x1000 | UInt16(bits & 0xF)
        case .opaque(let profile): profile
        }
    }

    /// The body's length on the wire, a multiple of four.
    var paddedCount: Int { (bytes.count + 3) & ~3 }

    /// The data of the first element with an id, or nil. Allocates nothing.
    public subscript(id: UInt8) -> ArraySlice<UInt8>? {
        element(id).map { bytes[$0.data] }
    }

    /// The ids in their order.
    public var ids: [UInt8] {
        var ids: [UInt8] = []
        var walk = Walk(form: form)
        while let element = try? walk.next(bytes) { ids.append(element.id) }
        return ids
    }

    /// Adds an element, or replaces the one with its id; goes over to the two-byte form when the one-byte form has no
    /// room for it.
    /// - `data`: 0–255 bytes.
    /// - Throws: `.badExtension` for id 0, more than 255 bytes, or an extension of another profile.
    public mutating func set(_ data: some Collection<UInt8>, id: UInt8) throws(RTPError) {
        let count = data.count
        guard id > 0, count <= 255 else {
            throw RTPError(.badExtension, "an extension element has an id of 1–255 and at most 255 bytes (RFC 8285 §4)")
        }
        if case .opaque = form {
            throw RTPError(.badExtension, "the extension's profile has no elements (RFC 8285 §4)")
        }
        remove(id)
        if case .oneByte = form, id > 14 || count == 0 || count > 16 { widen() }
        let header: [UInt8] =
            if case .oneByte = form { [id << 4 | UInt8(count - 1)] } else { [id, UInt8(count)] }
        guard bytes.count + header.count + count <= 4 * 65_535 else {
            throw RTPError(.badExtension, "a header extension holds at most 65,535 words (RFC 3550 §5.3.1)")
        }
        bytes.append(contentsOf: header)
        bytes.append(contentsOf: data)
    }

    /// Takes an element out; nothing happens without one.
    public mutating func remove(_ id: UInt8) {
        trim()
        while let element = element(id) { bytes.removeSubrange(element.start..<element.data.upperBound) }
    }

    /// Drops all elements but one, and gives it another id; without allocating.
    /// - `id`: nil drops all.
    /// - `newID`: 1–14.
    mutating func keepOnly(_ id: UInt8?, as newID: UInt8) {
        guard !bytes.isEmpty else { return }
        guard let id, let element = element(id), !element.data.isEmpty else {
            form = .oneByte
            bytes.removeAll(keepingCapacity: true)
            return
        }
        bytes.removeSubrange(element.data.upperBound...)
        bytes.removeSubrange(..<element.start)
        if case .oneByte = form { bytes[0] = newID << 4 | bytes[0] & 0xF } else { bytes[0] = newID }
    }

    private func element(_ id: UInt8) -> Element? {
        var walk = Walk(form: form)
        while let element = try? walk.next(bytes) {
            if element.id == id { return element }
        }
        return nil
    }

    /// Cuts off the padding, and what readers of the one-byte form stop at (RFC 8285 §4.2).
    private mutating func trim() {
        guard !isOpaque else { return }
        var walk = Walk(form: form)
        var end = 0
        while let element = try? walk.next(bytes) { end = element.data.upperBound }
        bytes.removeSubrange(end...)
    }

    private var isOpaque: Bool { if case .opaque = form { true } else { false } }

    /// Writes the elements anew in the two-byte form.
    private mutating func widen() {
        var wide: [UInt8] = []
        var walk = Walk(form: form)
        while let element = try? walk.next(bytes) {
            wide.append(contentsOf: [element.id, UInt8(element.data.count)])
            wide.append(contentsOf: bytes[element.data])
        }
        form = .twoByte(applicationBits: 0)
        bytes = wide
    }

    private struct Element {
        var id: UInt8
        /// Where its header begins.
        var start: Int
        var data: Range<Int>
    }

    /// A walk over the elements of a body.
    private struct Walk {
        let form: Form
        var offset = 0

        init(form: Form) { self.form = form }

        mutating func next(_ bytes: [UInt8]) throws(RTPError) -> Element? {
            if case .opaque = form { return nil }
            while offset < bytes.count, bytes[offset] == 0 { offset += 1 }  // padding between elements
            guard offset < bytes.count else { return nil }
            let start = offset
            let id: UInt8
            let count: Int
            if case .oneByte = form {
                id = bytes[start] >> 4
                // Processing stops at the reserved id 15, and at padding that claims a length (RFC 8285 §4.2).
                guard id != 15, id != 0 else { return nil }
                count = Int(bytes[start] & 0xF) + 1
                offset += 1
            } else {
                guard start + 1 < bytes.count else { throw Self.overrun }
                id = bytes[start]
                count = Int(bytes[start + 1])
                offset += 2
            }
            guard offset + count <= bytes.count else { throw Self.overrun }
            defer { offset += count }
            return Element(id: id, start: start, data: offset..<offset + count)
        }

        private static var overrun: RTPError {
            RTPError(.badExtension, "an extension element overruns its header extension (RFC 8285 §4)")
        }
    }
}

extension [UInt8] {
    /// A copy of a span's bytes.
    init(copying span: Span<UInt8>) {
        self = unsafe span.withUnsafeBufferPointer { unsafe Array($0) }
    }

    mutating func append(copying span: Span<UInt8>) {
        unsafe span.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}
