internal import CAlsa
internal import CLinux
import Glibc
import Media

/// What a stream's thread does: commands one after the other, and periods in between.
final class StreamRunner {
    private let thread: StreamThread
    private let target: PCMTarget
    /// Open and configured: running where there is a ``request``, else parked.
    private var stream: (any PeriodStream)?
    private var configuredFor: ConfigurationRequest?
    /// What the last stream was configured for and how, open or closed since.
    private var proven: (request: ConfigurationRequest, configuration: Configuration)?
    private var request: StartRequest?
    private var counters: StreamCounters
    private let realTime = RealTimePriority()
    private var recovery = Recovery()

    init(_ thread: StreamThread) {
        self.thread = thread
        target = thread.target
        counters = StreamCounters(realTime)
    }

    func run() {
        while true {
            thread.wakeup.drain()
            while let command = thread.nextCommand() {
                switch command {
                case .prepare(let format, let options, let reply):
                    reply.resume(returning: prepare(format, options))
                case .start(let request, let reply): reply.resume(returning: start(request))
                case .stop(let standby, let reply):
                    stop(standby)
                    reply.resume()
                case .end:
                    stop(.release)
                    return
                }
            }
            if let request, let stream { runPeriods(of: stream, request) } else { waitParked() }
        }
    }

    // MARK: Start and stop

    private func start(_ request: StartRequest) -> Result<AudioStreamInfo, DeviceError> {
        stop(.warm)
        askForRealTime(request.options.realTime)
        counters = StreamCounters(realTime)
        thread.currentCounters = counters
        recovery = Recovery()
        let deadline = linux_monotonic_ns() + request.options.busyRetry.nanoseconds
        while true {
            if request.isCancelled { return .failure(cancelled(request)) }
            let reused = stream != nil && configuredFor == configuration(request.ring.format, request.options)
            do throws(DeviceError) {
                let stream = try openedStream(request.ring.format, request.options)
                // Opening may have taken long; nobody wants it any more.
                if request.isCancelled { return .failure(cancelled(request)) }
                counters.started(at: try stream.start(request.ring, counters))
                stream.tickAt = .max
                self.request = request
                return .success(info(stream, reused: reused))
            } catch {
                close()
                // A parked handle may have died: open it anew.
                if reused { continue }
                guard error.code == .busy else { return .failure(error) }
                if thread.hasCommands { return .failure(cancelled(request)) }
                guard linux_monotonic_ns() < deadline else {
                    return .failure(Occupants.named(in: error, pcm: target.name))
                }
                waitForWakeup(milliseconds: 10)
            }
        }
    }

    /// Opens and configures, at once or not at all: another device runs meanwhile.
    private func prepare(_ format: AudioFormat, _ options: AudioStreamOptions) -> Result<Void, DeviceError> {
        guard request == nil else { return .success(()) }
        askForRealTime(options.realTime)
        do throws(DeviceError) {
            _ = try openedStream(format, options)
            return .success(())
        } catch {
            close()
            return .failure(error.code == .busy ? Occupants.named(in: error, pcm: target.name) : error)
        }
    }

    private func openedStream(
        _ format: AudioFormat, _ options: AudioStreamOptions
    ) throws(DeviceError) -> any PeriodStream {
        let wanted = configuration(format, options)
        if let stream, configuredFor == wanted { return stream }
        close()
        let known = proven.flatMap { $0.request == wanted ? $0.configuration : nil }
        let pcm = try PCM(name: target.name, direction: target.direction)
        let opened: any PeriodStream =
            switch target.direction {
            case .capture:
                try CaptureStream(
                    pcm, wanted, proven: known, wakeup: thread.wakeup, stallAfter: options.stallAfter)
            case .playback:
                // Two blocks bear a delay of one; without real-time priority delays of more are common.
                try PlaybackStream(
                    pcm, wanted, proven: known, wakeup: thread.wakeup, stallAfter: options.stallAfter,
                    blocks: (realTime.isGranted ? 2 : 3) + options.headroom)
            }
        stream = opened
        configuredFor = wanted
        proven = (wanted, opened.configuration)
        return opened
    }

    private func configuration(_ format: AudioFormat, _ options: AudioStreamOptions) -> ConfigurationRequest {
        let isShortFirst = target.direction == .capture && !target.isServer && options.firstBlock > .zero
        return ConfigurationRequest(
            direction: target.direction, format: format, period: options.period,
            firstBlock: isShortFirst ? min(options.firstBlock, options.period) : hardwarePeriod(options),
            batch: target.isServer ? .zero : options.batch,
            bufferPeriods: target.isServer && target.direction == .playback ? 3 + options.headroom : nil,
            headroom: options.headroom, isServer: target.isServer)
    }

    /// Batches are as long as there is sound for them, so a speaker that plays in batches is to be woken within a period.
    private func hardwarePeriod(_ options: AudioStreamOptions) -> Duration {
        !target.isServer && target.direction == .playback && options.batch > options.period
            ? options.period / 2 : options.period
    }

    private func info(_ stream: any PeriodStream, reused: Bool) -> AudioStreamInfo {
        let configuration = stream.configuration
        return AudioStreamInfo(
            device: target.id, sampleFormat: configuration.format.name, rate: configuration.rate,
            channels: configuration.channels, periodFrames: configuration.block,
            hardwarePeriodFrames: configuration.hardwarePeriod, bufferFrames: configuration.buffer,
            access: configuration.access.name, reused: reused, realTime: realTime.grant)
    }

    private func stop(_ standby: StandbyPolicy) {
        request = nil
        guard let stream else { return }
        guard standby == .warm else { return close() }
        do { try stream.park() } catch { close() }
    }

    private func close() {
        request = nil
        stream = nil
        configuredFor = nil
    }

    private func cancelled(_ request: StartRequest) -> DeviceError {
        close()
        return DeviceError(
            .cancelled, operation: "start(\(target.name))", device: target.name, reason: "left before it had started")
    }

    private func askForRealTime(_ isAsked: Bool) {
        if isAsked { realTime.ask(StreamThread.priority) } else { realTime.giveUp() }
    }

    // MARK: Waiting

    /// Returns early when the thread is called, and leaves the call to be seen.
    private func waitForWakeup(milliseconds: Int32) {
        var descriptor = pollfd(fd: thread.wakeup.descriptor, events: Int16(POLLIN), revents: 0)
        _ = unsafe alsa_poll(&descriptor, 1, milliseconds)
    }

    /// Nothing runs. A device that goes away while it is parked is closed at once: its driver may wait for that.
    private func waitParked() {
        var descriptors = [pollfd(fd: thread.wakeup.descriptor, events: Int16(POLLIN), revents: 0)]
        if let stream {
            // Only errors count: a prepared speaker has room for samples, so it would always be ready.
            descriptors += ((try? stream.pcm.pollDescriptors()) ?? []).map {
                pollfd(fd: $0.fd, events: 0, revents: 0)
            }
        }
        let count = Int32(descriptors.count)
        _ = unsafe descriptors.withUnsafeMutableBufferPointer { buffer in
            unsafe alsa_poll(buffer.baseAddress, count, -1)
        }
        if descriptors.dropFirst().contains(where: { $0.revents != 0 }) { close() }
    }

    // MARK: Running

    private func runPeriods(of stream: any PeriodStream, _ request: StartRequest) {
        switch stream.run(counters) {
        case .command: break
        case .xrun: recover(stream, request, isSuspend: false)
        case .suspended: recover(stream, request, isSuspend: true)
        case .disconnected: end(failure(ENODEV), request)
        case .failed(let errno): end(failure(errno), request)
        case .stalled: request.onEvent(.stalled(stallError(request)))
        case .resumed: request.onEvent(.resumed)
        case .tick: tellRecovered(stream, request)
        }
    }

    /// The stream is over: closed first, so that whoever is told can start anew.
    private func end(_ error: DeviceError, _ request: StartRequest) {
        close()
        thread.ended()
        var error = error
        if target.isServer, error.errno == EPIPE {
            // How the plug-ins of sound servers tell that the server ended.
            error.code = .disconnected
            error.advice = "Start the sound server, or choose a card of its own"
        }
        request.onEvent(.ended(error))
    }

    private func failure(_ errno: Int32) -> DeviceError {
        .alsa(target.direction == .capture ? "capture" : "playback", target.name, status: -errno)
    }

    private var hopeless: DeviceError {
        DeviceError(
            .failed, operation: "\(target.direction == .capture ? "capture" : "playback")(\(target.name))",
            device: target.name, reason: "an xrun after each of \(Recovery.mostFruitless) restarts", errno: EPIPE,
            advice: "Plug the device out and in, or choose another device")
    }

    private func stallError(_ request: StartRequest) -> DeviceError {
        let isNew = counters.statistics.periods == 0
        return DeviceError(
            isNew ? .neverStarted : .stalled,
            operation: "\(target.direction == .capture ? "capture" : "playback")(\(target.name))", device: target.name,
            reason: (isNew ? "started, and delivers nothing for " : "delivers nothing any more for ")
                + "\(request.options.stallAfter.milliseconds) ms",
            advice: "Plug the device out and in, or choose another device")
    }

    private func recover(_ stream: any PeriodStream, _ request: StartRequest, isSuspend: Bool) {
        recovery.begins(at: linux_monotonic_ns(), isSuspend: isSuspend, counters)
        // A device that fails again before it has delivered anything may do so for ever, but not at full speed.
        if recovery.fruitless >= Recovery.mostFruitless { return end(hopeless, request) }
        if recovery.fruitless > 0 { waitForWakeup(milliseconds: 10) }
        let brokeAt = stream.lastSampleEnd
        do throws(DeviceError) {
            guard let runsAgain = isSuspend ? try resume(stream) : try stream.restart(counters) else { return }
            recovery.ended(at: runsAgain.nanoseconds, lastSampleEnd: brokeAt)
            if recovery.isTellable(at: linux_monotonic_ns()) {
                tellRecovered(stream, request)
            } else {
                stream.tickAt = recovery.tellAt
            }
        } catch {
            end(error, request)
        }
    }

    private func tellRecovered(_ stream: any PeriodStream, _ request: StartRequest) {
        stream.tickAt = .max
        request.onEvent(
            .recovered(xruns: counters.xrunCount, gap: .nanoseconds(recovery.told(at: linux_monotonic_ns()))))
    }

    /// After a suspend: resumes where the hardware can, within a second; else starts anew. Nil where a command came
    /// first, which goes before.
    private func resume(_ stream: any PeriodStream) throws(DeviceError) -> MonotonicInstant? {
        let deadline = linux_monotonic_ns() + 1_000_000_000
        while true {
            let status = stream.pcm.resume()
            if status == 0 {
                let now = MonotonicInstant.now()
                stream.resumed(at: now)
                return now
            }
            if status == -ENODEV { throw failure(ENODEV) }
            if status != -EAGAIN || linux_monotonic_ns() >= deadline { break }
            waitForWakeup(milliseconds: 20)
            if thread.hasCommands { return nil }
        }
        return try stream.restart(counters)
    }
}
