public import Media

/// The devices of the machine, as they were seen last; the default of each kind first.
public struct DeviceLists: Sendable, Hashable {
    public var microphones: [AudioDeviceInfo] = []
    public var speakers: [AudioDeviceInfo] = []
    public var cameras: [VideoDeviceInfo] = []

    public init() {}

    /// What is different from an earlier look.
    public func changes(since earlier: DeviceLists) -> DeviceChanges {
        var changes = DeviceChanges()
        changes.add("microphone", earlier.microphones, microphones, \.name)
        changes.add("speaker", earlier.speakers, speakers, \.name)
        changes.add("camera", earlier.cameras, cameras, \.name)
        return changes
    }

    /// - `kind`: `microphone`, `speaker`, `camera`.
    func names(of kind: String) -> [(id: DeviceID, name: String)] {
        switch kind {
        case "microphone": microphones.map { ($0.id, $0.name) }
        case "speaker": speakers.map { ($0.id, $0.name) }
        case "camera": cameras.map { ($0.id, $0.name) }
        default: []
        }
    }

    /// The cards that hear and speak, in the order of the speakers.
    var pairs: [String] {
        let cards = Set(microphones.compactMap(\.card))
        var pairs: [String] = []
        for card in speakers.compactMap(\.card) where cards.contains(card) && !pairs.contains(card) {
            pairs.append(card)
        }
        return pairs
    }

    func card(ofSpeaker id: DeviceID?) -> String? { speakers.first { $0.id == id }?.card }
    func card(ofMicrophone id: DeviceID?) -> String? { microphones.first { $0.id == id }?.card }
}

/// What came, went and changed between two looks at the devices.
public struct DeviceChanges: Sendable, Hashable {
    /// A device that is meant.
    public struct Item: Sendable, Hashable {
        /// `microphone`, `speaker`, `camera`.
        public var kind: String
        public var id: DeviceID
        public var name: String
    }

    public var added: [Item] = []
    public var removed: [Item] = []
    /// Devices whose name, jack, default or modes are others now.
    public var changed: [Item] = []

    public init() {}

    public var isEmpty: Bool { added.isEmpty && removed.isEmpty && changed.isEmpty }

    mutating func add<Info: Identifiable & Equatable>(
        _ kind: String, _ before: [Info], _ after: [Info], _ name: (Info) -> String
    ) where Info.ID == DeviceID {
        func item(_ info: Info) -> Item { Item(kind: kind, id: info.id, name: name(info)) }
        for info in after {
            guard let earlier = before.first(where: { $0.id == info.id }) else {
                added.append(item(info))
                continue
            }
            if earlier != info { changed.append(item(info)) }
        }
        removed += before.filter { info in !after.contains { $0.id == info.id } }.map(item)
    }
}
