/// The USB controller that a camera hangs on, from its bus path: `usb-0000:00:14.0-1.2`.
struct USBController: Equatable {
    var name: String

    /// - Returns: nil for cameras that are not on USB.
    init?(of bus: String) {
        guard let start = bus.firstRange(of: "usb-") else { return nil }
        let path = bus[start.upperBound...]
        guard let end = path.lastIndex(of: "-") else { return nil }
        name = String(path[..<end])
    }
}
