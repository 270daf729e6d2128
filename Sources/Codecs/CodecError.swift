/// What a codec, a pixel conversion or a picture file answers when it cannot do what was asked.
///
/// The text names the failing call, the reason in the library's or the kernel's words, and what to do where that is
/// known: `tjDecompressToYUVPlanes: Premature end of JPEG file`.
public struct CodecError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. New codes may be added: switch with a `default`.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private let name: String
        public var description: String { name }

        /// A value outside what the codec takes: a rate, a size, a bitrate, an empty packet.
        public static let invalidArgument = Code(name: "invalidArgument")
        /// The bytes to decode are damaged, cut short or of another kind.
        public static let damaged = Code(name: "damaged")
        /// The codec or the converter cannot do this: a format, a file's extension.
        public static let unsupported = Code(name: "unsupported")
        /// The storage given is too small for the result.
        public static let bufferTooSmall = Code(name: "bufferTooSmall")
        /// A file could not be written: its folder, its permissions, a full disk.
        public static let fileNotWritten = Code(name: "fileNotWritten")
        /// The library failed by itself (out of memory, an internal error).
        public static let failed = Code(name: "failed")
    }

    public var code: Code
    /// The failing call, with its argument where that helps: `opus_encode`, `open(/tmp/a.png)`.
    public var operation: String
    /// The reason: the library's or the kernel's words.
    public var reason: String
    /// What the reader can do about it.
    public var advice: String?

    public init(_ code: Code, operation: String, reason: String, advice: String? = nil) {
        self.code = code
        self.operation = operation
        self.reason = reason
        self.advice = advice
    }

    public var description: String { "\(operation): \(reason)" + (advice.map { ". \($0)" } ?? "") }
}
