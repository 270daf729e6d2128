import Media
import Testing

@Suite("DeviceError")
struct DeviceErrorTests {
    @Test(
        "the text names the call, the device, the reason and the way out",
        arguments: [
            (
                DeviceError(
                    .busy, operation: "snd_pcm_open(hw:2)", device: "hw:2", reason: "Device or resource busy",
                    errno: 16, advice: "Close it"),
                "snd_pcm_open(hw:2): Device or resource busy. Close it"
            ),
            (
                DeviceError(.failed, operation: "VIDIOC_STREAMON", device: "/dev/video0", reason: "I/O error"),
                "VIDIOC_STREAMON [/dev/video0]: I/O error"
            ),
        ])
    func text(error: DeviceError, expected: String) { #expect(error.description == expected) }

    @Test("errors are told apart by their code")
    func codes() {
        #expect(DeviceError.Code.busy != .failed)
        #expect(DeviceError.Code.noDevice.description == "noDevice")
    }
}
