import Reprise
import Testing

@Suite("A client of this machine")
struct MachineTests {
    @Test("uses the machine's own devices where it was given none")
    func ownDevices() async throws {
        let client = Client(user: User(id: "me"), service: InProcessService())
        let machine = DeviceSystem.machine
        #expect(type(of: client.devices.audio) == type(of: machine.audio))
        #expect(type(of: client.devices.cameras) == type(of: machine.cameras))
        #expect(type(of: client.devices.screens) == type(of: machine.screens))
    }
}
