internal import CSpeexDSP

/// Resamples a stream of interleaved S16, where the hardware cannot run at the ring's rate.
///
/// The filter's delay is taken out at the start of a stream (its first output is the first input), and
/// ``inputPosition`` says to which input each output belongs, so that stamps stay right.
@safe
struct Resampler: ~Copyable {
    private let state: OpaquePointer
    let inputRate: Int
    let outputRate: Int
    private(set) var consumed: Int64 = 0
    private(set) var produced: Int64 = 0

    /// A filter of 128 taps: flat to 0.93 of the band, stop band under -90 dB, 1.3 ms of look-ahead at 48 kHz.
    private static let quality: Int32 = 7

    init(channels: Int, from inputRate: Int, to outputRate: Int) {
        var error: Int32 = 0
        let created = unsafe speex_resampler_init(
            UInt32(channels), UInt32(inputRate), UInt32(outputRate), Self.quality, &error)
        guard let state = unsafe created else {
            preconditionFailure("speex_resampler_init(\(inputRate), \(outputRate)): error \(error)")
        }
        unsafe self.state = state
        self.inputRate = inputRate
        self.outputRate = outputRate
        restart()
    }

    deinit { unsafe speex_resampler_destroy(state) }

    /// Forgets the stream; the next sample is the first of another.
    mutating func restart() {
        _ = unsafe speex_resampler_reset_mem(state)
        _ = unsafe speex_resampler_skip_zeros(state)
        consumed = 0
        produced = 0
    }

    /// The index, among all inputs, of the input at the same instant as the next output.
    var inputPosition: Int64 {
        @_noLocks get { produced * Int64(inputRate) / Int64(outputRate) }
    }

    /// The most outputs of so many inputs.
    func outputs(for inputs: Int) -> Int { inputs * outputRate / inputRate + 2 }

    /// Takes up to `count` sample frames, gives up to `room`.
    @_noLocks
    mutating func process(
        _ from: UnsafePointer<Int16>, count: Int, into to: UnsafeMutablePointer<Int16>, room: Int
    ) -> (consumed: Int, produced: Int) {
        let done = unsafe resampler_process(state, from, UInt32(count), to, UInt32(room))
        consumed += Int64(done.consumed)
        produced += Int64(done.produced)
        return (Int(done.consumed), Int(done.produced))
    }
}
