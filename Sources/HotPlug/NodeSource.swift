import Glibc
import Media

/// The nodes of sound cards and cameras in /dev, seen by inotify: where there is no udev, and for what udev does not tell:
/// permissions that come late, and a program that closed a device.
///
/// /dev is watched for nodes that come and go only: every program closes /dev/null all the time. Of /dev/snd the closing
/// of PCMs counts and not that of controls, which listing the cards opens itself.
final class NodeSource: WatchSource {
    private let dev: String
    private let inotify: Inotify
    private var sound: String { "\(dev)/snd" }

    init?(dev: String) {
        guard let inotify = Inotify() else { return nil }
        self.dev = dev
        self.inotify = inotify
        inotify.add(dev, Int(IN_CREATE), Int(IN_DELETE), Int(IN_ATTRIB), Int(IN_MOVED_TO))
        watchSound()
        watchCameras()
    }

    var descriptors: [Int32] { [inotify.descriptor] }

    func read() -> [DeviceSignal] {
        var signals: [DeviceSignal] = []
        for event in inotify.read() {
            if event.isOverflow {
                watchSound()
                watchCameras()
                signals += DeviceSignal.missed
            } else if event.path == sound {
                if let signal = soundSignal(event) { signals.append(signal) }
            } else if event.path == dev {
                signals += folderSignals(event)
            } else if event.name == nil {
                let node = String(event.path.dropFirst(dev.count + 1))
                if event.has(Int(IN_CLOSE_WRITE)) { signals.append(DeviceSignal(.video, .freed, node)) }
            }
        }
        return signals
    }

    func close() { inotify.close() }

    private func folderSignals(_ event: Inotify.Event) -> [DeviceSignal] {
        guard let name = event.name else { return [] }
        if name == "snd" {
            guard event.has(Int(IN_CREATE)) else { return [] }
            watchSound()
            return [DeviceSignal(.sound, .added, "snd")]
        }
        guard name.hasPrefix("video"), Int(name.dropFirst(5)) != nil else { return [] }
        if event.has(Int(IN_DELETE)) { return [DeviceSignal(.video, .removed, name)] }
        watchCamera(name)
        return [DeviceSignal(.video, event.has(Int(IN_ATTRIB)) ? .accessChanged : .added, name)]
    }

    private func soundSignal(_ event: Inotify.Event) -> DeviceSignal? {
        guard let name = event.name else { return nil }
        if event.has(Int(IN_CLOSE_WRITE)) {
            return name.hasPrefix("pcm") ? DeviceSignal(.sound, .freed, name) : nil
        }
        let event: DeviceSignal.Event =
            event.has(Int(IN_DELETE)) ? .removed : event.has(Int(IN_ATTRIB)) ? .accessChanged : .added
        return DeviceSignal(.sound, event, name)
    }

    private func watchSound() {
        guard !inotify.isWatched(sound) else { return }
        inotify.add(
            sound, Int(IN_CREATE), Int(IN_DELETE), Int(IN_ATTRIB), Int(IN_MOVED_TO), Int(IN_CLOSE_WRITE))
    }

    private func watchCameras() {
        for number in 0..<64 where unsafe access("\(dev)/video\(number)", F_OK) == 0 { watchCamera("video\(number)") }
    }

    private func watchCamera(_ name: String) {
        let path = "\(dev)/\(name)"
        guard !inotify.isWatched(path) else { return }
        inotify.add(path, Int(IN_CLOSE_WRITE))
    }
}
