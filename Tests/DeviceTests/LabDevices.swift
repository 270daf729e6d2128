import Testing

/// A device of the lab that can be taken out and put back, as its driver sees it.
struct LabDevice: Sendable, CustomTestStringConvertible {
    var testDescription: String
    private let unplug: String
    private let plug: String

    private init(_ description: String, driver: String, device: String) {
        testDescription = description
        unplug = "echo \(device) > \(driver)/unbind"
        plug = "echo \(device) > \(driver)/bind"
    }

    private init(_ description: String, unplug: String, plug: String) {
        testDescription = description
        self.unplug = unplug
        self.plug = plug
    }

    /// snd-aloop: what is played into hw:Loopback,0 is heard at hw:Loopback,1, and the other way round.
    static let loopbackCard = LabDevice(
        "the loopback card", driver: "/sys/bus/platform/drivers/snd_aloop", device: "snd_aloop.0")
    /// The PCI sound card Intel.
    static let hdaCard = LabDevice(
        "the HDA card", driver: "/sys/bus/pci/drivers/snd_hda_intel", device: "0000:00:10.0")
    /// The USB sound card Audio: taken off the bus by the host.
    static let usbCard = LabDevice(
        "the USB card", unplug: "$LAB_DIRECTORY/ask-host usb unplug",
        plug: "$LAB_DIRECTORY/ask-host usb plug")
    /// All the cameras, which are one device of the kernel.
    static let cameras = LabDevice("the cameras", driver: "/sys/bus/platform/drivers/vivid", device: "vivid.0")

    /// Takes the device out. It ends when nobody holds the device any more, so a test that holds it does not wait for
    /// it before it has let go.
    func pullOut() throws -> RunningProgram { try RunningProgram("bash", ["-c", unplug]) }

    /// Puts the device back; it is there when this returns.
    func putBack() async throws {
        let result = try await DeviceLab.shell(plug)
        #expect(result.status == 0, "\(plug): \(result.errors)")
    }
}
