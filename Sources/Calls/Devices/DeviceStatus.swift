/// Where a device of a call stands.
public enum DeviceStatus: String, Sendable, Hashable, CaseIterable {
    /// Nobody has said yet whether it should run: the next join sets it up by the call's settings.
    case notSelected
    /// It delivers.
    case enabled
    /// It was switched off, or failed; ``DeviceManager/error`` then says why.
    case disabled
}
