internal import CAlsa
internal import CLinux
import Media

/// The period path of a speaker: from the ring to the hardware's buffer, which is left to drain to ``reserve`` and then
/// filled with a batch, or as much as there is of one, and no further: what is written later is heard sooner. Silence
/// where the ring is empty.
///
/// Thread: the stream's. Nothing here allocates, locks or logs; all memory is allocated when it is made.
@safe
struct PlaybackPeriods: ~Copyable {
    var port: PeriodPort
    private let ringChannels: Int
    private let format: HardwareFormat
    private let isMapped: Bool
    private let channels: Int
    // One buffer's worth each: hardware samples of a write call; S16 at the hardware's rate; S16 at the ring's rate.
    private let raw: UnsafeMutableRawPointer
    private let converted: UnsafeMutablePointer<Int16>
    private let input: UnsafeMutablePointer<Int16>
    private let inputCapacity: Int
    private var inputFill = 0
    private var resampler: Resampler?
    private var isFirst = true
    /// Where the first sample that was not silence stands in what is being written; -1 where there was none.
    private var firstSoundAt = -1
    /// When the last sample that was written will have been played, in nanoseconds; 0 before the first.
    private(set) var playedUntil: Int64 = 0
    /// Sample frames that are left in the hardware's buffer when the thread is woken. Grows by a block with each xrun.
    private(set) var reserve: Int
    /// When all that was written will have been played, delays behind the buffer left aside, in nanoseconds.
    private var emptyAt: Int64 = 0
    private let ringRate: Int
    /// Whether the thread came too late when it was called last.
    private var isLate = false

    /// - `blocks`: how many the hardware holds after a write of one.
    init(_ port: consuming PeriodPort, ring ringFormat: AudioFormat, blocks: Int) {
        let configuration = port.configuration
        ringChannels = ringFormat.channels
        format = configuration.format
        isMapped = configuration.access != .readWrite
        channels = configuration.channels
        if configuration.rate != ringFormat.rate {
            resampler = Resampler(channels: ringFormat.channels, from: ringFormat.rate, to: configuration.rate)
            inputCapacity = configuration.buffer * ringFormat.rate / configuration.rate + 8
        } else {
            resampler = nil
            inputCapacity = 0
        }
        unsafe raw = .allocate(
            byteCount: configuration.buffer * configuration.channels * configuration.format.bytesPerSample,
            alignment: 16)
        unsafe converted = .allocate(capacity: configuration.buffer * ringFormat.channels)
        unsafe input = .allocate(capacity: max(1, inputCapacity * ringFormat.channels))
        ringRate = ringFormat.rate
        reserve = min(configuration.block * blocks, configuration.buffer) - configuration.block
        self.port = port
    }

    deinit {
        unsafe raw.deallocate()
        unsafe converted.deallocate()
        unsafe input.deallocate()
    }

    /// From how many free sample frames on the thread is to be woken.
    var wakeAt: Int { port.configuration.buffer - reserve }

    /// Until when the sound that is written next can be waited for: half the reserve is for what mixing, writing and the
    /// next wake-up may take.
    var deadline: MonotonicInstant { MonotonicInstant(nanoseconds: emptyAt - port.nanoseconds(Int64(reserve)) / 2) }

    /// A new stream.
    mutating func willStart() {
        isFirst = true
        playedUntil = 0
        inputFill = 0
        if var current = resampler.take() {
            current.restart()
            resampler = consume current
        }
    }

    /// After an xrun: one block more, so that the same delay of ours is borne next time. Returns whether there was room.
    mutating func grow() -> Bool {
        let grown = min(reserve + port.configuration.block, port.configuration.buffer - port.configuration.block)
        defer { reserve = grown }
        return grown > reserve
    }

    /// Fills a prepared PCM with a block more than ``reserve``: it can be started then, and the next block is due only when the first
    /// has been played. Returns 0 or the negative errno.
    mutating func prefill(_ ring: AudioRing, _ counters: StreamCounters) -> Int64 {
        fill(reserve + port.configuration.block, ring, counters)
    }

    /// The hardware runs since `time`.
    mutating func started(at time: Int64, _ counters: StreamCounters) {
        port.started(at: time)
        emptyAt = time + port.nanoseconds(Int64(reserve + port.configuration.block))
        tellFirst(time, 0, counters)
    }

    /// Waits until sound is to be written (nil), or for something else.
    @_noLocks
    mutating func wait(_ counters: StreamCounters) -> PeriodExit? {
        if let exit = port.wait(counters) { return judged(exit, counters) }
        // Before sound is waited for: that is no lateness of ours.
        isLate = unsafe alsa_avail_update(port.pcm) > wakeAt + port.patience
        return nil
    }

    /// An xrun for which the hardware had run out of sound is one that we came too late for.
    @_noLocks
    private func judged(_ exit: PeriodExit, _ counters: StreamCounters) -> PeriodExit {
        if case .xrun = exit, linux_monotonic_ns() > emptyAt { counters.late() }
        return exit
    }

    /// Sample frames at the hardware's rate to write beyond the reserve: as much of a batch as the ring has, but a block.
    @_noLocks
    private func portion(_ ring: AudioRing) -> Int {
        let configuration = port.configuration
        if configuration.batch <= configuration.block { return configuration.block }
        let fill = inputCapacity == 0 ? ring.fill : (ring.fill + inputFill) * configuration.rate / ringRate
        let room = configuration.buffer - reserve
        return max(configuration.block, min(fill, min(configuration.batch, room)))
    }

    /// Fills up to the reserve and a portion.
    @_noLocks
    mutating func give(_ ring: AudioRing, _ counters: StreamCounters) -> PeriodExit? {
        let position = port.position()
        if position.error < 0 { return PeriodExit(error: Int64(position.error)) }
        if position.state != SND_PCM_STATE_RUNNING {
            guard let exit = port.stateExit() else { return nil }
            return judged(exit, counters)
        }
        // Sound may have been waited for until half the reserve was played.
        if isLate || position.available > wakeAt + reserve / 2 + port.patience { counters.late() }
        // In whole periods: the hardware wakes us at their ends only. A few samples more after a late wake-up would make
        // the next one due just after such an end, and bring it a period later.
        let missing = reserve + portion(ring) - (port.configuration.buffer - Int(position.available))
        let wanted = missing - missing % port.configuration.hardwarePeriod
        if wanted > 0 {
            let error = fill(wanted, ring, counters)
            if error < 0 { return PeriodExit(error: error) }
            counters.moved(frames: wanted, delay: position.delay + Int64(wanted))
            playedUntil = position.time + port.nanoseconds(position.delay + Int64(wanted))
            let filled = port.configuration.buffer - Int(position.available) + wanted
            emptyAt = position.time + port.nanoseconds(Int64(filled))
            tellFirst(position.time, position.delay, counters)
        }
        return port.progressed(at: linux_monotonic_ns())
    }

    @_noLocks
    private mutating func tellFirst(_ time: Int64, _ delay: Int64, _ counters: StreamCounters) {
        guard isFirst, firstSoundAt >= 0 else { return }
        isFirst = false
        counters.first(
            blockAt: linux_monotonic_ns(), sampleAt: time + port.nanoseconds(delay + Int64(firstSoundAt)))
    }

    /// Writes so many sample frames. Returns 0 or the negative errno.
    @_noLocks
    private mutating func fill(_ wanted: Int, _ ring: AudioRing, _ counters: StreamCounters) -> Int64 {
        firstSoundAt = -1
        var written = 0
        while written < wanted {
            let done =
                isMapped
                ? mapBlock(wanted - written, written, ring, counters)
                : writeBlock(wanted - written, written, ring, counters)
            if done < 0 { return done }
            if done == 0 { break }
            written += Int(done)
        }
        return 0
    }

    /// Fills one contiguous part of the mapped buffer. Returns its sample frames, or the negative errno.
    @_noLocks
    private mutating func mapBlock(
        _ wanted: Int, _ offset: Int, _ ring: AudioRing, _ counters: StreamCounters
    ) -> Int64 {
        // An area is offered only after the position was updated.
        let available = unsafe alsa_avail_update(port.pcm)
        if available <= 0 { return available }
        let area = unsafe alsa_mmap_begin(port.pcm, UInt64(wanted))
        if unsafe area.error < 0 { return unsafe area.error }
        let frames = unsafe Int(area.frames)
        if frames == 0 { return 0 }
        collect(frames, offset, ring, counters)
        var channel = 0
        while channel < channels {
            if let mapped = unsafe area.channels {
                let memory = unsafe ChannelMemory(
                    address: alsa_area_address(mapped + channel, area.offset),
                    stride: Int(alsa_area_stride(mapped + channel)))
                unsafe convert(channel, memory, frames)
            }
            channel += 1
        }
        return unsafe alsa_mmap_commit(port.pcm, area.offset, area.frames)
    }

    /// The same by a write call.
    @_noLocks
    private mutating func writeBlock(
        _ wanted: Int, _ offset: Int, _ ring: AudioRing, _ counters: StreamCounters
    ) -> Int64 {
        let available = unsafe alsa_avail_update(port.pcm)
        if available <= 0 { return available }
        let frames = min(wanted, Int(available))
        collect(frames, offset, ring, counters)
        let size = format.bytesPerSample
        var channel = 0
        while channel < channels {
            unsafe convert(
                channel, ChannelMemory(address: raw + channel * size, stride: size * channels), frames)
            channel += 1
        }
        return unsafe alsa_writei(port.pcm, raw, UInt64(frames))
    }

    /// One hardware channel of what was collected: one channel of the ring goes to the first two of the hardware, two
    /// are mixed into one, the hardware's further channels are silent.
    @_noLocks
    private func convert(_ channel: Int, _ memory: ChannelMemory, _ frames: Int) {
        if channel >= 2 {
            unsafe format.silence(memory, count: frames)
        } else if ringChannels == 1 {
            unsafe format.write(converted, channels: 1, into: memory, count: frames)
        } else if channels == 1 {
            var index = 0
            while index < frames {
                unsafe converted[2 * index] =
                    (converted[2 * index] >> 1) &+ ((converted[2 * index + 1] &+ 1) >> 1)
                index += 1
            }
            unsafe format.write(converted, channels: 2, into: memory, count: frames)
        } else {
            unsafe format.write(converted + channel, channels: 2, into: memory, count: frames)
        }
    }

    /// Gets so many sample frames at the hardware's rate from the ring; silence for those that are missing.
    /// - `offset`: where they stand in what is being written.
    @_noLocks
    private mutating func collect(_ frames: Int, _ offset: Int, _ ring: AudioRing, _ counters: StreamCounters) {
        let got =
            inputCapacity == 0
            ? copy(frames, offset, ring) : resample(frames, offset, ring)
        guard got < frames else { return }
        unsafe alsa_silence(converted + got * ringChannels, Int64((frames - got) * ringChannels))
        counters.missed(frames: frames - got)
        // The ring signals only what is taken out; a producer that waits to be asked has to hear of an empty one too.
        ring.askProducer()
    }

    @_noLocks
    private mutating func copy(_ frames: Int, _ offset: Int, _ ring: AudioRing) -> Int {
        var got = 0
        while got < frames {
            let read = unsafe ring.read(into: converted + got * ringChannels, maximum: frames - got)
            if read.sampleFrames == 0 { break }
            if firstSoundAt < 0, read.kind != .silence { firstSoundAt = offset + got }
            got += read.sampleFrames
        }
        return got
    }

    @_noLocks
    private mutating func resample(_ frames: Int, _ offset: Int, _ ring: AudioRing) -> Int {
        guard let inputRate = resampler?.inputRate, let outputRate = resampler?.outputRate else { return 0 }
        var got = 0
        while got < frames {
            // As much input as the missing output takes; what the filter leaves stays for the next time.
            let need = min(inputCapacity, (frames - got) * inputRate / outputRate + 1)
            while inputFill < need {
                let read = unsafe ring.read(into: input + inputFill * ringChannels, maximum: need - inputFill)
                if read.sampleFrames == 0 { break }
                if firstSoundAt < 0, read.kind != .silence { firstSoundAt = offset + got }
                inputFill += read.sampleFrames
            }
            if inputFill == 0 { break }
            let done = unsafe resampler?.process(
                input, count: inputFill, into: converted + got * ringChannels, room: frames - got)
            guard let done else { break }
            inputFill -= done.consumed
            unsafe alsa_move_samples(input, input + done.consumed * ringChannels, Int64(inputFill * ringChannels))
            got += done.produced
            if done.consumed == 0, done.produced == 0 { break }
        }
        return got
    }
}
