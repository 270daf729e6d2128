internal import CAlsa
internal import CLinux
import Media

/// The period path of a microphone: from the hardware's buffer, as S16 in the ring's format and with the time of its
/// first sample, to the ring.
///
/// Thread: the stream's. Nothing here allocates, locks or logs; all memory is allocated when it is made.
@safe
struct CapturePeriods: ~Copyable {
    var port: PeriodPort
    private let ringChannels: Int
    private let format: HardwareFormat
    private let isMapped: Bool
    private let channels: Int
    // One buffer's worth each: hardware samples of a read call; S16 at the hardware's rate; S16 at the ring's rate.
    private let raw: UnsafeMutableRawPointer
    private let converted: UnsafeMutablePointer<Int16>
    private let resampled: UnsafeMutablePointer<Int16>
    private let resampledCapacity: Int
    private let chunk: Int
    private var resampler: Resampler?
    private var notBefore: Int64 = 0
    private var isFirst = true
    private var isAfterGap = false
    /// When the last sample in the ring ended, in nanoseconds; 0 before the first.
    private(set) var heardUntil: Int64 = 0
    /// From how many sample frames on the hardware calls.
    var wakeAt: Int
    /// Sample frames moved since the start.
    private(set) var moved = 0

    init(_ port: consuming PeriodPort, ring format: AudioFormat) {
        let configuration = port.configuration
        ringChannels = format.channels
        self.format = configuration.format
        isMapped = configuration.access != .readWrite
        channels = configuration.channels
        chunk = configuration.buffer
        wakeAt = configuration.hardwarePeriod
        if configuration.rate != format.rate {
            let resampler = Resampler(channels: format.channels, from: configuration.rate, to: format.rate)
            resampledCapacity = resampler.outputs(for: configuration.buffer)
            self.resampler = consume resampler
        } else {
            resampledCapacity = 0
            resampler = nil
        }
        unsafe raw = .allocate(
            byteCount: configuration.buffer * configuration.channels * configuration.format.bytesPerSample,
            alignment: 16)
        unsafe converted = .allocate(capacity: configuration.buffer * format.channels)
        unsafe resampled = .allocate(capacity: max(1, resampledCapacity * format.channels))
        self.port = port
    }

    deinit {
        unsafe raw.deallocate()
        unsafe converted.deallocate()
        unsafe resampled.deallocate()
    }

    /// A new stream: nothing that was captured before `time` goes into the ring.
    mutating func willStart(at time: Int64) {
        notBefore = time
        moved = 0
        isFirst = true
        isAfterGap = false
        heardUntil = 0
        restartResampler()
        port.started(at: time)
    }

    /// The same stream after an xrun or a suspend.
    mutating func willRestart(at time: Int64) {
        isAfterGap = true
        moved = 0
        restartResampler()
        port.started(at: time)
    }

    private mutating func restartResampler() {
        if var current = resampler.take() {
            current.restart()
            resampler = consume current
        }
    }

    /// Waits for a wake-up and moves what it brought. Nil where the next one can be waited for.
    @_noLocks
    mutating func next(_ ring: AudioRing, _ counters: StreamCounters) -> PeriodExit? {
        if let exit = port.wait(counters) {
            let due = heardUntil + port.nanoseconds(Int64(wakeAt + port.patience))
            if case .xrun = exit, heardUntil != 0, linux_monotonic_ns() > due { counters.late() }
            return exit
        }
        return take(ring, counters)
    }

    /// Moves what is there.
    @_noLocks
    private mutating func take(_ ring: AudioRing, _ counters: StreamCounters) -> PeriodExit? {
        let position = port.position()
        if position.error < 0 { return PeriodExit(error: Int64(position.error)) }
        if position.state != SND_PCM_STATE_RUNNING { return port.stateExit() }
        // In whole periods: what a late wake-up finds beyond one would make the next one come a period later.
        let available = Int(position.available)
        if available > wakeAt + port.patience { counters.late() }
        // More than the buffer holds: what is in it was written over, whatever the state says yet.
        if available > port.configuration.buffer { return .xrun }
        let wanted = available - available % port.configuration.hardwarePeriod
        if wanted <= 0 { return nil }
        let delay = max(position.delay, position.available)
        // The oldest sample in the buffer was captured so long before the position was taken.
        var time = position.time - port.nanoseconds(delay)
        var left = wanted
        while left > 0 {
            let done =
                isMapped ? mapBlock(left, time, ring, counters) : readBlock(left, time, ring, counters)
            if done < 0 { return PeriodExit(error: done) }
            if done == 0 { break }
            time += port.nanoseconds(done)
            left -= Int(done)
        }
        moved += wanted - left
        counters.moved(frames: wanted - left, delay: delay)
        let now = linux_monotonic_ns()
        let resumed = port.progressed(at: now)
        if isFirst, heardUntil != 0 {
            isFirst = false
            counters.first(blockAt: now, sampleAt: max(notBefore, position.time - port.nanoseconds(delay)))
        }
        return resumed
    }

    /// Moves one contiguous part of the mapped buffer. Returns its sample frames, or the negative errno.
    @_noLocks
    private mutating func mapBlock(_ wanted: Int, _ time: Int64, _ ring: AudioRing, _ counters: StreamCounters) -> Int64
    {
        let area = unsafe alsa_mmap_begin(port.pcm, UInt64(min(wanted, chunk)))
        if unsafe area.error < 0 { return unsafe area.error }
        let frames = unsafe Int(area.frames)
        if frames == 0 { return 0 }
        if let mapped = unsafe area.channels {
            let second = unsafe mapped + (channels > 1 ? 1 : 0)
            unsafe convert(
                ChannelMemory(
                    address: alsa_area_address(mapped, area.offset), stride: Int(alsa_area_stride(mapped))),
                ChannelMemory(
                    address: alsa_area_address(second, area.offset), stride: Int(alsa_area_stride(second))),
                frames)
            deliver(frames, time, ring, counters)
        }
        return unsafe alsa_mmap_commit(port.pcm, area.offset, area.frames)
    }

    /// The same by a read call.
    @_noLocks
    private mutating func readBlock(
        _ wanted: Int, _ time: Int64, _ ring: AudioRing, _ counters: StreamCounters
    ) -> Int64 {
        let frames = unsafe alsa_readi(port.pcm, raw, UInt64(min(wanted, chunk)))
        if frames <= 0 { return frames == -Int64(EAGAIN) ? 0 : frames }
        let size = format.bytesPerSample
        let stride = size * channels
        unsafe convert(
            ChannelMemory(address: raw, stride: stride),
            ChannelMemory(address: raw + (channels > 1 ? size : 0), stride: stride), Int(frames))
        deliver(Int(frames), time, ring, counters)
        return frames
    }

    /// To S16 in the ring's channels: one channel goes into both, two are mixed into one, and of more than two the
    /// first ones are taken.
    @_noLocks
    private func convert(_ first: ChannelMemory, _ second: ChannelMemory, _ frames: Int) {
        if ringChannels == 2 {
            unsafe format.read(first, into: converted, channels: 2, count: frames, mix: .copy)
            unsafe format.read(second, into: converted + 1, channels: 2, count: frames, mix: .copy)
        } else if channels == 2 {
            unsafe format.read(first, into: converted, channels: 1, count: frames, mix: .firstHalf)
            unsafe format.read(second, into: converted, channels: 1, count: frames, mix: .secondHalf)
        } else {
            unsafe format.read(first, into: converted, channels: 1, count: frames, mix: .copy)
        }
    }

    /// Converted sample frames, the first of which was captured at `time`, into the ring.
    @_noLocks
    private mutating func deliver(_ count: Int, _ time: Int64, _ ring: AudioRing, _ counters: StreamCounters) {
        var time = time
        var frames = count
        var from = unsafe UnsafePointer(converted)
        if time < notBefore {
            // Captured before the start, by the delay the device tells: not ours to hear.
            let early = (notBefore - time) * Int64(port.configuration.rate)
            let stale = min(frames, Int((early + 999_999_999) / 1_000_000_000))
            unsafe from += stale * ringChannels
            frames -= stale
            time += port.nanoseconds(Int64(stale))
            if frames == 0 { return }
        }
        heardUntil = time + port.nanoseconds(Int64(frames))
        if resampledCapacity == 0 {
            unsafe write(from, frames, time, ring, counters)
            return
        }
        guard let position = resampler?.inputPosition, let consumed = resampler?.consumed else { return }
        let made = unsafe resampler?.process(from, count: frames, into: resampled, room: resampledCapacity)
        unsafe write(
            resampled, made?.produced ?? 0, max(notBefore, time + port.nanoseconds(position - consumed)), ring, counters
        )
    }

    @_noLocks
    private mutating func write(
        _ samples: UnsafePointer<Int16>, _ frames: Int, _ time: Int64, _ ring: AudioRing, _ counters: StreamCounters
    ) {
        guard frames > 0 else { return }
        let fits = unsafe ring.write(
            samples, sampleFrames: frames, capturedAt: MonotonicInstant(nanoseconds: time), isAfterGap: isAfterGap)
        isAfterGap = !fits
        if !fits { counters.missed(frames: frames) }
    }
}
