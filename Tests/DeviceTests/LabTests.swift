import Testing

@Suite("The device lab", .enabled(if: DeviceLab.isHere))
struct LabTests {
    @Test(
        "has the cards and cameras that the device suites use",
        arguments: [
            "/proc/asound/Loopback", "/proc/asound/Second", "/proc/asound/Intel", "/proc/asound/Audio",
            "/proc/asound/Dead", "/dev/video0",
            "/sys/devices/platform/vivid.0",
        ])
    func hasDevices(path: String) async throws {
        #expect(try await DeviceLab.run("test", "-e", path).status == 0)
    }

    @Test("takes a device out and puts it back", arguments: LabDevice.all)
    func unplugs(device: LabDevice) async throws {
        // A camera that stands by for a call would keep its number from the one that comes back.
        await CallInLab.endLast()
        let before = try await devices()
        let failure = await device.pullOut().end()
        #expect(failure == nil)
        // The USB bus looks by itself for what has gone and come, a little later.
        let isGone = try await reached { try await devices() != before }
        #expect(isGone)
        await device.putBack()
        let isBack = try await reached { try await devices() == before }
        #expect(isBack)
    }

    private func devices() async throws -> String {
        try await DeviceLab.shell("cat /proc/asound/pcm; ls /dev/video*; true").output
    }
}
