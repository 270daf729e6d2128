import Media
import Scopes
import Synchronization

extension DeviceControl {
    /// The devices of this kind as they were seen last.
    var knownNames: [(id: DeviceID, name: String)] {
        link.optional?.media.devices.value.names(of: driver.name) ?? []
    }

    /// What a person chose in an earlier session or run, where the configuration has it remembered.
    var remembered: (id: DeviceID, name: String?)? {
        guard let entry = link.optional?.configuration.routing.memory?.choice(of: driver.name) else {
            return nil
        }
        let known = knownNames
        if known.contains(where: { $0.id.rawValue == entry.id }) {
            return (DeviceID(entry.id), entry.name)
        }
        return (known.first { $0.name == entry.name }?.id ?? DeviceID(entry.id), entry.name)
    }

    /// - `choice`: nil forgets.
    func remember(_ choice: DeviceID?, _ name: String?) {
        guard let memory = link.optional?.configuration.routing.memory else { return }
        memory.remember(choice.map { DeviceMemory.Entry(id: $0.rawValue, name: name) }, of: driver.name)
    }

    /// A chosen device whose id is gone may be in another socket: there is then one more of its name.
    func followChoice() {
        let known = knownNames
        guard !known.isEmpty else { return }
        state.withLock { state in
            guard let selection = state.selection, let name = selection.name else { return }
            if known.contains(where: { $0.id == selection.id }) {
                state.selection?.beside = Set(known.map(\.id))
                return
            }
            guard let beside = selection.beside, state.running?.isCalled(selection.id) != true,
                let moved = known.first(where: { $0.name == name && !beside.contains($0.id) })
            else { return }
            if state.lost?.name == selection.id { state.lost = Lost(name: moved.id) }
            state.selection = Selection(id: moved.id, name: name, beside: Set(known.map(\.id)))
        }
    }
}
