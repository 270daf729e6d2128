import Media
import Scopes

extension DeviceControl {
    /// What a person chose in an earlier session or run, where the configuration has it remembered. A device that is not
    /// there by its id is looked for by its name: it may be in another socket.
    var remembered: DeviceID? {
        guard let call = link.optional, let entry = call.configuration.routing.memory?.choice(of: driver.name) else {
            return nil
        }
        let known = call.media.devices.value.names(of: driver.name)
        if known.contains(where: { $0.id.rawValue == entry.id }) { return DeviceID(entry.id) }
        return known.first { $0.name == entry.name }?.id ?? DeviceID(entry.id)
    }

    /// - `choice`: nil forgets.
    func remember(_ choice: DeviceID?) {
        guard let call = link.optional, let memory = call.configuration.routing.memory else { return }
        let name = call.media.devices.value.names(of: driver.name).first { $0.id == choice }?.name
        memory.remember(choice.map { DeviceMemory.Entry(id: $0.rawValue, name: name) }, of: driver.name)
    }
}
