extension DeviceControl.State {
    /// - `current`: stays while a device is being started.
    func status(isInSession: Bool, current: DeviceStatus) -> DeviceStatus {
        guard let intent else { return .notSelected }
        guard intent, !isPaused, error == nil else { return .disabled }
        if let running, running.hasArrived, !running.isMuted, !running.isStalled { return .enabled }
        // Wanted, and not there yet: what it was. Outside a session nothing can be there: the join will see to it.
        return isInSession ? current : .notSelected
    }
}
