import Glibc
import Reprise

/// Judges what is known of a machine.
enum Diagnosis {
    /// The findings, in the order in which a person would mend them.
    static func findings(_ facts: MachineFacts) -> [Finding] {
        permissions(facts) + cards(facts) + sound("microphone", facts.microphones, facts)
            + sound("speaker", facts.speakers, facts) + cameras(facts) + sharedBuses(facts) + watching(facts)
            + limits(facts)
            + [realTime(facts), screen(facts)]
    }

    // MARK: Permissions

    private static func permissions(_ facts: MachineFacts) -> [Finding] {
        [("sound", facts.soundNodes, "audio"), ("camera", facts.videoNodes, "video")].compactMap { what, nodes, usual in
            let closed = nodes.filter { !$0.canOpen }
            guard !nodes.isEmpty else { return nil }
            guard let first = closed.first else {
                let all = nodes.count == 1 ? nodes[0].path : "all \(nodes.count) \(what) nodes"
                return Finding(level: .ok, subject: "permissions", text: "\(facts.user) may open \(all)")
            }
            let group = first.group ?? usual
            let paths = closed.map(\.path).joined(separator: ", ")
            return Finding(
                level: .warning, subject: "permissions", text: "\(facts.user) may not open \(paths)",
                remedy: facts.groupsOnFile.contains(group) && !facts.groups.contains(group)
                    ? "log out and in again: \(facts.user) was added to the group \(group) since"
                    : "sudo usermod -aG \(group) \(facts.user), then log out and in again")
        }
    }

    // MARK: Sound

    private static func cards(_ facts: MachineFacts) -> [Finding] {
        guard let cards = facts.soundCards else {
            return [
                Finding(
                    level: .note, subject: "sound cards",
                    text: "the kernel has no ALSA (/proc/asound is not there): a container, or a cloud kernel",
                    remedy: "sudo apt-get install linux-image-amd64 and boot it; in a container, pass --device /dev/snd"
                )
            ]
        }
        guard !cards.isEmpty else {
            return [
                Finding(
                    level: .note, subject: "sound cards", text: "none",
                    remedy: "connect a headset; to try without one: sudo modprobe snd-aloop")
            ]
        }
        return [Finding(level: .ok, subject: "sound cards", text: cards.joined(separator: ", "))]
    }

    private static func sound(_ kind: String, _ devices: [MachineFacts.Device], _ facts: MachineFacts) -> [Finding] {
        guard !devices.isEmpty else {
            return [
                Finding(
                    level: .failure, subject: kind, text: "there is none",
                    remedy: "connect one, or try reprise mirror --synthetic")
            ]
        }
        let isAnyFree = devices.contains { $0.state == .free }
        var findings: [Finding] = []
        for device in devices {
            switch device.state {
            case .free: findings.append(contentsOf: free(kind, device))
            case .busy(let holder):
                findings.append(
                    Finding(
                        level: isAnyFree ? .note : .failure, subject: kind,
                        text: "\(device.id) is in use" + (holder.map { " by \($0)" } ?? ""),
                        remedy: "close that program" + (pid(holder).map { ", or: kill \($0)" } ?? "")))
            case .unusable(let reason):
                findings.append(
                    Finding(
                        level: isAnyFree ? .note : .failure, subject: kind,
                        text: "\(device.id) cannot be opened: \(reason)", remedy: remedy(for: device)))
            }
        }
        return findings
    }

    private static func free(_ kind: String, _ device: MachineFacts.Device) -> [Finding] {
        if device.isConnected == false {
            return [
                Finding(
                    level: .note, subject: kind, text: "\(device.id) (\(device.name)) has nothing in its socket",
                    remedy: "plug it in, and see it come: reprise devices --watch")
            ]
        }
        if device.isMuted == true || device.volume == 0 {
            let what = device.isMuted == true ? "is muted" : "has its volume at 0"
            return [
                Finding(
                    level: .warning, subject: kind, text: "\(device.id) (\(device.name)) \(what)",
                    remedy: unmuteCommand(kind, device))
            ]
        }
        let volume = device.volume.map { ", volume \($0)" } ?? ""
        return [Finding(level: .ok, subject: kind, text: "\(device.id) (\(device.name))\(volume)")]
    }

    private static func unmuteCommand(_ kind: String, _ device: MachineFacts.Device) -> String {
        let card = card(of: device.id).map { "-c \($0) " } ?? ""
        let name = device.muteControl ?? (kind == "microphone" ? "Capture" : "Master")
        let control = name.contains(" ") ? "'\(name)'" : name
        return "amixer \(card)sset \(control) 80% \(kind == "microphone" ? "cap" : "unmute")"
    }

    /// The card in `hw:CARD=USB,DEV=0`.
    private static func card(of id: String) -> String? {
        guard let arguments = id.split(separator: ":", maxSplits: 1).dropFirst().first else { return nil }
        let first = arguments.split(separator: ",").first.map(String.init)
        return first.map { $0.hasPrefix("CARD=") ? String($0.dropFirst(5)) : $0 }
    }

    /// The number in `firefox (pid 812)`.
    private static func pid(_ holder: String?) -> Int? {
        holder?.split(separator: " ").last.flatMap { Int($0.filter(\.isNumber)) }
    }

    private static func remedy(for device: MachineFacts.Device) -> String? {
        device.isSoundServer
            ? "start the sound server: systemctl --user restart pipewire wireplumber" : nil
    }

    // MARK: The rest

    private static func cameras(_ facts: MachineFacts) -> [Finding] {
        guard !facts.cameras.isEmpty else {
            return [
                Finding(
                    level: .note, subject: "camera", text: "there is none: calls are without your picture",
                    remedy: "connect one; to try without one: sudo modprobe vivid")
            ]
        }
        return facts.cameras.map { camera in
            switch camera.state {
            case .free: Finding(level: .ok, subject: "camera", text: "\(camera.id) (\(camera.name))")
            case .busy(let holder):
                Finding(
                    level: .warning, subject: "camera",
                    text: "\(camera.id) (\(camera.name)) is in use" + (holder.map { " by \($0)" } ?? ""),
                    remedy: "close that program" + (pid(holder).map { ", or: kill \($0)" } ?? ""))
            case .unusable(let reason):
                Finding(
                    level: .warning, subject: "camera", text: "\(camera.id) (\(camera.name)) cannot be used: \(reason)")
            }
        }
    }

    private static func realTime(_ facts: MachineFacts) -> Finding {
        switch facts.realTime {
        case .granted(let priority):
            return Finding(level: .ok, subject: "real time", text: "device threads get SCHED_FIFO (\(priority))")
        case .refused, .notAsked:
            let command = "echo '@audio - rtprio 95' | sudo tee /etc/security/limits.d/reprise.conf"
            let joins = facts.groupsOnFile.contains("audio") ? "" : " && sudo usermod -aG audio \(facts.user)"
            let rtkit = facts.rtkitRefusal.map { ", and by rtkit (\($0))" } ?? ""
            return Finding(
                level: .warning, subject: "real time",
                text: "SCHED_FIFO is refused by the kernel\(rtkit): sound may stutter while the machine is busy",
                remedy: "\(command)\(joins), then log out and in again; or: sudo apt-get install rtkit")
        }
    }

    /// USB gives each camera its bandwidth for as long as it streams, and nothing to the one that comes when none is left.
    private static func sharedBuses(_ facts: MachineFacts) -> [Finding] {
        let groups = Dictionary(grouping: facts.cameras.filter { $0.controller != nil }) { $0.controller ?? "" }
        return groups.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }.map { controller, cameras in
            Finding(
                level: .note, subject: "USB",
                text: "\(cameras.map(\.id).joined(separator: ", ")) share the controller \(controller): together they "
                    + "may get smaller pictures",
                remedy: "plug one into a socket of another controller: lsusb -t")
        }
    }

    private static func watching(_ facts: MachineFacts) -> [Finding] {
        guard !facts.hasUdev else {
            return [Finding(level: .ok, subject: "hot plug", text: "udev tells of what comes and goes")]
        }
        return [
            Finding(
                level: .note, subject: "hot plug",
                text: "udevd does not run: /dev is watched instead, and nobody sets the permissions of new devices",
                remedy: "sudo systemctl start systemd-udevd; in a container, run udevd outside of it")
        ]
    }

    /// What a call with all devices has open, and room for rejoins.
    static let fewestFiles = 256

    private static func limits(_ facts: MachineFacts) -> [Finding] {
        guard facts.openFiles < fewestFiles else { return [] }
        return [
            Finding(
                level: .warning, subject: "open files",
                text: "\(facts.openFiles) at most: a call with many participants runs out of them",
                remedy: "ulimit -n 4096, or LimitNOFILE=4096 in the systemd unit")
        ]
    }

    private static func screen(_ facts: MachineFacts) -> Finding {
        guard let trouble = facts.screenTrouble else {
            return Finding(level: .ok, subject: "screen", text: "can be shared")
        }
        return Finding(level: .note, subject: "screen", text: "cannot be shared: \(trouble)")
    }
}
