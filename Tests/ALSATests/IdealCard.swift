import Foundation
import Glibc
import Media
import Synchronization

/// One of the ideal cards of Tests/IdealCard: its faults on command, and what it has seen.
///
/// The first use builds the plug-in into a temporary folder and points alsa-lib's configuration there.
@safe
final class IdealCard: @unchecked Sendable {
    /// Where the cards' files are.
    static let folder: URL = {
        let source = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "IdealCard")
        let folder = FileManager.default.temporaryDirectory.appending(path: "reprise-ideal-\(getpid())")
        let make = Process()
        make.executableURL = URL(filePath: "/usr/bin/env")
        make.arguments = ["make", "-s", "-C", source.path(), "OUT=\(folder.path())"]
        do { try make.run() } catch { fatalError("make: \(error)") }
        make.waitUntilExit()
        precondition(make.terminationStatus == 0, "the ideal card could not be built")
        unsafe setenv("ALSA_CONFIG_PATH", folder.appending(path: "asoundrc").path(), 1)
        let path = folder.path()
        unsafe leftBehind = strdup(path)
        atexit {
            if let leftBehind = unsafe leftBehind {
                try? FileManager.default.removeItem(atPath: unsafe String(cString: leftBehind))
            }
        }
        return folder
    }()

    /// A word of the control file, by its byte offset (ideal_card.h).
    private enum Word: Int {
        case vanished = 0, stalled = 4, busy = 8, xruns = 12, suspended = 16, speed = 20, resumeFails = 24
        case mixerless = 28, opens = 40, openHandles = 44, starts = 48, cardXruns = 52
        case playbackVolume = 72, captureVolume = 76, playbackSwitch = 80, captureSwitch = 84, slowness = 88,
            alwaysXruns = 92
    }

    let name: String
    var id: DeviceID { DeviceID(name) }
    private let control: UnsafeMutableRawPointer
    private static let size = 96

    /// The card of a name, with no faults.
    init(_ name: String) {
        self.name = name
        let path = Self.folder.appending(path: "\(name).control").path()
        let file = unsafe open(path, O_RDWR | O_CREAT, 0o666)
        precondition(file >= 0 && ftruncate(file, off_t(Self.size)) == 0)
        let mapped = unsafe mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        close(file)
        guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else { fatalError("mmap") }
        unsafe control = mapped
        let faults = [
            Word.vanished, .stalled, .busy, .suspended, .speed, .slowness, .resumeFails, .mixerless, .alwaysXruns,
        ]
        for word in faults { self[word] = 0 }
        busyUntil = 0
    }

    deinit { unsafe munmap(control, Self.size) }

    private subscript(word: Word) -> UInt32 {
        get { unsafe control.load(fromByteOffset: word.rawValue, as: UInt32.self) }
        set { unsafe control.storeBytes(of: newValue, toByteOffset: word.rawValue, as: UInt32.self) }
    }

    var vanished: Bool {
        get { self[.vanished] != 0 }
        set { self[.vanished] = newValue ? 1 : 0 }
    }
    var stalled: Bool {
        get { self[.stalled] != 0 }
        set { self[.stalled] = newValue ? 1 : 0 }
    }
    var busy: Bool {
        get { self[.busy] != 0 }
        set { self[.busy] = newValue ? 1 : 0 }
    }
    var suspended: Bool {
        get { self[.suspended] != 0 }
        set { self[.suspended] = newValue ? 1 : 0 }
    }
    var resumeFails: Bool {
        get { self[.resumeFails] != 0 }
        set { self[.resumeFails] = newValue ? 1 : 0 }
    }
    var mixerless: Bool {
        get { self[.mixerless] != 0 }
        set { self[.mixerless] = newValue ? 1 : 0 }
    }
    var speed: Int {
        get { Int(self[.speed]) }
        set { self[.speed] = UInt32(newValue) }
    }

    /// Each wake-up finds an xrun.
    var alwaysXruns: Bool {
        get { self[.alwaysXruns] != 0 }
        set { self[.alwaysXruns] = newValue ? 1 : 0 }
    }

    /// Divides the clock's speed: what a busy machine delays is then soon enough for the card.
    var slowness: Int {
        get { Int(self[.slowness]) }
        set { self[.slowness] = UInt32(newValue) }
    }

    /// Makes one xrun.
    func makeXrun() { self[.xruns] &+= 1 }

    /// EBUSY until this time of CLOCK_MONOTONIC.
    var busyUntil: Int64 {
        get { unsafe control.load(fromByteOffset: 32, as: Int64.self) }
        set { unsafe control.storeBytes(of: newValue, toByteOffset: 32, as: Int64.self) }
    }

    var opens: Int { Int(self[.opens]) }
    var openHandles: Int { Int(Int32(bitPattern: self[.openHandles])) }
    var starts: Int { Int(self[.starts]) }
    var xruns: Int { Int(self[.cardXruns]) }
    /// The card's frame number at the last start.
    var startedFrame: Int { unsafe Int(control.load(fromByteOffset: 56, as: UInt64.self)) }
    /// When that was.
    var startedAt: MonotonicInstant {
        unsafe MonotonicInstant(nanoseconds: Int64(control.load(fromByteOffset: 64, as: UInt64.self)))
    }
    /// dB above silence: 0...64.
    var playbackVolume: Int {
        get { Int(self[.playbackVolume]) }
        set { self[.playbackVolume] = UInt32(newValue) }
    }
    var captureVolume: Int {
        get { Int(self[.captureVolume]) }
        set { self[.captureVolume] = UInt32(newValue) }
    }
    var playbackSwitch: Bool {
        get { self[.playbackSwitch] != 0 }
        set { self[.playbackSwitch] = newValue ? 1 : 0 }
    }

    /// What was played at card frame `frame`, left; nil where nothing was.
    func played(at frame: Int) -> Int16? {
        let path = Self.folder.appending(path: "\(name).loop").path()
        let file = unsafe open(path, O_RDONLY)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var slot: (frame: UInt32, left: Int16, right: Int16) = (0, 0, 0)
        let offset = (frame % (1 << 17)) * 8
        guard unsafe pread(file, &slot, 8, off_t(offset)) == 8, slot.frame == UInt32(truncatingIfNeeded: frame) else {
            return nil
        }
        return slot.left
    }
}

nonisolated(unsafe) private var leftBehind: UnsafeMutablePointer<CChar>?
