/// A place that tells of devices: udev's socket, a watched folder, a card's controls.
///
/// - Thread: the watch's alone, from its making to ``close()``.
package protocol WatchSource: AnyObject {
    /// What to poll for input; asked anew before every wait.
    var descriptors: [Int32] { get }

    /// Takes what there is to read, without waiting.
    func read() -> [DeviceSignal]

    /// Hears what the other sources told: of a card that came or went.
    func hear(_ signals: [DeviceSignal])

    func close()
}

extension WatchSource {
    package func hear(_ signals: [DeviceSignal]) {}
}
