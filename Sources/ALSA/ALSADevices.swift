public import Media

/// The microphones and speakers that ALSA knows: the PCMs of the sound cards (`hw:CARD=USB,DEV=0`) and the named ones
/// of its configuration (`default`, `pipewire`, what an asoundrc defines).
///
/// - Thread: any. What blocks runs on a thread of its own.
/// - Source: alsa-lib (the system's), /proc/asound.
public struct ALSADevices: AudioDevices {
    public init() {}

    /// What there is now, the default first: the named PCMs, then the cards'.
    public func devices(_ direction: AudioDirection) async throws(DeviceError) -> [AudioDeviceInfo] {
        try await ControlThread.listing.run { () throws(DeviceError) in try Catalog.devices(direction) }
    }

    /// - `id`: one of ``devices(_:)``, or any name that `snd_pcm_open` takes: `plughw:0,0`, a PCM of an asoundrc.
    public func device(_ id: DeviceID, _ direction: AudioDirection) async throws(DeviceError) -> any AudioDevice {
        try await ControlThread.shared.run { () throws(DeviceError) in
            try DescriptorRoom.check("device(\(id))", id.rawValue)
            let info = try Catalog.device(id, direction)
            let target = PCMTarget(
                id: id, name: id.rawValue, direction: direction, isServer: info.kind == .soundServer)
            return ALSADevice(info, target, mixer: CardMixer.of(pcm: target.name, direction))
        }
    }

    /// Whether a device could be opened now, and who holds it. Opens and closes it where the kernel does not tell.
    public func occupant(of id: DeviceID, _ direction: AudioDirection) async throws(DeviceError) -> DeviceOccupancy {
        try await ControlThread.shared.run { () throws(DeviceError) in
            _ = try Catalog.device(id, direction)
            return try Catalog.occupancy(ofPCM: id.rawValue, direction)
        }
    }

    /// What a device offers, all else open. Opens and closes it: one in use throws `.busy`.
    public func capabilities(of id: DeviceID, _ direction: AudioDirection) async throws(DeviceError)
        -> AudioCapabilities
    {
        try await ControlThread.shared.run { () throws(DeviceError) in
            _ = try Catalog.device(id, direction)
            return try PCM(name: id.rawValue, direction: direction).capabilities()
        }
    }
}

/// What the hardware behind a PCM can do.
public struct AudioCapabilities: Sendable, Hashable {
    /// ALSA's names of the sample formats: `S16_LE`.
    public var sampleFormats: [String]
    /// The usual rates in Hz that it has.
    public var rates: [Int]
    public var channels: ClosedRange<Int>
    /// `mmap`, `rw`.
    public var access: [String]
    /// The lengths a period can have, in sample frames.
    public var periodFrames: ClosedRange<Int>
    public var bufferFrames: ClosedRange<Int>
}
