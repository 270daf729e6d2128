import COpus

extension CodecError {
    /// What a libopus call answered.
    /// - `status`: negative (opus_defines.h, "Error codes").
    static func opus(_ operation: String, _ status: Int32) -> CodecError {
        let code: Code =
            switch status {
            case OPUS_BAD_ARG: .invalidArgument
            case OPUS_BUFFER_TOO_SMALL: .bufferTooSmall
            case OPUS_INVALID_PACKET: .damaged
            case OPUS_UNIMPLEMENTED: .unsupported
            default: .failed
            }
        return CodecError(code, operation: operation, reason: unsafe String(cString: opus_strerror(status)))
    }
}
