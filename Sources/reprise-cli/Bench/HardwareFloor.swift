import ALSA
import CFloor
import Glibc
import Reprise
import Synchronization
import V4L2

/// What a device itself takes to start, measured with bare calls.
struct HardwareFloor: Sendable {
    private(set) var start = Measurements()
    private(set) var stop = Measurements()
    /// Why it was not measured.
    private(set) var trouble: String?

    /// Below ALSA's own threads' priority, as those of a call are.
    private static let priority = 20

    /// A microphone, configured as a call had it.
    static func measure(_ info: AudioStreamInfo, _ standby: StandbyPolicy, _ cycles: Int) async -> HardwareFloor {
        await onThread { () -> HardwareFloor in
            unsafe info.device.rawValue.withCString { pcm in
                unsafe info.sampleFormat.withCString { format in
                    var setup = unsafe floor_pcm_setup(
                        pcm: pcm, format: format, rate: UInt32(info.rate), channels: UInt32(info.channels),
                        period: UInt(info.hardwarePeriodFrames), buffer: UInt(info.bufferFrames),
                        mmap: info.access.hasPrefix("mmap"))
                    return unsafe collect(
                        info.device, standby, cycles, cold: { unsafe floor_pcm_cold(&setup) },
                        warm: { unsafe floor_pcm_warm(&setup, $0, $1) })
                }
            }
        }
    }

    /// A camera, configured as a call had it.
    /// - `node`: `/dev/video0`.
    static func measure(
        _ info: VideoStreamInfo, node: String, _ standby: StandbyPolicy, _ cycles: Int
    ) async -> HardwareFloor {
        await onThread { () -> HardwareFloor in
            unsafe node.withCString { node in
                unsafe info.format.withCString { format in
                    var setup = unsafe floor_camera_setup(
                        node: node, format: format, width: UInt32(info.width), height: UInt32(info.height),
                        frames_per_second: info.framesPerSecond, buffers: 4)
                    return unsafe collect(
                        info.device, standby, cycles, cold: { unsafe floor_camera_cold(&setup) },
                        warm: { unsafe floor_camera_warm(&setup, $0, $1) })
                }
            }
        }
    }

    @unsafe
    private static func collect(
        _ device: DeviceID, _ standby: StandbyPolicy, _ cycles: Int, cold: () -> floor_result,
        warm: (UnsafeMutablePointer<floor_result>, Int32) -> Int32
    ) -> HardwareFloor {
        var results: [floor_result]
        switch standby {
        case .release:
            unsafe results = (0..<cycles).map { _ in
                let result = unsafe cold()
                pauseAtRandom()
                return unsafe result
            }
        case .warm:
            unsafe results = unsafe Array(repeating: floor_result(), count: cycles)
            let measured = unsafe results.withUnsafeMutableBufferPointer { buffer in
                unsafe buffer.baseAddress.map { unsafe warm($0, Int32(cycles)) } ?? 0
            }
            // The one after the last that was measured tells why there are no more.
            unsafe results = Array(results.prefix(Int(measured) + 1))
        }
        var floor = HardwareFloor()
        for index in unsafe results.indices {
            let result = unsafe results[index]
            if unsafe result.error != 0 {
                let call = unsafe result.call.map { unsafe String(cString: $0) } ?? "?"
                floor.trouble = unsafe "\(call)(\(device)): \(String(cString: strerror(result.error)))"
            } else {
                unsafe floor.start.add(.nanoseconds(result.start_ns))
                unsafe floor.stop.add(.nanoseconds(result.stop_ns))
            }
        }
        return floor
    }

    /// As the call's own pauses: not in step with the device's clock.
    private static func pauseAtRandom() { usleep(UInt32.random(in: 5_000...25_000)) }

    /// The calls block, and a call's threads have real-time priority where it is granted: so has this one.
    private static func onThread(_ body: @escaping @Sendable () -> HardwareFloor) async -> HardwareFloor {
        let result = FloorResult()
        await DeviceThread(name: "floor", priority: priority) { _ in result.value.withLock { $0 = body() } }.join()
        return result.value.withLock { $0 }
    }
}

private final class FloorResult: Sendable { let value = Mutex(HardwareFloor()) }

extension CallRestarts {
    /// The floors of the devices that ran.
    func floors(_ standby: StandbyPolicy, _ cycles: Int) async -> [DeviceKind: HardwareFloor] {
        var floors: [DeviceKind: HardwareFloor] = [:]
        if let microphone { floors[.microphone] = await .measure(microphone, standby, cycles) }
        if let camera, let node = await V4L2Devices().survey().first(where: { $0.id == camera.device })?.path {
            floors[.camera] = await .measure(camera, node: node, standby, cycles)
        }
        return floors
    }
}
