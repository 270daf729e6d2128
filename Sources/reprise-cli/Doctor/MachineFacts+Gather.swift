import ALSA
import Glibc
import Reprise
import V4L2

extension MachineFacts {
    /// Looks at this machine.
    static func gather() async -> MachineFacts {
        var facts = MachineFacts()
        facts.user = Account.name
        facts.isRoot = geteuid() == 0
        facts.groups = Account.groups
        facts.groupsOnFile = Account.groupsOnFile
        facts.soundCards = Files.text("/proc/asound/cards").map(cards)
        facts.soundNodes = nodes(in: "/dev/snd") { $0.hasPrefix("pcm") || $0.hasPrefix("control") }
        facts.videoNodes = nodes(in: "/dev") { $0.hasPrefix("video") && $0.dropFirst(5).allSatisfy(\.isNumber) }
        let devices = ALSADevices()
        facts.microphones = await sound(devices, .capture)
        facts.speakers = await sound(devices, .playback)
        facts.cameras = await V4L2Devices().survey().map(Device.init)
        (facts.realTime, facts.rtkitRefusal) = await realTimeGrant()
        facts.hasUdev = unsafe access("/run/udev/control", F_OK) == 0
        facts.openFiles = openFiles
        do { _ = try await DeviceSystem.machine.screens.devices() } catch { facts.screenTrouble = error.reason }
        return facts
    }

    /// The names of /proc/asound/cards, whose lines begin with ` 0 [PCH            ]: HDA-Intel - HDA Intel PCH`.
    static func cards(_ text: String) -> [String] {
        text.split(separator: "\n").compactMap { line in
            guard let open = line.firstIndex(of: "["), let close = line.firstIndex(of: "]"), open < close,
                line[..<open].contains(where: \.isNumber)
            else { return nil }
            return line[line.index(after: open)..<close].split(separator: " ").first.map(String.init)
        }
    }

    private static func nodes(in folder: String, where isWanted: (String) -> Bool) -> [Node] {
        Files.names(in: folder).filter(isWanted).map { name in
            let path = "\(folder)/\(name)"
            return Node(path: path, canOpen: Files.isReadableAndWritable(path), group: Account.group(of: path))
        }
    }

    private static func sound(_ devices: ALSADevices, _ direction: AudioDirection) async -> [Device] {
        guard let infos = try? await devices.devices(direction) else { return [] }
        var result: [Device] = []
        for info in infos {
            var device = Device(id: info.id.rawValue, name: info.name, isSoundServer: info.kind == .soundServer)
            device.isConnected = info.isConnected
            do {
                if case .busy(let holders) = try await devices.occupant(of: info.id, direction) {
                    device.state = .busy(holders.first?.description)
                }
            } catch {
                device.state = .unusable(error.reason)
            }
            if let mixer = await (try? devices.device(info.id, direction))?.mixer {
                device.isMuted = try? await mixer.isMuted()
                device.volume = try? await mixer.volume()
                device.muteControl = await mixer.muteControl
            }
            result.append(device)
        }
        return result
    }

    /// Asks for it as a device's thread does: the kernel, then rtkit, whose reason to refuse is told too.
    private static func realTimeGrant() async -> (RealTimeGrant, refusal: String?) {
        let (stream, continuation) = AsyncStream.makeStream(of: (RealTimeGrant, String?).self)
        let thread = DeviceThread(name: "doctor", priority: 20) { grant in
            guard case .refused = grant else {
                continuation.yield((grant, nil))
                return
            }
            do throws(DeviceError) {
                continuation.yield((.granted(priority: try RealTimeKit().request(20)), nil))
            } catch {
                continuation.yield((grant, error.reason))
            }
        }
        await thread.join()
        continuation.finish()
        for await answer in stream { return answer }
        return (.notAsked, nil)
    }

    private static var openFiles: Int { sysconf(Int32(_SC_OPEN_MAX)) }
}

extension MachineFacts.Device {
    fileprivate init(_ report: V4L2Devices.NodeReport) {
        self.init(id: report.path, name: report.name)
        controller = report.id.flatMap { USBController(of: $0.rawValue)?.name }
        switch report.availability {
        case .free: state = .free
        case .busy(let holder): state = .busy(holder?.description)
        case .unusable(let error): state = .unusable(error.reason)
        }
    }
}
