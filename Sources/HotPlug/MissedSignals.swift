import Media

extension DeviceSignal {
    /// What is told where the kernel dropped messages: anything may have come, so all is looked at.
    static let missed = [DeviceSignal(.sound, .added, "any"), DeviceSignal(.video, .added, "any")]
}
