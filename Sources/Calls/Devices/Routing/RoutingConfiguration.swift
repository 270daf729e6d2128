public import Media

/// How a call chooses its devices, and what it does when one goes.
public struct RoutingConfiguration: Sendable {
    /// Kinds of sound devices, preferred first; those left out come after them.
    public var order: [AudioDeviceKind] = [
        .bluetooth, .wired, .usb, .line, .builtIn, .soundServer, .other, .synthetic, .hdmi, .loopback,
    ]
    /// Whether another device is taken where the wanted one is not there or fails. Otherwise the call waits for it.
    public var fallsBack = true
    /// Whether a device that went, failed or stalls is taken up again in the running session by itself. Otherwise it waits
    /// to be enabled.
    public var returns = true
    /// Remembers what a person chose, from one run of the program to the next; nil: nothing is remembered.
    public var memory: DeviceMemory?

    public init() {}
}
