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
        try await ControlThread.listing.run { () throws(DeviceError) in Catalog.devices()[direction] ?? [] }
    }

    public func allDevices() async -> (microphones: [AudioDeviceInfo], speakers: [AudioDeviceInfo]) {
        let all = try? await ControlThread.listing.run { () throws(DeviceError) in
            Catalog.devices(readsAnew: false)
        }
        return (all?[.capture] ?? [], all?[.playback] ?? [])
    }

    public func known(_ info: AudioDeviceInfo) -> (any AudioDevice)? { try? ALSADevice(info) }

    /// - `id`: one of ``devices(_:)``, or any name that `snd_pcm_open` takes: `plughw:0,0`, a PCM of an asoundrc.
    public func device(_ id: DeviceID, _ direction: AudioDirection) async throws(DeviceError) -> any AudioDevice {
        try await ControlThread.shared.run { () throws(DeviceError) in
            do throws(DeviceError) { return try ALSADevice(try Catalog.device(id, direction)) } catch {
                throw error.explained
            }
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
