import Reprise

/// What there is to tell of a call's devices since the last look: where each stands, and what came and went.
struct DeviceNews {
    /// Where a device stands.
    private struct Standing: Equatable {
        var device: DeviceID?
        var status: DeviceStatus
        var error: DeviceError?
        var gap: Duration?

        func text(_ kind: DeviceKind) -> String {
            let name = device.map { " \($0)" } ?? ""
            let gap = gap.map { ", silent for \($0.milliseconds.fixed(1)) ms" } ?? ""
            let reason = error.map { ": \($0)" } ?? ""
            return "\(kind)\(name) \(status)\(status == .enabled ? gap : reason)"
        }
    }

    private let kinds: [DeviceKind]
    private var standings: [DeviceKind: Standing] = [:]
    private var lists: DeviceLists?

    init(_ kinds: [DeviceKind]) { self.kinds = kinds }

    /// The lines that are new.
    mutating func lines(_ call: Call) -> [String] {
        var lines: [String] = []
        let now = call.media.devices.value
        // Nobody has looked at the devices in the first half second.
        if now != DeviceLists() {
            if let lists { lines += now.changes(since: lists).lines }
            lists = now
        }
        for kind in kinds {
            let manager = call.manager(kind)
            let standing = Standing(
                device: manager.selectedDevice, status: manager.status, error: manager.error,
                gap: manager.recoveries.lastGap)
            if standings[kind] != standing { lines.append(standing.text(kind)) }
            standings[kind] = standing
        }
        return lines
    }
}

extension DeviceChanges {
    /// `+ microphone hw:CARD=USB,DEV=0 (USB Headset)`, a line each.
    var lines: [String] {
        [("+", added), ("-", removed), ("*", changed)].flatMap { sign, items in
            items.map { "\(sign) \($0.kind) \($0.id) (\($0.name))" }
        }
    }
}
