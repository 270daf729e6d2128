import Media
import Scopes
import Testing

@testable import Calls

/// Looks at the devices that overlap.
@Suite("What overlapping looks at the devices find")
struct DeviceLooksTests {
    private let lists = StateFlow(DeviceLists())
    private let camera = VideoDeviceInfo(id: "front", name: "Front", bus: "test")
    private let microphone = AudioDeviceInfo(id: "board:mic", name: "Board", direction: .capture, kind: .builtIn)

    @Test("A look that ends late does not bring back a camera that a later one missed")
    func late() {
        let looks = DeviceLooks(into: lists)
        #expect(looks.end(looks.begin(), sound: nil, cameras: [camera]).added.map(\.id) == ["front"])
        let early = looks.begin()
        let later = looks.begin()
        #expect(looks.end(later, sound: nil, cameras: []).removed.map(\.id) == ["front"])
        #expect(looks.end(early, sound: ([microphone], []), cameras: [camera]).added.map(\.id) == ["board:mic"])
        #expect(lists.value.cameras.isEmpty && lists.value.microphones == [microphone])
    }

    @Test("A look at one kind leaves the other as it is")
    func kinds() {
        let looks = DeviceLooks(into: lists)
        let (sound, cameras) = (looks.begin(), looks.begin())
        _ = looks.end(cameras, sound: nil, cameras: [camera])
        _ = looks.end(sound, sound: ([microphone], []), cameras: nil)
        #expect(lists.value.cameras == [camera] && lists.value.microphones == [microphone])
    }
}
