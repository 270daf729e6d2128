/// One channel's samples in the hardware's memory: sample i is at `address + i × stride` (bytes).
@unsafe
struct ChannelMemory {
    var address: UnsafeMutableRawPointer
    var stride: Int

    @_noLocks
    init(address: UnsafeMutableRawPointer, stride: Int) {
        unsafe self.address = address
        unsafe self.stride = stride
    }
}

extension HardwareFormat {
    /// Reads one sample as S16. Truncates; floats beyond full scale are clipped and NaN is silence.
    @_noLocks @inline(__always)
    func load(_ from: UnsafeRawPointer) -> Int16 {
        switch self {
        case .s16: return unsafe from.loadUnaligned(as: Int16.self)
        case .s32: return unsafe (from + 2).loadUnaligned(as: Int16.self)
        case .s24in3: return unsafe (from + 1).loadUnaligned(as: Int16.self)
        case .float:
            let scaled = unsafe from.loadUnaligned(as: Float.self) * 32768
            if scaled >= 32767 { return 32767 }
            if scaled <= -32768 { return -32768 }
            return scaled == scaled ? Int16(scaled) : 0
        }
    }

    /// Writes one S16 sample. Exact.
    @_noLocks @inline(__always)
    func store(_ sample: Int16, _ to: UnsafeMutableRawPointer) {
        switch self {
        case .s16: unsafe to.storeBytes(of: sample, as: Int16.self)
        case .s32: unsafe to.storeBytes(of: Int32(sample) << 16, as: Int32.self)
        case .s24in3:
            unsafe to.storeBytes(of: 0, as: UInt8.self)
            unsafe (to + 1).storeBytes(of: sample, as: Int16.self)
        case .float: unsafe to.storeBytes(of: Float(sample) / 32768, as: Float.self)
        }
    }

    /// Copies a channel into every `channels`-th sample of interleaved S16, adding to what is there where `adding`
    /// (half of each is taken, so that the sum of two cannot overflow).
    @_noLocks
    func read(_ from: ChannelMemory, into to: UnsafeMutablePointer<Int16>, channels: Int, count: Int, mix: ChannelMix) {
        // A switch in the loop would be tested for every sample.
        switch self {
        case .s16: unsafe Self.readAll(.s16, from, to, channels, count, mix)
        case .s32: unsafe Self.readAll(.s32, from, to, channels, count, mix)
        case .s24in3: unsafe Self.readAll(.s24in3, from, to, channels, count, mix)
        case .float: unsafe Self.readAll(.float, from, to, channels, count, mix)
        }
    }

    @_noLocks @inline(__always)
    private static func readAll(
        _ format: HardwareFormat, _ from: ChannelMemory, _ to: UnsafeMutablePointer<Int16>, _ channels: Int,
        _ count: Int, _ mix: ChannelMix
    ) {
        var source = unsafe UnsafeRawPointer(from.address)
        var index = 0
        var left = count
        while left > 0 {
            let sample = unsafe format.load(source)
            switch mix {
            case .copy: unsafe to[index] = sample
            case .firstHalf: unsafe to[index] = sample >> 1
            case .secondHalf: unsafe to[index] &+= (sample &+ 1) >> 1
            }
            unsafe source += from.stride
            index &+= channels
            left &-= 1
        }
    }

    /// Writes a channel from every `channels`-th sample of interleaved S16.
    @_noLocks
    func write(_ from: UnsafePointer<Int16>, channels: Int, into to: ChannelMemory, count: Int) {
        switch self {
        case .s16: unsafe Self.writeAll(.s16, from, channels, to, count)
        case .s32: unsafe Self.writeAll(.s32, from, channels, to, count)
        case .s24in3: unsafe Self.writeAll(.s24in3, from, channels, to, count)
        case .float: unsafe Self.writeAll(.float, from, channels, to, count)
        }
    }

    @_noLocks @inline(__always)
    private static func writeAll(
        _ format: HardwareFormat, _ from: UnsafePointer<Int16>, _ channels: Int, _ to: ChannelMemory, _ count: Int
    ) {
        var target = unsafe to.address
        var index = 0
        var left = count
        while left > 0 {
            unsafe format.store(from[index], target)
            unsafe target += to.stride
            index &+= channels
            left &-= 1
        }
    }

    /// Writes silence to a channel.
    @_noLocks
    func silence(_ to: ChannelMemory, count: Int) {
        var target = unsafe to.address
        var left = count
        while left > 0 {
            unsafe store(0, target)
            unsafe target += to.stride
            left &-= 1
        }
    }
}

/// How a hardware channel goes into a ring's channel.
enum ChannelMix {
    case copy
    /// Half of it; the other channel follows.
    case firstHalf
    /// Half of it, added.
    case secondHalf
}
