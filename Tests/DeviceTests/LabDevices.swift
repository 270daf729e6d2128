import Glibc
import Media
import Synchronization
import Testing

/// A device of the lab that can be taken out and put back, as its driver sees it.
struct LabDevice: Sendable, CustomTestStringConvertible {
    var testDescription: String
    private let unplug: LabAction.Way
    private let plug: LabAction.Way

    private init(_ description: String, driver: String, device: String) {
        testDescription = description
        unplug = .write(device, to: "\(driver)/unbind")
        plug = .write(device, to: "\(driver)/bind")
    }

    private init(_ description: String, unplug: String, plug: String) {
        testDescription = description
        self.unplug = .askHost(unplug)
        self.plug = .askHost(plug)
    }

    /// snd-aloop: what is played into hw:Loopback,0 is heard at hw:Loopback,1, and the other way round.
    static let loopbackCard = LabDevice(
        "the loopback card", driver: "/sys/bus/platform/drivers/snd_aloop", device: "snd_aloop.0")
    /// Another of the kind: the card Second.
    static let secondCard = LabDevice(
        "the second loopback card", driver: "/sys/bus/platform/drivers/snd_aloop", device: "snd_aloop.1")
    /// The PCI sound card Intel.
    static let hdaCard = LabDevice(
        "the HDA card", driver: "/sys/bus/pci/drivers/snd_hda_intel", device: "0000:00:10.0")
    /// The sound card whose microphone never delivers.
    static let deadCard = LabDevice(
        "the dead card", driver: "/sys/bus/pci/drivers/snd_hda_intel", device: "0000:00:11.0")
    /// The USB sound card Audio: taken off the bus by the host.
    static let usbCard = LabDevice("the USB card", unplug: "usb unplug", plug: "usb plug")
    /// All the cameras, which are one device of the kernel.
    static let cameras = LabDevice("the cameras", driver: "/sys/bus/platform/drivers/vivid", device: "vivid.0")

    /// All but the dead card. The driver of both PCI cards gives the first that comes the first one's name: the dead card
    /// goes in after the HDA card.
    static let all = [loopbackCard, secondCard, hdaCard, usbCard, cameras]

    /// Takes the device out. It ends when nobody holds the device any more, so a test that holds it does not wait for
    /// it before it has let go.
    func pullOut() -> LabAction { LabAction(unplug) }

    /// Begins to put the device back.
    func plugIn() -> LabAction { LabAction(plug) }

    /// Puts the device back. Its driver has it when this returns; a bus needs a little longer to see it.
    func putBack(_ location: SourceLocation = #_sourceLocation) async {
        let failure = await plugIn().end()
        #expect(failure == nil, "\(testDescription)", sourceLocation: location)
    }
}

/// Something that is done to a device of the lab, on a thread of its own: the kernel may keep the one that asks.
final class LabAction: Sendable {
    enum Way: Sendable {
        /// Written to a file of the kernel.
        case write(String, to: String)
        /// Asked of the host: `usb unplug`.
        case askHost(String)
    }

    private struct State {
        var begunAt: MonotonicInstant?
        var failure: String?
        var isDone = false
    }

    private let state: SharedState
    private let thread: DeviceThread

    private final class SharedState: Sendable {
        let value = Mutex(State())
    }

    init(_ way: Way) {
        let state = SharedState()
        self.state = state
        thread = DeviceThread(name: "lab-action") { _ in
            let failure = Self.carryOut(way) { state.value.withLock { $0.begunAt = .now() } }
            state.value.withLock {
                $0.failure = failure
                $0.isDone = true
            }
        }
    }

    /// When the kernel, or the host, was asked; nil before.
    var begunAt: MonotonicInstant? { state.value.withLock { $0.begunAt } }

    var isDone: Bool { state.value.withLock { $0.isDone } }

    /// Waits until it is done.
    /// - Returns: what is wrong; nil where nothing is.
    func end() async -> String? {
        await thread.join()
        return state.value.withLock { $0.failure }
    }

    private static func carryOut(_ way: Way, begin: () -> Void) -> String? {
        switch way {
        case .write(let text, let path):
            return withFile(path, O_WRONLY) { file in
                begin()
                return send(text, to: file) ? nil : "\(path): errno \(errno)"
            }
        case .askHost(let request):
            return withFile("/dev/virtio-ports/reprise.control", O_RDWR) { port in
                begin()
                guard send(request + "\n", to: port) else { return "\(request): errno \(errno)" }
                var answer: [UInt8] = []
                var byte: UInt8 = 0
                while unsafe read(port, &byte, 1) == 1, byte != 10 { answer.append(byte) }
                return answer == Array("ok".utf8) ? nil : "\(request): \(String(decoding: answer, as: UTF8.self))"
            }
        }
    }

    private static func withFile(_ path: String, _ flags: Int32, _ body: (Int32) -> String?) -> String? {
        let file = unsafe open(path, flags | O_CLOEXEC)
        guard file >= 0 else { return "\(path): errno \(errno)" }
        defer { close(file) }
        return body(file)
    }

    private static func send(_ text: String, to file: Int32) -> Bool {
        let bytes = Array(text.utf8)
        return unsafe write(file, bytes, bytes.count) == bytes.count
    }
}
