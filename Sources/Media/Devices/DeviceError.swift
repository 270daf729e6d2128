/// What a device (sound card, camera, screen) answers when it cannot do what was asked.
///
/// The text names the failing call, the device and the reason, and what to do where that is known:
/// `snd_pcm_open(hw:2): Device or resource busy; held by firefox (pid 812). Close it, or choose another device.`
public struct DeviceError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. New codes may be added: switch with a `default`.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private let name: String
        public var description: String { name }

        /// No device is present, or none with the id that was asked for.
        public static let noDevice = Code(name: "noDevice")
        /// The device went away while in use (ENODEV).
        public static let disconnected = Code(name: "disconnected")
        /// Another program holds the device (EBUSY).
        public static let busy = Code(name: "busy")
        /// The user may not open the device (EACCES, EPERM).
        public static let permissionDenied = Code(name: "permissionDenied")
        /// The device runs but delivers nothing any more.
        public static let stalled = Code(name: "stalled")
        /// The device was started and never delivered anything.
        public static let neverStarted = Code(name: "neverStarted")
        /// The driver does not come back. What was asked is done when it does.
        public static let timedOut = Code(name: "timedOut")
        /// The device cannot do what was asked (format, size, rate, control).
        public static let unsupported = Code(name: "unsupported")
        /// The bus has no room for the stream (ENOSPC from USB).
        public static let noBandwidth = Code(name: "noBandwidth")
        /// The device or its driver failed (EIO and all else).
        public static let failed = Code(name: "failed")
        /// A value outside what is allowed was given.
        public static let invalidArgument = Code(name: "invalidArgument")
        /// The work was cancelled, by a leave or by cancelling the task.
        public static let cancelled = Code(name: "cancelled")
        /// There is no display to capture (screen only).
        public static let noDisplay = Code(name: "noDisplay")
        /// The captured window or monitor was closed (screen only).
        public static let sourceClosed = Code(name: "sourceClosed")
    }

    public var code: Code
    /// The failing call with its argument: `snd_pcm_open(hw:2)`, `VIDIOC_STREAMON`.
    public var operation: String
    /// The device's id or name.
    public var device: String
    /// The reason: the C library's or the kernel's words.
    public var reason: String
    /// The positive errno, 0 where there is none.
    public var errno: Int32
    /// What the reader can do about it.
    public var advice: String?

    public init(
        _ code: Code, operation: String, device: String, reason: String, errno: Int32 = 0, advice: String? = nil
    ) {
        self.code = code
        self.operation = operation
        self.device = device
        self.reason = reason
        self.errno = errno
        self.advice = advice
    }

    public var description: String {
        let place = operation.contains(device) ? operation : "\(operation) [\(device)]"
        return "\(place): \(reason)" + (advice.map { ". \($0)" } ?? "")
    }
}
