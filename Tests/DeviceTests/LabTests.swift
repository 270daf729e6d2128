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
        #expect(try await devices() != before)
        try await device.putBack()
        var after = try await devices()
        // The USB bus finds its devices by itself, a little later.
        for _ in 0..<50 where after != before {
            try await Task.sleep(for: .milliseconds(100))
            after = try await devices()
        }
        #expect(after == before)
    }

    private func devices() async throws -> String {
        try await DeviceLab.shell("cat /proc/asound/pcm; ls /dev/video*; true").output
    }
}
