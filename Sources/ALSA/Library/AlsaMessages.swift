internal import CAlsa

/// What alsa-lib would print: kept per thread instead, for the text of the error that follows.
enum AlsaMessages {
    // Once for the process: the handler is alsa-lib's only global that we set.
    private static let installed: Void = alsa_keep_messages()

    /// To be called before the first use of alsa-lib, by every entry into this module.
    static func keep() { _ = installed }

    /// The calling thread's messages since the last call; nil where there are none.
    static func take() -> String? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { buffer in
            guard let text = buffer.baseAddress else { return nil }
            unsafe alsa_take_messages(text)
            let message = unsafe String(cString: text)
            return message.isEmpty ? nil : message
        }
    }
}
