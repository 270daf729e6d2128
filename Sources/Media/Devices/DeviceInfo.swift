/// Names a device for a person's settings file: the same after a reboot and after cards were renumbered.
///
/// ALSA: `card-id` and device number (`hw:CARD=USB,DEV=0`) or a PCM name; V4L2: the bus path, or `/dev/videoN`.
public struct DeviceID: Sendable, Hashable, CustomStringConvertible, ExpressibleByStringLiteral {
    public var rawValue: String
    public init(_ rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }
    public var description: String { rawValue }
}

/// Where sound goes or comes from.
public enum AudioDirection: String, Sendable, Hashable, CaseIterable {
    case capture, playback
}

/// How a sound device is attached, which decides what is preferred (Bluetooth, then wired, then built-in).
public enum AudioDeviceKind: String, Sendable, Hashable, CaseIterable {
    case builtIn, usb, hdmi, bluetooth, loopback, soundServer, synthetic, other
    /// Headphones, a headset or a microphone in a jack of a built-in card: its one PCM is then heard there.
    case wired
    /// An amplifier, a mixing desk or loudspeakers in a line jack of a built-in card.
    case line
}

/// One microphone or speaker.
public struct AudioDeviceInfo: Sendable, Hashable, Identifiable {
    public var id: DeviceID
    /// What a person reads: `USB Headset, USB Audio`.
    public var name: String
    public var direction: AudioDirection
    public var kind: AudioDeviceKind
    /// Whether the system would choose it when nobody says otherwise.
    public var isDefault: Bool
    /// What it shares with the other direction of the same hardware: the card's id; nil where it has no card.
    public var card: String?
    /// Whether something is plugged into its jack (a headphone, a monitor); nil where it has none, or cannot tell.
    public var isConnected: Bool?

    public init(
        id: DeviceID, name: String, direction: AudioDirection, kind: AudioDeviceKind, isDefault: Bool = false,
        card: String? = nil, isConnected: Bool? = nil
    ) {
        self.id = id
        self.name = name
        self.direction = direction
        self.kind = kind
        self.isDefault = isDefault
        self.card = card
        self.isConnected = isConnected
    }
}

/// Which way a camera looks, seen from the machine's user.
public enum CameraDirection: String, Sendable, Hashable {
    case front, back, external
    case unknown
}

/// One camera, monitor or window.
public struct VideoDeviceInfo: Sendable, Hashable, Identifiable {
    public var id: DeviceID
    public var name: String
    /// The bus it is on (`usb-0000:00:14.0-1`, `platform:vivid-000`), or the display for screens.
    public var bus: String
    public var direction: CameraDirection
    public var isDefault: Bool
    /// The modes it offers; empty where it was not asked or cannot tell.
    public var modes: [VideoMode]

    public init(
        id: DeviceID, name: String, bus: String, direction: CameraDirection = .unknown, isDefault: Bool = false,
        modes: [VideoMode] = []
    ) {
        self.id = id
        self.name = name
        self.bus = bus
        self.direction = direction
        self.isDefault = isDefault
        self.modes = modes
    }
}

/// One size of one pixel format with its frame rates.
public struct VideoMode: Sendable, Hashable {
    /// The four characters of the V4L2 format: `YUYV`, `MJPG`.
    public var format: String
    public var width: Int
    public var height: Int
    /// Frames a second, highest first; empty where the driver does not say.
    public var rates: [Double]

    public init(format: String, width: Int, height: Int, rates: [Double]) {
        self.format = format
        self.width = width
        self.height = height
        self.rates = rates
    }
}
