/// That something happened to the devices of the machine, as the kernel told it: not yet what there is now.
///
/// One plugging gives many (a card has a dozen nodes, and their permissions come after them): ``SignalDebounce`` makes
/// one of them.
public struct DeviceSignal: Sendable, Hashable, CustomStringConvertible {
    /// What it happened to.
    public enum Subject: String, Sendable, Hashable, CaseIterable {
        case sound, video
        /// PipeWire or PulseAudio: its socket came or went.
        case soundServer
        /// The machine itself: it slept, or its clock was set.
        case machine
    }

    public enum Event: String, Sendable, Hashable, CaseIterable {
        case added, removed
        /// Its permissions changed: udev sets them some time after the node is there.
        case accessChanged
        /// A program that had it open has closed it: one that was busy may be free.
        case freed
        /// A jack was plugged, a mixer was moved, a monitor told its name.
        case controlsChanged
        /// The machine slept and is awake again.
        case woke
        /// The time of day was set.
        case clockSet
    }

    public var subject: Subject
    public var event: Event
    /// The kernel's name: `card1`, `pcmC1D0p`, `video0`, `Intel: Headphone Jack`.
    public var name: String

    public init(_ subject: Subject, _ event: Event, _ name: String) {
        self.subject = subject
        self.event = event
        self.name = name
    }

    public var description: String { "\(subject.rawValue) \(name) \(event.rawValue)" }

    /// Whether the list of devices may be another now.
    public var changesDevices: Bool {
        switch event {
        case .added, .removed, .accessChanged, .controlsChanged, .woke: true
        case .freed, .clockSet: false
        }
    }
}
