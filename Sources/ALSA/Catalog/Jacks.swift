import Media

/// The jacks of built-in cards whose controls tell of a plug, the one that is heard first.
/// - Source: the names that sound/hda/common/auto_parser.c and the ASoC machine drivers of the kernel give them.
enum Jacks {
    struct Jack {
        var name: String
        var direction: AudioDirection
        var kind: AudioDeviceKind
    }

    static let all: [Jack] =
        jacks(["Headphone Jack", "Front Headphone Jack", "Headset Jack"], .playback, .wired)
        + jacks(["Line Out Jack", "Line Out Front Jack", "Front Line Out Jack"], .playback, .line)
        + jacks(
            ["Headset Mic Jack", "Mic Jack", "Front Mic Jack", "Rear Mic Jack", "Headset Jack"], .capture,
            .wired)
        + jacks(["Line Jack", "Front Line Jack", "Rear Line Jack"], .capture, .line)

    private static func jacks(_ names: [String], _ direction: AudioDirection, _ kind: AudioDeviceKind)
        -> [Jack]
    {
        names.map { Jack(name: $0, direction: direction, kind: kind) }
    }
}
