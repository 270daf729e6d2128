import Reprise

/// What `reprise devices` tells.
struct DeviceList: Sendable {
    struct Entry: Sendable {
        var id: DeviceID
        var name: String
        /// How it is attached: a sound device's kind, a camera's bus.
        var kind: String
        /// `/dev/video0`; nil for sound.
        var node: String?
        var formats: [String]
        var isDefault: Bool
        var use: DeviceUse
    }

    var microphones: [Entry]
    var speakers: [Entry]
    var cameras: [Entry]

    var json: JSON {
        [
            "microphones": .array(microphones.map(\.json)), "speakers": .array(speakers.map(\.json)),
            "cameras": .array(cameras.map(\.json)),
        ]
    }

    var lines: [String] {
        sections([("Microphones", microphones), ("Speakers", speakers), ("Cameras", cameras)])
    }

    private func sections(_ sections: [(String, [Entry])]) -> [String] {
        var lines: [String] = []
        for (title, entries) in sections {
            if !lines.isEmpty { lines.append("") }
            guard !entries.isEmpty else {
                lines.append("\(title): none. `reprise doctor` says what may hide them.")
                continue
            }
            var table = Table([title, "NAME", "KIND", "STATE", "FORMATS"])
            for entry in entries {
                table.add([
                    "\(entry.isDefault ? "*" : " ") \(entry.id)", entry.name, entry.kind, entry.use.text,
                    entry.formatText,
                ])
            }
            lines += table.lines
        }
        return lines
    }
}

extension DeviceList.Entry {
    /// A camera has dozens of modes: the table names the first ones.
    fileprivate var formatText: String {
        let shown = 3
        let more = formats.count > shown && node != nil ? " and \(formats.count - shown) more" : ""
        return formats.isEmpty ? "-" : formats.prefix(node == nil ? .max : shown).joined(separator: ", ") + more
    }

    fileprivate var json: JSON {
        [
            "id": .string(id.rawValue), "name": .string(name), "kind": .string(kind), "node": JSON(node),
            "formats": .array(formats.map { .string($0) }), "default": .bool(isDefault),
            "busy": .bool(use.isBusy), "heldBy": JSON(use.holder), "trouble": JSON(use.trouble),
        ]
    }
}

/// Whether somebody has a device.
struct DeviceUse: Sendable, Equatable {
    var isBusy = false
    /// `firefox (pid 812)`, where it can be told.
    var holder: String?
    /// Why it cannot be opened, where that is not because somebody has it.
    var trouble: String?

    var text: String {
        if isBusy { return "busy" + (holder.map { ": \($0)" } ?? "") }
        return trouble.map { "unusable: \($0)" } ?? "free"
    }
}
