import Testing

@Suite("The device lab", .enabled(if: DeviceLab.isHere))
struct LabTests {
    @Test(
        "has the cards and cameras that the device suites use",
        arguments: [
            "/proc/asound/Loopback", "/proc/asound/Intel", "/proc/asound/Audio", "/proc/asound/Dead", "/dev/video0",
            "/sys/devices/platform/vivid.0",
        ])
    func hasDevices(path: String) async throws {
        #expect(try await DeviceLab.run("test", "-e", path).status == 0)
    }

    @Test("takes a device out and puts it back", arguments: [LabDevice.loopbackCard, .hdaCard, .usbCard, .cameras])
    func unplugs(device: LabDevice) async throws {
        let before = try await devices()
        let unplugged = try await device.pullOut().end()
        #expect(unplugged.status == 0, "\(unplugged.errors)")
        // The USB bus looks by itself for what has gone and come, a little later.
        let isGone = try await reached { try await devices() != before }
        #expect(isGone)
        try await device.putBack()
        let isBack = try await reached { try await devices() == before }
        #expect(isBack)
    }

    private func devices() async throws -> String {
        try await DeviceLab.shell("cat /proc/asound/pcm; ls /dev/video*; true").output
    }
}
